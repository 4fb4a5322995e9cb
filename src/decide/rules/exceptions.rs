//! The portal's list of exceptions: what stands in the way of this one.

use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::portal_facts::{ListedException, ListedState};
use crate::model::private::Fact;

/// Rows that are no closed exceptions.
pub fn opened(rows: &[ListedException]) -> impl Iterator<Item = &ListedException> {
    rows.iter().filter(|row| row.state != ListedState::Closed)
}

/// `existing-exception`: an open draft or a submitted exception for the same service or change that is not this very one, or a
/// row whose state the map does not know.
pub fn existing_exception(row: &ListedException) -> HaltReason {
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
}
