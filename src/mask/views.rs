//! What may be seen of halt reasons and observations: the shapes that evidence and command output carry.

use serde::Serialize;

use super::masked::{MaskGate, Masked};
use crate::decide::rules::controls::bare_label;
use crate::decide::rules::resumption::{Edit, Edited};
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::digest::Digest;
use crate::model::form::{FormValue, PlannedField, PlannedFile, WidgetKind};
use crate::model::ids::FieldId;
use crate::model::observed::{Found, ListedFile, ObservedControl};
use crate::model::portal_facts::{ListedException, ListedState};
use crate::model::private::{Exposure, Fact, Private};

/// A halt reason as it is kept and printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HaltView {
    /// Which rule.
    pub code: HaltCode,
    /// When.
    pub stage: Stage,
    /// What it is about.
    pub subject: String,
    /// What should have been.
    pub expected: Masked<String>,
    /// What was.
    pub observed: Masked<String>,
    /// Where the observation came from.
    pub source: FactSource,
}

/// One observed control: everything that was expected and seen of it and that a rule looks at, so that it can be judged again.
///
/// What is as it should be is left out: an omitted `label`, `observed` or `marked` is the one that was wanted, an omitted count
/// is one, an omitted flag is `false` and an omitted `equal` is `true`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObservationView {
    /// Field of the map.
    pub field: FieldId,
    /// Kind of control.
    pub kind: WidgetKind,
    /// Which part of the record the value comes from; it decides the halt code.
    pub path: String,
    /// How often it was found.
    #[serde(skip_serializing_if = "is_one")]
    pub matches: usize,
    /// Whether the map says that the portal marks it as mandatory.
    #[serde(skip_serializing_if = "is_false")]
    pub required: bool,
    /// Whether the portal marked it so, if otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marked: Option<bool>,
    /// Whether nobody could change it.
    #[serde(skip_serializing_if = "is_false")]
    pub locked: bool,
    /// Label that the map declares, without its decoration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wants: Option<Masked<String>>,
    /// Label it carried, without its decoration, if another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Masked<String>>,
    /// Value of the record.
    pub expected: Masked<String>,
    /// Whether that is nothing.
    #[serde(skip_serializing_if = "is_false")]
    pub blank: bool,
    /// Value it held, if another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Masked<String>>,
    /// Whether that other value was nothing.
    #[serde(skip_serializing_if = "is_false")]
    pub observed_blank: bool,
    /// Whether the two are equal.
    #[serde(skip_serializing_if = "is_true")]
    pub equal: bool,
    /// Wanted options that were not offered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Masked<String>>,
    /// How many options were offered, where one was missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered: Option<usize>,
    /// What the portal complained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complaint: Option<Masked<String>>,
    /// Whether it held what it holds on an empty form; only where an earlier run's draft is compared.
    #[serde(skip_serializing_if = "is_false")]
    pub untouched: bool,
}

fn is_one(count: &usize) -> bool {
    *count == 1
}

fn is_true(flag: &bool) -> bool {
    *flag
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// The text of a banner or a dialog, and what its wording meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WordingView {
    pub text: Masked<String>,
    /// Why it halts; left out when it is harmless.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<HaltCode>,
}

/// A file as the portal lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedFileView {
    /// File field that lists it; none on a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<FieldId>,
    /// Name; shown only if it is the name of a wanted file.
    pub name: Masked<String>,
    /// Length in bytes, where one is listed for a wanted name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Digest, where one is listed for a wanted name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
}

/// One row of the portal's list of exceptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedRowView {
    /// Number or draft reference.
    pub number: Masked<String>,
    /// Change id.
    pub change: Masked<String>,
    pub state: ListedState,
    /// Whether both are of known forms.
    pub recognised: bool,
    /// Whether the list says that it is for another service.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub other_service: bool,
}

/// One field of an earlier run's draft that is not as the agent left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EditView {
    /// Field of the map.
    pub field: FieldId,
    /// What became of it.
    pub edit: Edit,
    /// What the record says.
    pub record: Masked<String>,
    /// What the draft holds.
    pub draft: Masked<String>,
}

impl MaskGate {
    /// An edit with both sides masked.
    pub fn edit(&self, edited: &Edited) -> Masked<EditView> {
        Masked::passed(EditView {
            field: edited.field.clone(),
            edit: edited.edit,
            record: self.fact(&edited.record),
            draft: self.fact(&edited.draft),
        })
    }

