//! What may happen next with a change whose last run is known by its journal alone.

use crate::model::ids::DraftReference;
use crate::model::residue::PortalResidue;
use crate::model::time::Instant;

/// What may happen next. Closed: there is no way to commit again from any of these without a look at the portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing was entered, or nothing is left: a new run may start.
    StartAgain,
    /// A draft may have been left: look it up first, and not before what was on its way has arrived.
    LookUpDraft {
        /// When the last step that may have left one began.
        since: Instant,
    },
    /// A draft is known: resume there.
    ResumeAt(DraftReference),
    /// The commit may have been released: look it up. One matching submission confirms it; anything else is in doubt.
    LookUpSubmission {
        /// The draft that was committed.
        draft: DraftReference,
        /// No later than the release.
        since: Instant,
    },
    /// In doubt, and looked up already: only a person can end it.
    OnlyResolve {
        /// The draft that was committed.
        draft: DraftReference,
        /// No later than the release.
        since: Instant,
    },
    /// Submitted and proven: there is nothing left to do.
    Done,
}

/// What may happen next, given what the run may have left and whether it ended in doubt.
pub fn recovery(left: &PortalResidue, ended_in_doubt: bool) -> Recovery {
    match left {
        PortalResidue::Nothing => Recovery::StartAgain,
        PortalResidue::PerhapsADraft { since } => Recovery::LookUpDraft { since: *since },
        PortalResidue::Draft { draft } => Recovery::ResumeAt(draft.clone()),
        PortalResidue::PerhapsASubmission { draft, since } if ended_in_doubt => {
            Recovery::OnlyResolve { draft: draft.clone(), since: *since }
        }
        PortalResidue::PerhapsASubmission { draft, since } => {
            Recovery::LookUpSubmission { draft: draft.clone(), since: *since }
        }
        PortalResidue::Submission { .. } => Recovery::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since() -> Instant {
        Instant::parse("2026-12-01T00:00:00Z").unwrap()
    }

    #[test]
    fn a_run_that_may_have_committed_is_never_started_or_resumed() {
        let draft = DraftReference::parse("DRF-1").unwrap();
        let left = PortalResidue::PerhapsASubmission { draft: draft.clone(), since: since() };
        assert_eq!(recovery(&left, false), Recovery::LookUpSubmission { draft: draft.clone(), since: since() },);
        assert_eq!(recovery(&left, true), Recovery::OnlyResolve { draft, since: since() });
    }

    #[test]
    fn a_save_whose_answer_is_unknown_is_looked_up_before_anything_is_entered_again() {
        let left = PortalResidue::PerhapsADraft { since: since() };
        assert_eq!(recovery(&left, false), Recovery::LookUpDraft { since: since() });
    }
}
