//! What a map may have meant: controls of the page that none of its fields finds, with the lines to paste.

use serde::Serialize;

use super::map_text::{field, located, plain};
use crate::decide::verdict::{HaltCode, HaltReason, Verdict};
use crate::model::ids::FieldId;
use crate::portal::webdriver::answer::SeenControl;
use crate::selectors::locator::Locator;
use crate::selectors::read::{SelectorMap, form_field};
use crate::selectors::schema::Field;

/// Most candidates for one field.
const MOST: usize = 3;
/// How alike two names must be, from 0 to 1.
const ALIKE: f64 = 0.6;

/// A control that may be meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Candidate {
    /// The field, or `form` for a control that the map does not know.
    subject: String,
    /// Its label.
    label: String,
    /// What to write into the map.
    paste: String,
}

impl Candidate {
    /// The candidate for people.
    pub(super) fn told(&self) -> String {
        let Self { subject, label, paste } = self;
        let lines: Vec<String> = paste.lines().map(|line| format!("        {line}")).collect();
        format!("      for {subject} perhaps {label:?}:\n{}", lines.join("\n"))
    }
}

/// Whether something is missing that the page may have otherwise, or has something that the map lacks.
pub(super) fn may_have_candidates(verdict: &Verdict) -> bool {
    verdict.reasons().iter().any(|reason| is_missing(reason) || reason.code == HaltCode::UnexpectedRequiredField)
}

fn is_missing(reason: &HaltReason) -> bool {
    [HaltCode::ControlMissing, HaltCode::ControlAmbiguous].contains(&reason.code)
}

/// For each field that is not there exactly once, the controls whose names are most like its own; then the mandatory controls that the
/// map does not know.
pub(super) fn candidates(map: &SelectorMap, verdict: &Verdict, seen: &[SeenControl]) -> Vec<Candidate> {
    let missing = verdict.reasons().iter().filter(|reason| is_missing(reason));
    let fields = missing.filter_map(|reason| form_field(&map.file, &FieldId::parse(&reason.subject).ok()?));
    let mut found: Vec<Candidate> = fields.flat_map(|field| nearest(field, seen)).collect();
    if verdict.reasons().iter().any(|reason| reason.code == HaltCode::UnexpectedRequiredField) {
        let mut ids =
            map.file.tabs.iter().flat_map(|tab| &tab.fields).map(|field| field.id.get_ref().to_string()).collect();
        found.extend(seen.iter().filter(|control| control.required).map(|control| declared(control, &mut ids)));
    }
    found
}

fn nearest(field: &Field, seen: &[SeenControl]) -> Vec<Candidate> {
    let wanted: Vec<String> = words(field).iter().map(|word| plain(word)).collect();
    let alike = |control: &SeenControl| {
        let names = [&control.label].into_iter().map(String::as_str).chain(control.names.split(' ')).map(plain);
        let pairs = names.flat_map(|name| wanted.iter().map(move |word| strsim::jaro_winkler(word, &name)));
        pairs.fold(0.0, f64::max)
    };
    let mut all: Vec<(f64, &SeenControl)> = seen.iter().map(|control| (alike(control), control)).collect();
    all.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let near = all.into_iter().filter(|(alike, _)| *alike >= ALIKE).take(MOST);
    let candidate = |control: &SeenControl| {
        let paste = format!("locate = {}", located(control.locate.as_ref()?));
        Some(Candidate { subject: field.id.get_ref().to_string(), label: control.label.clone(), paste })
    };
    near.filter_map(|(_, control)| candidate(control)).collect()
}

/// What the map calls a field.
fn words(field: &Field) -> Vec<&str> {
    let ways = field.locate.ways.iter().map(|way| match way {
        Locator::Css { value }
        | Locator::TestId { value }
        | Locator::Label { value }
        | Locator::Xpath { value }
        | Locator::Row { value } => value.as_str(),
        Locator::Role { role: _, name } => name.as_str(),
    });
    ways.chain(field.label.as_deref()).chain([field.id.get_ref().as_str()]).collect()
}

/// A field for a control that the map does not know.
fn declared(control: &SeenControl, ids: &mut Vec<String>) -> Candidate {
    let paste = field(control, ids).trim_start().to_owned();
    Candidate { subject: "form".to_owned(), label: control.label.clone(), paste }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::webdriver::answer::SeenWay;
    use crate::selectors::read::read;

    fn control(label: &str, names: &str, locate: SeenWay) -> SeenControl {
        let (label, names) = (label.to_owned(), names.to_owned());
        SeenControl { label, names, widget: "text".to_owned(), component: false, locate: Some(locate), required: true }
    }

    fn map() -> SelectorMap {
        read("map.toml".as_ref(), include_str!("../../selectors/reference.toml")).unwrap()
    }

    #[test]
    fn the_control_most_like_the_field_comes_first_and_what_is_not_alike_does_not_come() {
        let seen = [
            control("Quarter", "q", SeenWay::Css("#q".to_owned())),
            control("Version of the rollback", "rb", SeenWay::Label("Version of the rollback".to_owned())),
            control("Rollback version", "rv", SeenWay::Label("Rollback version".to_owned())),
        ];
        let map = map();
        let field = form_field(&map.file, &FieldId::parse("rollback_version").unwrap()).unwrap();
        let found: Vec<String> = nearest(field, &seen).into_iter().map(|candidate| candidate.paste).collect();
        assert_eq!(found[0], "locate = { label = \"Rollback version\" }");
        assert!(!found.iter().any(|paste| paste.contains("#q")), "{found:?}");
    }

    #[test]
    fn what_is_to_be_pasted_for_a_new_control_is_read_by_a_map() {
        let quoted = control("The \"new\" approval*", "n", SeenWay::Css("[name=\"new\"]".to_owned()));
        let Candidate { paste, .. } = declared(&quoted, &mut Vec::new());
        let text = include_str!("../../selectors/reference.toml");
        let text = text.replacen("[exceptions]\n", &format!("{paste}\n\n[exceptions]\n"), 1);
        let omits = |page: &str| format!("{page}\nomits = [\"the_new_approval\"]\n");
        let pages = ["[review]\n", "[confirmation.submitted]\n"];
        let text = pages.into_iter().fold(text, |text, page| text.replacen(page, &omits(page.trim_end()), 1));
        let map = read("map.toml".as_ref(), &text).unwrap_or_else(|error| panic!("{error}"));
        assert!(form_field(&map.file, &FieldId::parse("the_new_approval").unwrap()).is_some());
    }
}
