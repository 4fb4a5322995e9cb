//! Whoever watches a run: told of each step, each event, and what was read.

use crate::decide::verdict::Stage;
use crate::evidence::journal::Event;
use crate::evidence::observations::Observation;
use crate::model::ids::DraftReference;
use crate::model::portal_facts::ListedException;
use crate::model::private::Private;

/// Progress for a person to watch: stage and place.
pub trait Watcher {
    /// A step begins.
    fn step(&self, stage: Stage, place: &str);
    /// An event stands in the journal.
    fn noted(&self, _event: &Event) {}
    /// Something was read at a place that the map declares. It has not passed the mask.
    fn on_observation(&self, _event: WatchEvent<'_>) {}
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl Watcher for Unwatched {
    fn step(&self, _: Stage, _: &str) {}
}

/// What was read at a place that the map declares.
#[derive(Debug, Clone, Copy)]
pub enum WatchEvent<'a> {
    /// What was judged.
    Observation(&'a Observation<'a>),
    /// Rows of the list of exceptions, looked up.
    Rows(&'a [ListedException]),
    Account(&'a Private<String>),
    /// Reference of a draft.
    Draft(&'a DraftReference),
    /// Number on the page that answered the commit.
    Number(&'a str),
}
