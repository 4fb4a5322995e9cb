//! What else a portal tells: its list of exceptions, and the commit request the browser made.

use super::digest::Digest;
use super::ids::DraftReference;
use super::private::Private;
use super::time::Instant;

/// State of an exception in the portal's list, by the selector map's table of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedState {
    /// A draft.
    Draft,
    /// Submitted, or further along.
    Submitted,
    /// Closed, withdrawn or rejected: no obstacle.
    Closed,
    /// A word that the map does not list.
    Unknown,
}

/// One row of the portal's list of exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedException {
    /// Number or draft reference, as listed.
    pub number: String,
    /// Change id, as listed.
    pub change_id: String,
    /// State.
    pub state: ListedState,
    /// When it was created or submitted, where listed.
    pub created_at: Option<Instant>,
}

/// A request that could finalise a submission, as the gateway holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitContent {
    /// Parameters of path, query and body, in that order.
    pub parameters: Vec<(String, Private<String>)>,
    /// Digest over method, URL, content type and body.
    pub digest: Digest,
}

/// What a look-up after the release found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedUp {
    /// Rows for this change.
    pub rows: Vec<ListedException>,
}

impl LookedUp {
    /// Rows that are submitted or further along.
    pub fn submitted(&self) -> impl Iterator<Item = &ListedException> {
        self.rows.iter().filter(|row| row.state == ListedState::Submitted)
    }

    /// The draft of this reference, if it is listed as one.
    pub fn draft(&self, reference: &DraftReference) -> Option<&ListedException> {
        self.rows.iter().find(|row| row.state == ListedState::Draft && row.number == reference.as_str())
    }
}
