//! Deliberate mistakes, for the simulation and for replays to catch. In the product there are none: every question is answered `false` when it is
//! compiled.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// A run that may have committed is gone on with like any other.
    RetryCommit,
    /// The sources are not read again while the request is held.
    SkipRecheck,
    /// The intent is written after the release.
    IntentAfterRelease,
    /// A run is taken over without fencing it off.
    NoFence,
    /// An earlier run's leavings are looked up before they can have arrived.
    NoPatience,
    /// The claim is given back whatever is left.
    FreeAnyway,
    /// What the request carries is not compared.
    SkipPayload,
    /// What a tab holds after it was filled is not compared.
    SkipReadBack,
    /// The reopened draft is not judged.
    DropDraftRule,
    /// Tabs are filled from the last to the first.
    ReorderTabs,
}

#[cfg(test)]
thread_local! {
    static ACTIVE: std::cell::Cell<Option<Mutation>> = const { std::cell::Cell::new(None) };
}

/// Makes this mistake from now on, in this thread.
#[cfg(test)]
pub fn make(mutation: Option<Mutation>) {
    ACTIVE.set(mutation);
}

/// Whether this mistake is to be made.
#[cfg(test)]
pub fn is(mutation: Mutation) -> bool {
    ACTIVE.get() == Some(mutation)
}

/// Whether this mistake is to be made: never.
#[cfg(not(test))]
pub const fn is(_: Mutation) -> bool {
    false
}
