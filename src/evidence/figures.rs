//! Figures over many runs: how many exceptions went in once and stayed right, what was caught before the commit, how complete the
//! evidence is, and how safe the halts were.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::outcome::Outcome;
use crate::decide::verdict::HaltCode;
use crate::model::ids::{ChangeId, RunId};
use crate::model::time::Instant;

/// One run, as far as the figures need it.
#[derive(Debug, Clone)]
pub struct RunFigures {
    pub run: RunId,
    pub change: ChangeId,
    /// Which run it continues.
    pub continues: Option<RunId>,
    pub started_at: Instant,
    pub outcome: Outcome,
    /// Why it halted.
    pub codes: Vec<HaltCode>,
    /// Commit requests that it let go.
    pub released: u64,
    /// Whether its evidence is all there, and as it was written.
    pub complete: bool,
}

/// What a halt is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Approvals or the manifest: stale, missing, revoked, of another revision.
    Approvals,
    /// The rollback plan.
    Rollback,
    /// Window, blackouts and freeze.
    Blackout,
    /// Anything else of the record.
    Record,
    /// Pages, controls, values and answers of the portal.
    Portal,
    /// The commit itself and its confirmation.
    Commit,
    /// The agent and whoever runs it.
    Agent,
}

/// What a halt with this code is about.
pub fn cause(code: HaltCode) -> Cause {
    match code {
        HaltCode::RevisionNotApproved
        | HaltCode::ApprovalMissing
        | HaltCode::ApprovalStale
        | HaltCode::ApprovalRevoked
        | HaltCode::ApprovalForOtherRevision
        | HaltCode::ApproverMismatch
        | HaltCode::DelegateNotAllowed
        | HaltCode::SegregationOfDuties
        | HaltCode::SignatureInvalid => Cause::Approvals,
        HaltCode::RollbackMissing | HaltCode::RollbackVersionMismatch => Cause::Rollback,
        HaltCode::WindowMismatch
        | HaltCode::WindowNotCovered
        | HaltCode::BlackoutOverlap
        | HaltCode::FreezeWindowChanged
        | HaltCode::FreezeModeActive
        | HaltCode::CategoryNotAdmitted => Cause::Blackout,
        HaltCode::ScopeMismatch
        | HaltCode::CategoryMismatch
        | HaltCode::AttachmentDigestMismatch
        | HaltCode::OwnerMismatch
        | HaltCode::IncidentMismatch
        | HaltCode::ClaimedByAnotherRun
        | HaltCode::EarlierRunInDoubt
        | HaltCode::HoldOpen => Cause::Record,
        HaltCode::ControlMissing
        | HaltCode::ControlAmbiguous
        | HaltCode::LabelChanged
        | HaltCode::UnexpectedRequiredField
        | HaltCode::OptionMissing
        | HaltCode::ValueNotHeld
        | HaltCode::ValidationRejected
        | HaltCode::DraftDiffers
        | HaltCode::AttachmentDiffers
        | HaltCode::SummaryDiffers
        | HaltCode::ExistingException
        | HaltCode::ScopeBroadening
        | HaltCode::UnexpectedBanner
        | HaltCode::UnexpectedDialog
        | HaltCode::UnseenRegion
        | HaltCode::UndeclaredRequest
        | HaltCode::SessionLost
        | HaltCode::PortalTimeout
        | HaltCode::PortalError => Cause::Portal,
        HaltCode::UnexpectedCommitAttempt
        | HaltCode::CommitPayloadDiffers
        | HaltCode::HoldExpired
        | HaltCode::SourceUnavailable
        | HaltCode::ConfirmationMissing
        | HaltCode::ConfirmationMalformed
        | HaltCode::ConfirmationForeign
        | HaltCode::DuplicateInPortal => Cause::Commit,
        HaltCode::Interrupted | HaltCode::EvidenceUnwritable | HaltCode::CaptureUnmaskable => Cause::Agent,
    }
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    pub count: usize,
    pub of: usize,
}

/// The figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    pub runs: usize,
    pub changes: usize,
    /// Runs by how they ended.
    pub outcomes: BTreeMap<&'static str, usize>,
    /// Of the changes that were submitted, those of which no later run found a duplicate or a difference.
    pub submitted_and_right: Share,
    /// Runs that halted before anything was released, by what they were about; one may be about several things.
    pub caught_before_commit: BTreeMap<Cause, usize>,
    /// The same by halt code.
    pub halts: BTreeMap<&'static str, usize>,
    /// Of the runs that halted, those that had released nothing.
    pub safe_halts: Share,
    /// Of the runs in doubt, those that a later run, which went on from them, resolved.
    pub doubts_resolved: Share,
    /// Of the runs that halted at a draft, those that another one went on from.
    pub taken_over: Share,
    /// Of all runs, those whose evidence is all there, and as it was written.
    pub complete_bundles: Share,
}

