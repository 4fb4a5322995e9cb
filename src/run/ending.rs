//! How a run ends, and what follows from it for the claim and for the browser.

use crate::decide::rules::exceptions::opened;
use crate::decide::rules::resumption::Edited;
use crate::decide::verdict::HaltReason;
use crate::evidence::outcome::{CommitAnswer, DraftState, Outcome};
use crate::model::ids::{ChangeId, DraftReference};
use crate::model::portal_facts::{ListedException, ListedState};
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
    /// What the portal answered to it.
    pub answer: Option<CommitAnswer>,
    /// Pictures that show why it halted.
    pub pictures: Vec<String>,
    /// Number of the one submission of this change that the portal lists, where it is not what was approved.
    pub otherwise: Option<String>,
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
            answer: None,
            pictures: Vec::new(),
            otherwise: None,
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

/// How a run ended whose browser a person had, and changed something with: `rows` is what the portal lists since, where it could be
/// asked. A commit could not pass, so that what was in doubt stays so, and nothing else can be submitted.
pub(super) fn taken_back(ending: Ending, change: &ChangeId, rows: Option<&[ListedException]>) -> Ending {
    match ending.outcome {
        Outcome::HaltedDraft | Outcome::HaltedAbandoned => {
            let open = rows.map(|rows| opened(change, rows).collect::<Vec<_>>());
            let draft = match open.as_deref() {
                None => ending.draft,
                Some([row])
                    if row.state == ListedState::Draft && row.recognised && row.change_id == change.as_str() =>
                {
                    DraftReference::parse(&row.number).ok()
                }
                Some(_) => None,
            };
            Ending { outcome: Outcome::HaltedDraft, draft, draft_state: Some(DraftState::Unread), ..ending }
        }
        Outcome::Submitted
        | Outcome::AlreadySubmitted
        | Outcome::DraftSaved
        | Outcome::InDoubt
        | Outcome::Environment => ending,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::portal_facts::Created;

    fn row(number: &str, change: &str, state: ListedState) -> ListedException {
        let (number, change_id) = (number.to_owned(), change.to_owned());
        ListedException {
            number,
            change_id,
            state,
            created: Created::NotListed,
            recognised: true,
            other_service: false,
        }
    }

    fn ended(outcome: Outcome) -> Ending {
        let draft = DraftReference::parse("DRF-000001").ok();
        Ending { draft, draft_state: Some(DraftState::Verified), ..Ending::early(outcome, Vec::new(), None, "x") }
    }

    #[test]
    fn what_a_person_made_of_the_draft_is_looked_up_and_not_remembered() {
        let change = ChangeId::parse("CHG1").unwrap();
        let own = |number: &str| row(number, "CHG1", ListedState::Draft);
        for (rows, draft) in [
            (None, Some("DRF-000001")),
            (Some(vec![own("DRF-000001")]), Some("DRF-000001")),
            (Some(vec![own("DRF-000002")]), Some("DRF-000002")),
            (Some(vec![own("DRF-000001"), own("DRF-000002")]), None),
            (Some(vec![row("EXC-1", "CHG1", ListedState::Submitted)]), None),
            (Some(vec![]), None),
        ] {
            for outcome in [Outcome::HaltedDraft, Outcome::HaltedAbandoned] {
                let is = taken_back(ended(outcome), &change, rows.as_deref());
                assert_eq!(is.draft.as_ref().map(DraftReference::as_str), draft, "{rows:?}");
                assert_eq!((is.outcome, is.draft_state), (Outcome::HaltedDraft, Some(DraftState::Unread)), "{rows:?}");
            }
        }
        let doubtful = taken_back(ended(Outcome::InDoubt), &change, Some(&[]));
        assert_eq!((doubtful.outcome, doubtful.draft_state), (Outcome::InDoubt, Some(DraftState::Verified)));
    }
}