    /// A halt reason with both sides masked.
    pub fn halt(&self, reason: &HaltReason) -> Masked<HaltView> {
        Masked::passed(HaltView {
            code: reason.code,
            stage: reason.stage,
            subject: reason.subject.clone(),
            expected: self.fact(&reason.expected),
            observed: self.fact(&reason.observed),
            source: reason.source,
        })
    }

    /// What was seen of one planned field; `empty` is the same control of an empty form, where a draft is compared with one.
    pub(crate) fn observation(
        &self,
        field: &PlannedField,
        found: Option<&Found<ObservedControl>>,
        empty: Option<&Found<ObservedControl>>,
    ) -> Masked<ObservationView> {
        let value = |text: String| self.fact(&Fact::field(&field.id, text));
        let wording = |label: &str| self.fact(&Fact::new(bare_label(label), Exposure::Wording));
        let mut view = ObservationView {
            field: field.id.clone(),
            kind: field.widget,
            path: field.path.to_string(),
            matches: 0,
            required: field.required,
            marked: None,
            locked: false,
            wants: field.label.as_deref().map(wording),
            label: None,
            expected: value(field.value.expose().as_text()),
            blank: field.value.expose().is_blank(),
            observed: None,
            observed_blank: false,
            equal: false,
            missing: Vec::new(),
            offered: None,
            complaint: None,
            untouched: false,
        };
        let control = match found {
            None | Some(Found::Absent) => return Masked::passed(view),
            Some(Found::Several(count)) => {
                view.matches = *count;
                return Masked::passed(view);
            }
            Some(Found::One(control)) => control,
        };
        view.matches = 1;
        view.marked = (control.required != field.required).then_some(control.required);
        view.locked = !control.editable;
        view.label = Some(wording(control.label.expose())).filter(|label| view.wants.as_ref() != Some(label));
        view.equal = control.value == field.value;
        if !view.equal {
            view.observed = Some(value(told_apart(control.value.expose(), field.value.expose())));
            view.observed_blank = control.value.expose().is_blank();
        }
        let offers = |wanted: &String| control.options.iter().any(|offered| offered.expose() == wanted);
        view.missing = field.options.iter().filter(|wanted| !offers(wanted)).cloned().map(value).collect();
        view.offered = (!view.missing.is_empty()).then_some(control.options.len());
        let message = |text: &Private<String>| self.fact(&Fact::new(text.expose().clone(), Exposure::Message));
        view.complaint = control.complaint.as_ref().map(message);
        view.untouched = matches!(empty, Some(Found::One(blank)) if blank.value == control.value);
        Masked::passed(view)
    }

    /// The text of a banner or a dialog, and what it meant.
    pub fn wording(&self, text: &Private<String>, means: Option<HaltCode>) -> Masked<WordingView> {
        let text = self.fact(&Fact::new(text.expose().clone(), Exposure::Message));
        Masked::passed(WordingView { text, means })
    }

    /// A listed file; everything about one that nobody `wanted` is hidden.
    pub(crate) fn listed_file(
        &self,
        field: Option<&FieldId>,
        file: &ListedFile,
        wanted: &[&PlannedFile],
    ) -> Masked<ListedFileView> {
        let name = file.name.expose();
        let known = wanted.iter().any(|wanted| wanted.name == *name);
        let exposure = if known { Exposure::Public } else { Exposure::Hidden };
        Masked::passed(ListedFileView {
            field: field.cloned(),
            name: self.fact(&Fact::new(name.clone(), exposure)),
            size: file.size.filter(|_| known),
            sha256: file.sha256.filter(|_| known),
        })
    }

    /// A row of the list of exceptions. A text that is `known` otherwise is no secret; any other is one unless the whole row is
    /// of known forms.
    pub(crate) fn listed_row(&self, row: &ListedException, known: &[&str]) -> Masked<ListedRowView> {
        let text = |text: &String| {
            let shown = row.recognised || known.contains(&text.as_str());
            self.fact(&Fact::new(text.clone(), if shown { Exposure::Public } else { Exposure::Hidden }))
        };
        Masked::passed(ListedRowView {
            number: text(&row.number),
            change: text(&row.change_id),
            state: row.state,
            recognised: row.recognised,
            other_service: row.other_service,
        })
    }
}

/// A text for `value` that is not the text of `other`, from which it differs: two choices can read as one.
fn told_apart(value: &FormValue, other: &FormValue) -> String {
    let text = value.as_text();
    if text != other.as_text() {
        return text;
    }
    match value {
        FormValue::Choices(choices) => format!("{} choices: {text}", choices.len()),
        FormValue::Text(_) => format!("text: {text}"),
        FormValue::Checked(_) => format!("tick: {text}"),
    }
}
