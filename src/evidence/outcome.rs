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

/// What the portal answered to the commit that was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum CommitAnswer {
    /// With this HTTP status.
    Status { status: u16 },
    /// It led on to the page for signing in.
    SignIn,
    /// Nothing came within the limit, or the connection broke.
    Nothing,
}

impl CommitAnswer {
    /// What is known of it, from an entry of the journal.
    pub fn of(status: Option<u16>, sign_in: bool) -> Self {
        match (status, sign_in) {
            (Some(_), true) => Self::SignIn,
            (Some(status), false) => Self::Status { status },
            (None, true | false) => Self::Nothing,
        }
    }

    /// For people.
    pub fn told(self) -> String {
        match self {
            Self::SignIn => "the portal led on to its page for signing in".to_owned(),
            Self::Nothing => "no answer came".to_owned(),
            Self::Status { status } => {
                let code = http::StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
                format!("the portal answered with HTTP status {status} {}", code.unwrap_or_default())
                    .trim_end()
                    .to_owned()
            }
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
