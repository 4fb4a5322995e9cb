//! Values that the portal shows against values of the record, from the first survey to the confirmed exception.

use super::differences::difference;
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::form::{PlannedField, RecordPath};
use crate::model::observed::ObservedControl;
use crate::model::private::{Exposure, Fact, Private};

/// How two values of this field are shown when they differ: times, identifiers and people are public, the rest is as
/// visible as the field.
fn exposure(field: &PlannedField) -> Exposure {
    match field.path {
        RecordPath::ChangeId
        | RecordPath::Revision
        | RecordPath::ServiceId
        | RecordPath::ServiceOwner
        | RecordPath::RollbackVersion
        | RecordPath::WindowStart
        | RecordPath::WindowEnd
        | RecordPath::ExceptsId
        | RecordPath::ExceptsStart
        | RecordPath::ExceptsEnd
        | RecordPath::Approver(_) => Exposure::Public,
        RecordPath::Title
        | RecordPath::Requester
        | RecordPath::Environment
        | RecordPath::Category
        | RecordPath::Incident
        | RecordPath::Scope
        | RecordPath::RollbackPlan
        | RecordPath::Attachment(_)
        | RecordPath::Detail(_)
        | RecordPath::Constant => Exposure::Field(field.id.clone()),
    }
}

fn differs(code: HaltCode, stage: Stage, field: &PlannedField, observed: &ObservedControl) -> Option<HaltReason> {
    (observed.value != field.value).then(|| {
        // The portal's side is never more visible than the map declares: it may show something else altogether.
        HaltReason {
            code,
            stage,
            subject: field.id.to_string(),
            expected: Fact::new(field.value.expose().as_text(), exposure(field)),
            observed: Fact::new(observed.value.expose().as_text(), Exposure::Field(field.id.clone()))
                .or_tell(difference(field.value.expose(), observed.value.expose())),
            source: FactSource::Portal,
        }
    })
}

/// What it means that the portal itself states something else than the record: the code a person looks for first.
pub(crate) fn code_of_stated_difference(path: &RecordPath, otherwise: HaltCode) -> HaltCode {
    match path {
        RecordPath::ServiceOwner => HaltCode::OwnerMismatch,
        RecordPath::ExceptsId | RecordPath::ExceptsStart | RecordPath::ExceptsEnd => HaltCode::FreezeWindowChanged,
        RecordPath::Approver(_) => HaltCode::ApproverMismatch,
        RecordPath::WindowStart | RecordPath::WindowEnd => HaltCode::WindowMismatch,
        RecordPath::Category => HaltCode::CategoryMismatch,
        RecordPath::Incident => HaltCode::IncidentMismatch,
        RecordPath::RollbackPlan | RecordPath::RollbackVersion => HaltCode::RollbackVersionMismatch,
        RecordPath::ServiceId | RecordPath::Environment | RecordPath::Scope => HaltCode::ScopeMismatch,
        RecordPath::ChangeId
        | RecordPath::Revision
        | RecordPath::Title
        | RecordPath::Requester
        | RecordPath::Attachment(_)
        | RecordPath::Detail(_)
        | RecordPath::Constant => otherwise,
    }
}

/// Read-only values of the portal: owner, approvers, freeze window and the like, each with the code of its kind.
pub(crate) fn stated_value_differs(
    stage: Stage,
    field: &PlannedField,
    observed: &ObservedControl,
) -> Option<HaltReason> {
    // A constant in a read-only place is a state, such as "Approved" beside an approver.
    let otherwise =
        if field.path == RecordPath::Constant { HaltCode::ApprovalRevoked } else { HaltCode::SummaryDiffers };
    differs(code_of_stated_difference(&field.path, otherwise), stage, field, observed)
}

/// `value-not-held`: after entering, the control holds something else.
pub fn value_not_held(field: &PlannedField, observed: &ObservedControl) -> Option<HaltReason> {
    differs(HaltCode::ValueNotHeld, Stage::Fill, field, observed)
}

/// `validation-rejected`: the portal complains about a value.
pub fn validation_rejected(
    stage: Stage,
    field: &PlannedField,
    complaint: Option<&Private<String>>,
) -> Option<HaltReason> {
    complaint.map(|complaint| HaltReason {
        code: HaltCode::ValidationRejected,
        stage,
        subject: field.id.to_string(),
        expected: Fact::public("no complaint"),
        observed: Fact::new(complaint.expose().clone(), Exposure::Message),
        source: FactSource::Portal,
    })
}

/// `draft-differs`: the draft, reopened from the server, holds something else.
pub fn draft_differs(field: &PlannedField, observed: &ObservedControl) -> Option<HaltReason> {
    differs(HaltCode::DraftDiffers, Stage::Draft, field, observed)
}

/// `summary-differs`: the portal's own summary states something else.
pub fn summary_differs(stage: Stage, field: &PlannedField, observed: &ObservedControl) -> Option<HaltReason> {
    differs(HaltCode::SummaryDiffers, stage, field, observed)
}
