//! How a run ends, and what follows from it for the claim and for the browser.

use crate::decide::rules::resumption::Edited;
use crate::decide::verdict::HaltReason;
use crate::evidence::outcome::{DraftState, Outcome};
use crate::model::ids::DraftReference;
use crate::model::private::{Fact, Private};
use crate::model::residue::PortalResidue;
use crate::model::time::Instant;

/// How a run ended.
#[derive(Debug)]
pub struct Ending {
    pub outcome: Outcome,
    /// Why it halted.
    pub halt: Vec<HaltReason>,
    /// What did not answer, for outcome `environment`.
    pub environment: Option<String>,
    pub draft: Option<DraftReference>,
    /// How far it is known.
    pub draft_state: Option<DraftState>,
    /// What became of an earlier run's draft since the agent saw it.
    pub edits: Vec<Edited>,
    /// Number of the submitted exception.
    pub number: Option<Fact>,
    /// Account at the portal.
    pub account: Option<Private<String>>,
    /// Where the run stood when it ended.
    pub stood_on: String,
    /// Commit requests let go.
    pub released: u64,
    /// From the last answer of a source to the first forwarded byte, in milliseconds.
    pub recheck_to_commit_ms: Option<f64>,
    /// Whether a person's word on an in-doubt run was agreed with.
    pub agreed: Option<bool>,
    /// The commit was released at this time, and the portal could not be asked what became of it: for this reason.
    pub unasked: Option<(Instant, HaltReason)>,
}

impl Ending {
    /// A run that ended before its browser was there.
    pub fn early(outcome: Outcome, halt: Vec<HaltReason>, environment: Option<String>, stood_on: &str) -> Self {
        Self {
            outcome,
            halt,
            environment,
            draft: None,
            draft_state: None,
            edits: Vec::new(),
            number: None,
            account: None,
            stood_on: stood_on.to_owned(),
            released: 0,
            recheck_to_commit_ms: None,
            agreed: None,
            unasked: None,
        }
    }
}

/// A run that halted before it touched the portal leaves what an earlier one had left.
pub(super) fn halted_early(left: Option<&PortalResidue>, halt: Vec<HaltReason>) -> Ending {
    let ending = Ending::early(Outcome::HaltedAbandoned, halt, None, "packet: before the browser");
    match left {
        None | Some(PortalResidue::Nothing | PortalResidue::Submission { .. }) => ending,
        Some(PortalResidue::PerhapsADraft { .. }) => {
            Ending { outcome: Outcome::HaltedDraft, draft_state: Some(DraftState::Unread), ..ending }
        }
        Some(PortalResidue::Draft { draft }) => Ending {
            outcome: Outcome::HaltedDraft,
            draft: Some(draft.clone()),
            draft_state: Some(DraftState::Unread),
            ..ending
        },
        Some(PortalResidue::PerhapsASubmission { draft, .. }) => {
            Ending { outcome: Outcome::InDoubt, draft: Some(draft.clone()), ..ending }
        }
    }
}

/// The claim is kept while a person or a later run still has to do something with this change.
pub(super) fn frees(outcome: Outcome, left: &PortalResidue) -> bool {
    match outcome {
        Outcome::Submitted | Outcome::AlreadySubmitted | Outcome::HaltedAbandoned => true,
        Outcome::Environment => left.is_settled(),
        Outcome::DraftSaved | Outcome::HaltedDraft | Outcome::InDoubt => false,
    }
}

/// Whether the change stands submitted at the portal.
pub(super) fn submitted(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Submitted | Outcome::AlreadySubmitted => true,
        Outcome::DraftSaved
        | Outcome::HaltedDraft
        | Outcome::HaltedAbandoned
        | Outcome::InDoubt
        | Outcome::Environment => false,
    }
}

/// Whether the live browser is of use to a person.
pub(super) fn hands_over(outcome: Outcome) -> bool {
    match outcome {
        Outcome::HaltedDraft | Outcome::HaltedAbandoned | Outcome::InDoubt => true,
        Outcome::Submitted | Outcome::AlreadySubmitted | Outcome::DraftSaved | Outcome::Environment => false,
    }
}
