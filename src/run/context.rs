//! What a run goes by while it is under way: sources, time, whoever may stop it, whoever watches.

use super::clock::Clock;
use super::interrupt::Interrupt;
use super::watch::Watcher;
use crate::sources::Sources;

/// The surroundings of a run.
#[derive(Clone)]
pub(crate) struct RunContext<'a> {
    /// Where facts come from.
    pub sources: &'a dyn Sources,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Who may stop it.
    pub interrupt: Interrupt,
    /// Who watches.
    pub watcher: &'a dyn Watcher,
}
