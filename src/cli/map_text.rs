//! What was seen of a form, as a selector map writes it.

use crate::model::record::unfilled;
use crate::portal::webdriver::answer::{SeenControl, SeenWay};

/// What labels usually call a part of the record. The first that a label holds counts.
const RECORD: [(&str, &str); 19] = [
    ("service owner", "service.owner"),
    ("service", "service.id"),
    ("configuration item", "service.id"),
    ("environment", "environment"),
    ("category", "category"),
    ("incident", "incident"),
    ("scope", "scope"),
    ("rollback plan", "rollback.plan"),
    ("rollback version", "rollback.version"),
    ("window start", "window.start"),
    ("window end", "window.end"),
    ("planned start", "window.start"),
    ("planned end", "window.end"),
    ("short description", "title"),
    ("change number", "change_id"),
    ("change request", "change_id"),
    ("revision", "revision"),
    ("requested by", "requester"),
    ("requester", "requester"),
];

/// A place that only a person can fill in.
pub(super) fn open(what: &str) -> String {
    text(&unfilled(what))
}

/// A name without what parts its words.
pub(super) fn plain(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A locator as a map writes it.
pub(super) fn located(way: &SeenWay) -> String {
    let (key, value) = match way {
        SeenWay::Label(value) => ("label", value),
        SeenWay::TestId(value) => ("test_id", value),
        SeenWay::Css(value) => ("css", value),
    };
    format!("{{ {key} = {} }}", text(value))
}

/// A text as TOML writes it.
pub(super) fn text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A field for a control; its identifier is none of `ids`, and joins them.
pub(super) fn field(control: &SeenControl, ids: &mut Vec<String>) -> String {
    let name = if control.label.is_empty() { &control.names } else { &control.label };
    let id = identifier(name, ids);
    let mut lines = vec![format!("\n[[tab.field]]\nid = {}", text(&id))];
    if !control.label.is_empty() {
        lines.push(format!("label = {}", text(&control.label)));
    }
    lines.push(format!("widget = {}", text(&control.widget)));
    if control.component {
        lines.push(format!("kind = {}", open("a kind of selectors/kinds, or one of your own")));
    }
    lines.push(format!("record = {}", record(control, &id)));
    let way = control.locate.as_ref().map(located);
    lines.push(format!("locate = {}", way.unwrap_or_else(|| format!("{{ css = {} }}", open("what finds it")))));
    if control.required {
        lines.push("required = true".to_owned());
    }
    if control.widget == "file" {
        let (rows, name) = (open("a row of the list of uploads"), open("the file's name in a row"));
        lines.push(format!("list = {{ rows = {{ css = {rows} }}, name = {name} }}"));
    }
    lines.join("\n")
}

/// Which part of the record a control takes, as far as its label tells.
fn record(control: &SeenControl, id: &str) -> String {
    let label = plain(&control.label);
    let known = RECORD.iter().find(|(words, _)| label.contains(words)).map(|(_, path)| *path);
    match (control.widget.as_str(), known) {
        ("file", _) => text(&format!("attachment.{}", id.replace('_', "-"))),
        (_, Some(path)) => text(path),
        ("read-only", None) => open("part of the record that this states, or delete the field"),
        (_, None) => text(&format!("details.{id}")),
    }
}

/// An identifier that no other has.
pub(super) fn identifier(name: &str, ids: &mut Vec<String>) -> String {
    let plain: String = plain(name).chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(40).collect();
    let plain = plain.trim_matches('_').to_owned();
    let base = if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain } else { format!("f_{plain}") };
    let apart = |place: usize| if place == 0 { base.clone() } else { format!("{base}_{}", place + 1) };
    let id = (0..).map(apart).find(|id| !ids.contains(id)).unwrap_or_default();
    ids.push(id.clone());
    id
}
