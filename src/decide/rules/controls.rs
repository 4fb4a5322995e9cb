//! What a tab looks like before anything is typed: controls, labels, mandatory marks, options, banners.

use regex::Regex;

use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::banner::{BannerMeaning, BannerRule};
use crate::model::form::{PlannedField, WidgetKind};
use crate::model::observed::{Found, ObservedBanner, ObservedControl, StrangeControl};
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

/// `label-changed`: the control carries another label than the map declares. A trailing `*` or `:` is decoration.
pub fn label_changed(stage: Stage, field: &PlannedField, control: &ObservedControl) -> Option<HaltReason> {
    let expected = field.label.as_deref()?;
    let bare = |label: &str| label.trim_end_matches(['*', ':', ' ', '\u{a0}']).to_owned();
    let observed = control.label.expose();
    (bare(expected) != bare(observed))
        .then(|| reason(HaltCode::LabelChanged, stage, &field.id, wording(expected), wording(observed.clone())))
}

/// `unexpected-required-field`: a mandatory control that the map does not know.
pub fn unexpected_required_field(stage: Stage, strange: &[StrangeControl]) -> Vec<HaltReason> {
    strange
        .iter()
        .map(|control| {
            let label = wording(control.label.expose().clone());
            reason(HaltCode::UnexpectedRequiredField, stage, "form", Fact::public("no further mandatory field"), label)
        })
        .collect()
}

/// `unexpected-required-field`, second case: a mapped field became mandatory while the record has nothing to enter.
pub fn required_without_value(stage: Stage, field: &PlannedField, control: &ObservedControl) -> Option<HaltReason> {
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
pub fn control_locked(stage: Stage, field: &PlannedField, control: &ObservedControl) -> Option<HaltReason> {
    let must_enter = match field.widget {
        WidgetKind::ReadOnly | WidgetKind::File => false,
        WidgetKind::Text
        | WidgetKind::LongText
        | WidgetKind::Select
        | WidgetKind::MultiSelect
        | WidgetKind::Checkbox
        | WidgetKind::Radio
        | WidgetKind::Date
        | WidgetKind::Time
        | WidgetKind::DateTime
        | WidgetKind::Number => !field.value.expose().is_blank(),
    };
    let holds = control.value == field.value;
    (must_enter && !control.editable && !holds).then(|| {
        let (open, locked) = (Fact::public("an editable control"), Fact::public("a control that cannot be changed"));
        reason(HaltCode::ControlMissing, stage, &field.id, open, locked)
    })
}

/// `scope-broadening`, `unexpected-banner` and the other meanings of banners; a text that no rule lists is unexpected.
pub fn banners(stage: Stage, banners: &[ObservedBanner], rules: &[BannerRule]) -> Vec<HaltReason> {
    banners
        .iter()
        .filter_map(|banner| {
            let text = banner.text.expose();
            let rule = rules.iter().find(|rule| Regex::is_match(&rule.pattern, text));
            let code = match rule.map(|rule| rule.meaning) {
                Some(BannerMeaning::Harmless) => return None,
                Some(BannerMeaning::ScopeBroadening) => HaltCode::ScopeBroadening,
                Some(BannerMeaning::ValidationRejected) => HaltCode::ValidationRejected,
                Some(BannerMeaning::SessionLost) => HaltCode::SessionLost,
                Some(BannerMeaning::PortalError) => HaltCode::PortalError,
                None => HaltCode::UnexpectedBanner,
            };
            let observed = Fact::new(text.clone(), Exposure::Message);
            Some(reason(code, stage, "banner", Fact::public("no banner beside those listed"), observed))
        })
        .collect()
}
