//! How a run ended, and how far its draft is known.

use serde::{Deserialize, Serialize};

/// How a run ended. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Released once, and a look-up proves exactly one.
    Submitted,
    /// The portal held exactly this exception before anything was entered.
    AlreadySubmitted,
    /// A verified draft, as asked for.
    DraftSaved,
    /// Stopped with a draft in the portal.
    HaltedDraft,
    /// Stopped with nothing left in the portal.
    HaltedAbandoned,
    /// Released, and the result cannot be proven.
    InDoubt,
    /// Something did not answer before the first keystroke.
    Environment,
}

impl Outcome {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::AlreadySubmitted => "already-submitted",
            Self::DraftSaved => "draft-saved",
            Self::HaltedDraft => "halted-draft",
            Self::HaltedAbandoned => "halted-abandoned",
            Self::InDoubt => "in-doubt",
            Self::Environment => "environment",
        }
    }
}

/// How far the draft in the portal is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DraftState {
    /// Reopened from the server, equal to the record.
    Verified,
    /// Saved before everything was entered.
    Partial,
    /// Reopened, and it differs.
    Differs,
    /// Not reopened, or not even known to exist.
    Unread,
}
