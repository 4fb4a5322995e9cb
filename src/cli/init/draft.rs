//! The draft of a map: what was seen on the form, and `<fill in: …>` where only a person knows.

use url::Url;

use crate::cli::map_text::{field, identifier, located, open, text};
use crate::portal::webdriver::outline::{FormOutline, SignInOutline, TabOutline};

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
    use crate::portal::webdriver::answer::{SeenControl, SeenWay};

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
