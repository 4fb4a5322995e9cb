//! Where a change stands once its run is over: what a person has to know before anything else.

use super::super::ending::Ending;
use crate::decide::verdict::HaltCode;
use crate::evidence::outcome::{DraftState, Outcome};

/// Where the change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Situation {
    /// The commit was released, and what became of it is not proven.
    InDoubt,
    /// One submission of the change stands in the portal, and it is not what was approved.
    Otherwise,
    /// A draft is in the portal, and its reference is known.
    Draft,
    /// A draft may be in the portal.
    PerhapsADraft,
    /// Nothing of the run is in the portal.
    Nothing,
    /// Another run has the change: this one did nothing.
    AnotherRun,
}

/// Where the change of a run that ended so stands; none where nobody has anything left to do.
pub(super) fn situation(ending: &Ending) -> Option<Situation> {
    match ending.outcome {
        Outcome::InDoubt if ending.otherwise.is_some() => Some(Situation::Otherwise),
        Outcome::InDoubt => Some(Situation::InDoubt),
        Outcome::HaltedDraft if ending.draft.is_some() => Some(Situation::Draft),
        Outcome::HaltedDraft => Some(Situation::PerhapsADraft),
        Outcome::HaltedAbandoned if ending.halt.first().is_some_and(|reason| refuses(reason.code)) => {
            Some(Situation::AnotherRun)
        }
        Outcome::HaltedAbandoned => Some(Situation::Nothing),
        Outcome::Submitted | Outcome::AlreadySubmitted | Outcome::DraftSaved | Outcome::Environment => None,
    }
}

/// Whether a run is refused with this code because of another one, which may have left something.
fn refuses(code: HaltCode) -> bool {
    matches!(code, HaltCode::ClaimedByAnotherRun | HaltCode::EarlierRunInDoubt)
}

impl Situation {
    /// Whether anything was submitted, as far as it is known.
    pub(super) fn submitted(self) -> &'static str {
        match self {
            Self::InDoubt => "unknown",
            Self::Otherwise => "yes, otherwise than approved",
            Self::Draft | Self::PerhapsADraft | Self::Nothing => "no",
            Self::AnotherRun => "not by this run",
        }
    }

    /// What happened, and where the draft is; `touched` says whether anything was entered or uploaded.
    pub(super) fn headline(self, ending: &Ending, touched: bool) -> String {
        let happened = match (ending.agreed, ending.halt.first()) {
            (Some(true), _) => "the doubt is ended, nothing was submitted".to_owned(),
            (Some(false) | None, Some(reason)) => format!("halted at {}", reason.stage),
            (Some(false) | None, None) => "halted".to_owned(),
        };
        match self {
            Self::InDoubt => {
                "in doubt: the commit was released once, and whether it was stored is not proven".to_owned()
            }
            Self::Otherwise => {
                let number = ending.otherwise.as_deref().unwrap_or_default();
                format!("submitted as {number}, and it is not what was approved")
            }
            Self::Draft => {
                let draft = ending.draft.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("{happened}; draft {draft} is in the portal, {}", standing(ending.draft_state))
            }
            Self::PerhapsADraft => format!("{happened}; a draft may be in the portal, and its reference is not known"),
            Self::Nothing if touched => format!("{happened}; a look-up shows nothing of this run in the portal"),
            Self::Nothing => format!("{happened}; nothing was entered in the portal"),
            Self::AnotherRun => "not begun; an earlier run of this change waits for somebody".to_owned(),
        }
    }
}

/// How far a draft is known.
pub(super) fn standing(state: Option<DraftState>) -> &'static str {
    match state {
        Some(DraftState::Verified) => "verified: it was reopened from the server and equals the record",
        Some(DraftState::Partial) => "partial: it was saved before everything was entered",
        Some(DraftState::Differs) => "and it differs from the record",
        Some(DraftState::Unread) | None => "not compared with the record",
    }
}
