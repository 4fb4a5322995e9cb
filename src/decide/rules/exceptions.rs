//! The portal's list of exceptions: what stands there before the run begins.

use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::ids::ChangeId;
use crate::model::portal_facts::{ListedException, ListedState};
use crate::model::private::Fact;

/// What the list says before anything is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeforeEntry {
    /// Nothing stands in the way.
    Clear,
    /// Exactly one submitted exception carries this change's number: compare it with the record.
    PerhapsAlreadySubmitted(ListedException),
    /// Something stands in the way.
    Obstructed(Vec<HaltReason>),
}

/// `existing-exception`: an open draft or a submitted exception for the same service that is not this very change, more
/// than one for this change, or a row whose state the map does not know.
pub fn before_entry(change: &ChangeId, rows: &[ListedException]) -> BeforeEntry {
    let open: Vec<&ListedException> = rows.iter().filter(|row| row.state != ListedState::Closed).collect();
    if let [only] = open.as_slice()
        && only.state == ListedState::Submitted
        && only.change_id == change.as_str()
    {
        return BeforeEntry::PerhapsAlreadySubmitted((*only).clone());
    }
    if open.is_empty() {
        return BeforeEntry::Clear;
    }
    let reasons = open.into_iter().map(|row| {
        let state = match row.state {
            ListedState::Draft => "draft",
            ListedState::Submitted => "submitted",
            ListedState::Unknown => "in a state the map does not list",
            ListedState::Closed => "closed",
        };
        HaltReason {
            code: HaltCode::ExistingException,
            stage: Stage::Survey,
            subject: "exceptions".to_owned(),
            expected: Fact::public("no open exception for this service or change"),
            observed: row.fact(format!("{} for {}, {state}", row.number, row.change_id)),
            source: FactSource::Portal,
        }
    });
    BeforeEntry::Obstructed(reasons.collect())
}