/// The figures of these runs.
pub fn figures(runs: &[RunFigures]) -> Figures {
    let mut figures = Figures { runs: runs.len(), ..Figures::default() };
    let changes: BTreeSet<&ChangeId> = runs.iter().map(|run| &run.change).collect();
    figures.changes = changes.len();
    let share = |all: &mut dyn Iterator<Item = bool>| {
        all.fold(Share::default(), |share, yes| Share { count: share.count + usize::from(yes), of: share.of + 1 })
    };
    let submitted = |run: &RunFigures| matches!(run.outcome, Outcome::Submitted | Outcome::AlreadySubmitted);
    figures.submitted_and_right = share(&mut changes.iter().filter_map(|change| {
        let own: Vec<&RunFigures> = runs.iter().filter(|run| run.change == **change).collect();
        let first = own.iter().filter(|run| submitted(run)).map(|run| run.started_at).min()?;
        let wrong = own.iter().any(|run| run.codes.iter().any(|code| is_wrong(*code, run.started_at > first)));
        Some(!wrong)
    }));
    let halted = |run: &&RunFigures| matches!(run.outcome, Outcome::HaltedDraft | Outcome::HaltedAbandoned);
    let continued = |run: &RunFigures| runs.iter().any(|later| later.continues.as_ref() == Some(&run.run));
    for run in runs {
        *figures.outcomes.entry(run.outcome.as_str()).or_default() += 1;
        let causes: BTreeSet<Cause> = run.codes.iter().map(|code| cause(*code)).collect();
        if halted(&run) && run.released == 0 {
            causes.into_iter().for_each(|cause| *figures.caught_before_commit.entry(cause).or_default() += 1);
        }
        for code in run.codes.iter().collect::<BTreeSet<_>>() {
            *figures.halts.entry(code.as_str()).or_default() += 1;
        }
    }
    figures.safe_halts = share(&mut runs.iter().filter(halted).map(|run| run.released == 0));
    let resolved = |doubtful: &RunFigures| {
        let later = |run: &&RunFigures| {
            run.change == doubtful.change && run.started_at > doubtful.started_at && run.continues.is_some()
        };
        runs.iter().filter(later).any(|run| run.outcome != Outcome::InDoubt && run.outcome != Outcome::Environment)
    };
    figures.doubts_resolved = share(&mut runs.iter().filter(|run| run.outcome == Outcome::InDoubt).map(resolved));
    figures.taken_over = share(&mut runs.iter().filter(|run| run.outcome == Outcome::HaltedDraft).map(continued));
    figures.complete_bundles = share(&mut runs.iter().map(|run| run.complete));
    figures
}

/// Codes that say that what was submitted is there twice, or is not what was approved.
const TWICE_OR_OTHERWISE: [HaltCode; 4] =
    [HaltCode::DuplicateInPortal, HaltCode::ExistingException, HaltCode::SummaryDiffers, HaltCode::WindowMismatch];

/// Whether a code says that a submission is wrong: before there was one, only that there are two says so.
fn is_wrong(code: HaltCode, afterwards: bool) -> bool {
    code == HaltCode::DuplicateInPortal || (afterwards && TWICE_OR_OTHERWISE.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: u32, change: &str, outcome: Outcome, codes: &[HaltCode]) -> RunFigures {
        RunFigures {
            run: RunId::parse(&format!("r{number}")).unwrap(),
            change: ChangeId::parse(change).unwrap(),
            continues: None,
            started_at: Instant::parse(&format!("2026-12-01T00:00:{number:02}Z")).unwrap(),
            outcome,
            codes: codes.to_vec(),
            released: u64::from(matches!(outcome, Outcome::Submitted | Outcome::InDoubt)),
            complete: true,
        }
    }

    #[test]
    fn a_submission_counts_as_right_until_a_later_run_finds_it_otherwise() {
        let halted = run(1, "CHG1", Outcome::HaltedDraft, &[HaltCode::SummaryDiffers]);
        let done = RunFigures { continues: Some(halted.run.clone()), ..run(2, "CHG1", Outcome::Submitted, &[]) };
        let other = run(3, "CHG2", Outcome::Submitted, &[]);
        let right = figures(&[halted.clone(), done.clone(), other.clone()]);
        assert_eq!(right.submitted_and_right, Share { count: 2, of: 2 });
        assert_eq!((right.taken_over, right.safe_halts), (Share { count: 1, of: 1 }, Share { count: 1, of: 1 }));
        let corrected =
            run(4, "CHG2", Outcome::HaltedAbandoned, &[HaltCode::ExistingException, HaltCode::SummaryDiffers]);
        assert_eq!(figures(&[halted, done, other, corrected]).submitted_and_right, Share { count: 1, of: 2 });
    }

    #[test]
    fn what_was_caught_is_counted_once_a_run_and_by_what_it_is_about() {
        let runs = [
            run(1, "CHG1", Outcome::HaltedAbandoned, &[HaltCode::ApprovalStale, HaltCode::ApprovalMissing]),
            run(2, "CHG1", Outcome::HaltedAbandoned, &[HaltCode::BlackoutOverlap, HaltCode::RollbackMissing]),
            run(3, "CHG2", Outcome::InDoubt, &[HaltCode::ConfirmationMissing]),
        ];
        let is = figures(&runs);
        let caught = [(Cause::Approvals, 1), (Cause::Rollback, 1), (Cause::Blackout, 1)];
        assert_eq!(is.caught_before_commit, BTreeMap::from(caught));
        assert_eq!(is.doubts_resolved, Share { count: 0, of: 1 });
        let refused = run(4, "CHG2", Outcome::HaltedAbandoned, &[HaltCode::EarlierRunInDoubt]);
        assert_eq!(figures(&[runs[2].clone(), refused]).doubts_resolved, Share { count: 0, of: 1 });
        let continues = Some(runs[2].run.clone());
        let resolved = RunFigures { continues, ..run(5, "CHG2", Outcome::Submitted, &[]) };
        assert_eq!(figures(&[runs[2].clone(), resolved]).doubts_resolved, Share { count: 1, of: 1 });
    }
}
