//! What may be seen of halt reasons and observations: the shapes that evidence and command output carry.

use serde::Serialize;

use super::masked::{MaskGate, Masked};
use crate::decide::rules::resumption::{Edit, Edited};
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::form::{FormValue, PlannedField};
use crate::model::ids::FieldId;
use crate::model::observed::{Found, ObservedControl};
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

/// One observed control: what was expected and seen of it, and whether the two are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObservationView {
    /// Field of the map.
    pub field: FieldId,
    /// How often it was found.
    pub matches: usize,
    /// Label it carried.
    pub label: Option<Masked<String>>,
    /// Value of the record.
    pub expected: Masked<String>,
    /// Value it held.
    pub observed: Option<Masked<String>>,
    /// Whether the two are equal.
    pub equal: bool,
    /// Whether the portal complained.
    pub complaint: bool,
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

    /// What was seen of one planned field.
    pub fn observation(&self, field: &PlannedField, found: Option<&Found<ObservedControl>>) -> Masked<ObservationView> {
        let value = |value: &Private<FormValue>| self.fact(&Fact::field(&field.id, value.expose().as_text()));
        let (matches, control) = match found {
            None | Some(Found::Absent) => (0, None),
            Some(Found::Several(count)) => (*count, None),
            Some(Found::One(control)) => (1, Some(control)),
        };
        let wording = |label: &Private<String>| self.fact(&Fact::new(label.expose().clone(), Exposure::Wording));
        Masked::passed(ObservationView {
            field: field.id.clone(),
            matches,
            label: control.map(|control| wording(&control.label)),
            expected: value(&field.value),
            observed: control.map(|control| value(&control.value)),
            equal: control.is_some_and(|control| control.value == field.value),
            complaint: control.is_some_and(|control| control.complaint.is_some()),
        })
    }
}
