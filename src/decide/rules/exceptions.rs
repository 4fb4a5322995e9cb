//! The portal's list of exceptions: what stands in the way of this one.

use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::ids::{ChangeId, DraftReference};
use crate::model::portal_facts::{ListedException, ListedState};
use crate::model::private::Fact;

/// Rows that stand in the way of this change, or are its own: not closed, and not for another service. A row with this change's
/// number counts whatever it says of the service.
pub fn opened<'a>(change: &ChangeId, rows: &'a [ListedException]) -> impl Iterator<Item = &'a ListedException> {
    let concerns = |row: &&ListedException| !row.other_service || row.change_id == change.as_str();
    rows.iter().filter(|row| row.state != ListedState::Closed).filter(concerns)
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

/// `control-missing`, third case: the list does not show a draft that is there, so that it would not show one that stands in the
/// way either.
pub(crate) fn not_listed(draft: &DraftReference, rows: &[ListedException]) -> Option<HaltReason> {
    let shows = |row: &&ListedException| row.number == draft.as_str() && row.state == ListedState::Draft;
    rows.iter().find(shows).is_none().then(|| HaltReason {
        code: HaltCode::ControlMissing,
        stage: Stage::Survey,
        subject: "exceptions".to_owned(),
        expected: Fact::public(format!("a row for {draft}, as a draft")),
        observed: Fact::public(format!("{} rows, none of them that draft", rows.len())),
        source: FactSource::Portal,
    })
}
