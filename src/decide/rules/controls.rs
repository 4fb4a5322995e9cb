//! What a tab looks like before anything is typed: controls, labels, mandatory marks, options, banners.

use regex::Regex;

use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::banner::{BannerMeaning, BannerRule};
use crate::model::form::{Part, PlannedField, WidgetKind};
use crate::model::observed::{Found, ObservedBanner, ObservedControl, UnmappedRequired};
use crate::model::private::{Exposure, Fact};

fn reason(code: HaltCode, stage: Stage, subject: impl ToString, expected: Fact, observed: Fact) -> HaltReason {
    HaltReason { code, stage, subject: subject.to_string(), expected, observed, source: FactSource::Portal }
}

fn wording(text: impl Into<String>) -> Fact {
    Fact::new(text, Exposure::Wording)
}

/// `control-missing`: the locators of a mapped control match nothing.
pub fn control_missing(
    stage: Stage,
    field: &PlannedField,
    found: Option<&Found<ObservedControl>>,
) -> Option<HaltReason> {
    matches!(found, None | Some(Found::Absent))
        .then(|| reason(HaltCode::ControlMissing, stage, &field.id, Fact::public("one control"), Fact::public("none")))
}

/// `control-ambiguous`: the locators of a mapped control match several elements.
pub fn control_ambiguous(
    stage: Stage,
    field: &PlannedField,
    found: Option<&Found<ObservedControl>>,
) -> Option<HaltReason> {
    match found {
        Some(Found::Several(count)) => Some(reason(
            HaltCode::ControlAmbiguous,
            stage,
            &field.id,
            Fact::public("one control"),
            Fact::public(format!("{count} controls")),
        )),
        None | Some(Found::One(_) | Found::Absent) => None,
    }
}

/// Marks before and after a label that are no part of it.
const MARKS: [char; 6] = ['*', '＊', ':', '：', ' ', '\u{a0}'];

/// What some portals write behind a label, in brackets.
const NOTES: [&str; 3] = ["(required)", "(mandatory)", "(optional)"];

/// A label without its decoration: what two labels are compared by.
pub(crate) fn bare_label(label: &str) -> &str {
    let bare = label.trim_matches(MARKS);
    let note = NOTES.iter().find_map(|note| {
        let at = bare.len().checked_sub(note.len())?;
        bare.get(at..)?.eq_ignore_ascii_case(note).then_some(at)
    });
    note.map_or(bare, |at| bare_label(&bare[..at]))
}

/// `label-changed`: the control carries another label than the map declares. Stars and colons around it are decoration, and so is `(required)` or `(optional)` behind it.
pub fn label_changed(stage: Stage, field: &PlannedField, control: &ObservedControl) -> Option<HaltReason> {
    let expected = field.label.as_deref()?;
    let observed = control.label.expose();
    (bare_label(expected) != bare_label(observed))
        .then(|| reason(HaltCode::LabelChanged, stage, &field.id, wording(expected), wording(observed.clone())))
}

/// `unexpected-required-field`: a mandatory control that the map does not know.
pub fn unexpected_required_field(stage: Stage, strange: &[UnmappedRequired]) -> Vec<HaltReason> {
    strange
        .iter()
        .map(|control| {
            let label = wording(control.label.expose().clone());
            reason(HaltCode::UnexpectedRequiredField, stage, "form", Fact::public("no further mandatory field"), label)
        })
        .collect()
}

/// `unexpected-required-field`, second case: a mapped field became mandatory while the record has nothing to enter.
pub(crate) fn required_without_value(
    stage: Stage,
    field: &PlannedField,
    control: &ObservedControl,
) -> Option<HaltReason> {
    let blank = field.widget != WidgetKind::File && field.value.expose().is_blank();
    (control.required && !field.required && blank).then(|| {
        let (optional, mandatory) = (Fact::public("optional"), Fact::public("mandatory, and the record has no value"));
        reason(HaltCode::UnexpectedRequiredField, stage, &field.id, optional, mandatory)
    })
}

/// `option-missing`: an option to choose is not offered.
pub fn option_missing(stage: Stage, field: &PlannedField, control: &ObservedControl) -> Vec<HaltReason> {
    field
        .options
        .iter()
        .filter(|wanted| !control.options.iter().any(|offered| offered.expose() == *wanted))
        .map(|wanted| {
            let observed = Fact::public(format!("not among {} options", control.options.len()));
            reason(HaltCode::OptionMissing, stage, &field.id, Fact::field(&field.id, wanted.clone()), observed)
        })
        .collect()
}

/// `control-missing`, second case: the control is there but cannot be changed, so that the value cannot be entered.
pub(crate) fn control_locked(stage: Stage, field: &PlannedField, control: &ObservedControl) -> Option<HaltReason> {
    let must_enter = field.widget.part() == Part::Entered && !field.value.expose().is_blank();
    let holds = control.value == field.value;
    (must_enter && !control.editable && !holds).then(|| {
        let (open, locked) = (Fact::public("an editable control"), Fact::public("a control that cannot be changed"));
        reason(HaltCode::ControlMissing, stage, &field.id, open, locked)
    })
}

/// What is left of a text when everything harmless is taken out of it: nothing but punctuation, or something unlisted.
fn is_harmless(text: &str, rules: &[BannerRule]) -> bool {
    let harmless = rules.iter().filter(|rule| rule.meaning == BannerMeaning::Harmless);
    let rest = harmless.fold(text.to_owned(), |rest, rule| rule.pattern.replace_all(&rest, " ").into_owned());
    !rest.chars().any(char::is_alphanumeric)
}

/// The first rule whose meaning is a reason to halt, wherever in the text it matches. It is all that a dialog is asked for.
pub fn warning(text: &str, rules: &[BannerRule]) -> Option<HaltCode> {
    rules.iter().filter(|rule| Regex::is_match(&rule.pattern, text)).find_map(|rule| match rule.meaning {
        BannerMeaning::Harmless => None,
        BannerMeaning::ScopeBroadening => Some(HaltCode::ScopeBroadening),
        BannerMeaning::ValidationRejected => Some(HaltCode::ValidationRejected),
        BannerMeaning::SessionLost => Some(HaltCode::SessionLost),
        BannerMeaning::PortalError => Some(HaltCode::PortalError),
    })
}

/// Why a banner of this text halts; none when it is harmless to the last word.
pub(crate) fn banner_meaning(text: &str, rules: &[BannerRule]) -> Option<HaltCode> {
    match warning(text, rules) {
        Some(code) => Some(code),
        None if is_harmless(text, rules) => None,
        None => Some(HaltCode::UnexpectedBanner),
    }
}

/// The dialog before the commit: its wording is the map's, and must still hold no warning.
pub(crate) fn dialog_warning(stage: Stage, text: &str, rules: &[BannerRule]) -> Option<HaltReason> {
    let observed = || Fact::new(text, Exposure::Message);
    warning(text, rules).map(|code| reason(code, stage, "dialog", Fact::public("no warning in the dialog"), observed()))
}

/// `scope-broadening`, `unexpected-banner` and the other meanings of banners. A warning counts wherever it stands; what is
/// neither a warning nor harmless to the last word is unexpected.
pub fn banners(stage: Stage, banners: &[ObservedBanner], rules: &[BannerRule]) -> Vec<HaltReason> {
    banners
        .iter()
        .filter_map(|banner| {
            let text = banner.text.expose();
            let code = banner_meaning(text, rules)?;
            let observed = Fact::new(text.clone(), Exposure::Message);
            Some(reason(code, stage, "banner", Fact::public("no banner beside those listed"), observed))
        })
        .collect()
}
