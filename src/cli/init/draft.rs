//! The draft of a map: what was seen on the form, and `<fill in: …>` where only a person knows.

use url::Url;

use crate::cli::candidates::{located, plain, text};
use crate::model::record::unfilled;
use crate::portal::webdriver::answer::SeenControl;
use crate::portal::webdriver::outline::{FormOutline, SignInOutline, TabOutline};

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

/// The map of a form at this address.
pub(super) fn map(address: &Url, path: &str, form: &FormOutline) -> String {
    let mut lines = vec![
        format!(
            "# Drafted from {address}. Replace what reads <fill in: …>, then run `portal-agent selectors check` on this file."
        ),
        "schema = \"portal-agent/map/2\"".to_owned(),
        format!("name = {}", text(address.host_str().unwrap_or("portal"))),
        format!("base_url = {}", text(super::base_of(address).as_str())),
        format!("time_zone = {}", open("zone of the portal's times, as Europe/Berlin")),
        "\n[show]\nwording = true   # labels and headings are the portal's own words".to_owned(),
    ];
    lines.push(login(form.sign_in.as_ref()));
    lines.push(format!(
        "\n[page]\nsigned_in = {{ css = {} }}\nsigned_out = {{ css = \"input[type=password]\" }}\nbanners = {{ css = \"[role=alert]\" }}",
        open("what shows the account on every page")
    ));
    lines.push(format!(
        "\n[form]\npath = {}\ndraft_path = {}\nready = {{ css = {} }}",
        text(path),
        open("path of a saved draft, with {draft} for its reference"),
        text(if form.tabs.iter().any(|tab| tab.name.is_some()) { "[role=tablist]" } else { "form" }),
    ));
    let mut ids = Vec::new();
    lines.extend(form.tabs.iter().map(|tab| tab_of(tab, &mut ids)));
    lines.push(rest(form, &ids));
    lines.join("\n") + "\n"
}

fn open(what: &str) -> String {
    text(&unfilled(what))
}

fn login(sign_in: Option<&SignInOutline>) -> String {
    let Some(SignInOutline { path, account, password, button }) = sign_in else {
        let field = open("field of the sign-in page");
        return format!(
            "\n[login]\npath = {}\nuser = {{ css = {field} }}\npassword = {{ css = {field} }}\nsubmit = {{ css = {field} }}",
            open("path of the sign-in page")
        );
    };
    let way = |way: &Option<_>, what| way.as_ref().map_or_else(|| format!("{{ css = {} }}", open(what)), located);
    format!(
        "\n[login]\npath = {}\nuser = {}\npassword = {}\nsubmit = {{ role = \"button\", name = {} }}",
        text(path),
        way(account, "field for the account"),
        way(password, "field for the password"),
        text(button)
    )
}

fn tab_of(tab: &TabOutline, ids: &mut Vec<String>) -> String {
    let name = tab.name.as_deref().unwrap_or("form");
    let mut lines = vec![format!("\n[[tab]]\nid = {}", text(&identifier(name, ids)))];
    if let Some(name) = &tab.name {
        lines.push(format!("open = {{ role = \"tab\", name = {} }}", text(name)));
    }
    lines.push(match (&tab.panel, &tab.name) {
        (Some(panel), _) => format!("panel = {{ css = {} }}", text(&format!("[id=\"{panel}\"]"))),
        (None, None) => "panel = { css = \"form\" }".to_owned(),
        (None, Some(_)) => format!("panel = {{ css = {} }}", open("what this tab shows")),
    });
    lines.extend(tab.controls.iter().map(|control| field(control, ids)));
    lines.join("\n")
}

fn field(control: &SeenControl, ids: &mut Vec<String>) -> String {
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
fn identifier(name: &str, ids: &mut Vec<String>) -> String {
    let plain: String = plain(name).chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(40).collect();
    let plain = plain.trim_matches('_').to_owned();
    let base = if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain } else { format!("f_{plain}") };
    let apart = |place: usize| if place == 0 { base.clone() } else { format!("{base}_{}", place + 1) };
    let id = (0..).map(apart).find(|id| !ids.contains(id)).unwrap_or_default();
    ids.push(id.clone());
    id
}

/// What the form does not tell.
fn rest(form: &FormOutline, ids: &[String]) -> String {
    let save = form.buttons.iter().find(|name| name.to_lowercase().contains("save"));
    let save = save.map_or_else(
        || format!("{{ css = {} }}", open("button that saves a draft")),
        |name| format!("{{ role = \"button\", name = {} }}", text(name)),
    );
    let example = ids.get(1).map_or("service", String::as_str);
    include_str!("rest.toml").replace("\"@save\"", &save).replace("@field", example)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::webdriver::answer::SeenWay;

    fn control(label: &str, widget: &str) -> SeenControl {
        SeenControl {
            label: label.to_owned(),
            names: String::new(),
            widget: widget.to_owned(),
            component: false,
            locate: Some(SeenWay::Label(label.to_owned())),
            required: false,
        }
    }

    fn drafted(controls: Vec<SeenControl>) -> String {
        let tab = TabOutline { name: Some("Main".to_owned()), panel: Some("p:1".to_owned()), controls };
        let form = FormOutline { sign_in: None, tabs: vec![tab], buttons: vec!["Save as draft".to_owned()] };
        map(&"https://portal.example/new?kind=1".parse().unwrap(), "/new?kind=1", &form)
    }

    #[test]
    fn what_the_form_tells_is_in_the_map_and_all_else_is_to_be_filled_in() {
        let text =
            drafted(vec![control("Service \"id\"", "text"), control("Reason", "text"), control("Reason", "text")]);
        toml::from_str::<toml::Value>(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        for expected in [
            "record = \"service.id\"",
            "record = \"details.reason\"",
            "record = \"details.reason_2\"",
            "path = \"/new?kind=1\"",
            "name = \"Save as draft\"",
            "panel = { css = '[id=\"p:1\"]' }",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        let told = crate::selectors::read::read("map.toml".as_ref(), &text).map(drop).unwrap_err().to_string();
        assert!(told.contains("time_zone: is still to be filled in"), "{told}");
    }
}
