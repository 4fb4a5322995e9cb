//! Who may work on a change: what stands in the way, what an earlier run left, and how it is taken over.

use super::facts::RunFacts;
use super::order::{Begin, Continue, InputError};
use super::ports::Ports;
use crate::decide::recovery::{Recovery, recovery};
use crate::decide::rules::record::{claimed_by_another_run, earlier_run_in_doubt};
use crate::decide::verdict::HaltReason;
use crate::evidence::claims::{Alive, Claim, ClaimEntry, ClaimLog, ClaimState, Holds, TookOver};
use crate::evidence::copies::{Past, ReadError, read};
use crate::evidence::history::History;
use crate::evidence::journal::Resumption;
use crate::evidence::outcome::Outcome;
use crate::evidence::shared::StoreError;
use crate::model::ids::{ChangeId, RunId};
use crate::model::residue::PortalResidue;
use crate::model::time::{Instant, duration};

/// How a change stands.
enum Change {
    /// Nobody holds it.
    Free(Option<ClaimState>),
    /// A run that can do nothing any more holds it.
    Over { standing: ClaimState, past: Box<Past> },
    /// Somebody holds it.
    Held(String),
}

/// A change that a new run may work on, and what it takes over.
#[derive(Debug, Clone)]
pub struct Admitted {
    row: ClaimLog,
    standing: Option<ClaimState>,
    past: Option<Box<Past>>,
    took_over: Option<TookOver>,
    submitted_before: bool,
}

/// Whether a run may work on its change.
pub enum Admission {
    /// Its record is refused: nobody needs to know.
    NotAsked,
    /// It may.
    Admitted(Box<Admitted>),
    /// It may not, and halts.
    Refused(HaltReason),
}

impl Admission {
    /// What it goes on from.
    pub fn resumption(&self) -> Option<Resumption> {
        match self {
            Self::Admitted(admitted) => admitted.resumption(),
            Self::NotAsked | Self::Refused(_) => None,
        }
    }

    /// Why it may not.
    pub(crate) fn refusal(&self) -> Option<&HaltReason> {
        match self {
            Self::Refused(reason) => Some(reason),
            Self::NotAsked | Self::Admitted(_) => None,
        }
    }

    /// What it may take.
    pub(crate) fn into_admitted(self) -> Option<Box<Admitted>> {
        match self {
            Self::Admitted(admitted) => Some(admitted),
            Self::NotAsked | Self::Refused(_) => None,
        }
    }
}

async fn examine<P: Ports>(
    ports: &P,
    row: &ClaimLog,
    change: &ChangeId,
    from_host: Option<&str>,
) -> Result<Change, StoreError> {
    let Some(standing) = row.standing().await? else { return Ok(Change::Free(None)) };
    if standing.is_free() {
        return Ok(Change::Free(Some(standing)));
    }
    let Some(entry) = &standing.entry else { return Ok(Change::Held("a run whose claim cannot be read".into())) };
    let local = ports.local_journal(change, &entry.run);
    let past = match read(ports.shared(), &entry.run, local.as_deref()).await {
        Ok(past) => Box::new(past),
        Err(ReadError::Store(error)) => return Err(error),
        Err(error @ (ReadError::Broken { .. } | ReadError::Differs(_) | ReadError::Unknown(_))) => {
            return Ok(Change::Held(error.to_string()));
        }
    };
    let gone = match ports.alive(&entry.holder) {
        Alive::Gone => true,
        Alive::Yes => false,
        Alive::Elsewhere => from_host == Some(entry.holder.host.as_str()),
    };
    let ClaimEntry { run, holder, at, .. } = entry;
    Ok(if gone || past.history.outcome.is_some() {
        Change::Over { standing, past }
    } else if ports.alive(holder) == Alive::Elsewhere {
        Change::Held(format!(
            "run {run} (process {} on host {}) since {at}; if that process is gone: portal-agent resume {run} --from-host {}",
            holder.pid, holder.host, holder.host
        ))
    } else {
        Change::Held(format!("run {run} (process {}) since {at}", holder.pid))
    })
}

/// Whether `begin` may work on the change, given how it stands.
///
/// # Errors
///
/// [`InputError`] when an earlier run is to be continued in a way that cannot be.
pub async fn admit<P: Ports>(
    ports: &P,
    begin: &Begin,
    row: ClaimLog,
    facts: &RunFacts<'_>,
    now: Instant,
) -> Result<Admission, InputError> {
    let change = &facts.record.record.exception.change_id;
    let finished = match begin.continues() {
        Some(order) => check_change(ports, order, change).await?,
        None => None,
    };
    let from_host = begin.continues().and_then(|order| order.from_host.as_deref());
    let found = examine(ports, &row, change, from_host).await?;
    let (standing, past) = match (found, begin.continues()) {
        (Change::Held(by), _) => return Ok(Admission::Refused(claimed_by_another_run(change, &by))),
        (Change::Free(standing), None) => {
            let submitted_before = standing.as_ref().is_some_and(ClaimState::submitted);
            let admitted = Admitted { row, standing, past: None, took_over: None, submitted_before };
            return Ok(Admission::Admitted(Box::new(admitted)));
        }
        (Change::Free(_), Some(order)) => return Err(nothing_to_continue(order, finished)),
        (Change::Over { past, .. }, Some(order)) if past.history.opening.run != order.run => {
            let now = &past.history.opening.run;
            return Err(InputError::NotContinuable {
                run: order.run.clone(),
                why: format!("is not the one that holds {change}: {now} is"),
                help: format!("name {now} instead; `portal-agent takeover {now}` shows its note"),
            });
        }
        (Change::Over { standing, past }, _) => (standing, past),
    };
    let history = &past.history;
    let earlier = history.opening.run.clone();
    let next = recovery(&history.left, history.in_doubt);
    if let Some(refused) = refused(begin, change, &earlier, &next)? {
        return Ok(Admission::Refused(refused));
    }
    check_past(begin, history, facts, now)?;
    let took_over = match begin.continues() {
        Some(order) => TookOver {
            run: earlier,
            by: order.by.clone(),
            reason: order.reason.clone(),
            vouched: order.from_host.is_some(),
        },
        None => TookOver {
            run: earlier,
            by: facts.operator.clone(),
            reason: "it ended and left nothing to do".to_owned(),
            vouched: false,
        },
    };
    let submitted_before = standing.submitted() || matches!(next, Recovery::Done);
    let (standing, past, took_over) = (Some(standing), Some(past), Some(took_over));
    Ok(Admission::Admitted(Box::new(Admitted { row, standing, past, took_over, submitted_before })))
}

/// Whether the record at hand is of the change that the earlier run was about; and how that run finished.
async fn check_change<P: Ports>(ports: &P, order: &Continue, change: &ChangeId) -> Result<Option<Outcome>, InputError> {
    let History { opening, outcome, .. } = read(ports.shared(), &order.run, None).await?.history;
    if opening.change == *change {
        return Ok(outcome);
    }
    Err(InputError::NotContinuable {
        run: order.run.clone(),
        why: format!("is about {}, and the record about {change}", opening.change),
        help: "name the right record with --record".to_owned(),
    })
}

/// What must hold of an earlier run before anything of it is believed: its clock and this one agree, and a commit that it may
/// have made is compared with the record that it was made from.
fn check_past(begin: &Begin, history: &History, facts: &RunFacts<'_>, now: Instant) -> Result<(), InputError> {
    let run = history.opening.run.clone();
    let behind = history.last_at.seconds_since(now);
    let believes_times = match begin {
        Begin::Afresh | Begin::Resume(_) => true,
        // A person's word and the portal's list, neither of them by the clock of the run that is in doubt.
        Begin::Resolve(..) => false,
    };
    if believes_times && behind > facts.map.file.limits.clock_tolerance_s {
        return Err(InputError::NotContinuable {
            run,
            why: format!("wrote its last entry {} after what this host's clock shows now", duration(behind)),
            help: "set the clock of this host, or of the other".to_owned(),
        });
    }
    match &history.left {
        PortalResidue::PerhapsASubmission { .. } if history.filled_from != facts.record.packet => {
            Err(InputError::NotContinuable {
                run,
                why: format!("committed packet {}, and the record holds another", history.filled_from),
                help: "name the record as it was with --record".to_owned(),
            })
        }
        PortalResidue::Nothing
        | PortalResidue::PerhapsADraft { .. }
        | PortalResidue::Draft { .. }
        | PortalResidue::PerhapsASubmission { .. }
        | PortalResidue::Submission { .. } => Ok(()),
    }
}

fn nothing_to_continue(order: &Continue, finished: Option<Outcome>) -> InputError {
    let how = finished.map(|outcome| format!(" as {}", outcome.as_str())).unwrap_or_default();
    InputError::NotContinuable {
        run: order.run.clone(),
        why: format!("has already finished{how}"),
        help: "`portal-agent takeover` lists unfinished runs; `submit` starts a new one".to_owned(),
    }
}

/// The command that goes on from what a run left, and what it comes to.
fn goes_on(run: &RunId) -> String {
    format!("portal-agent resume {run} goes on from it and commits, with --draft-only it stops at the draft")
}

/// Why this way of beginning does not fit what the earlier run left.
fn refused(
    begin: &Begin,
    change: &ChangeId,
    earlier: &RunId,
    next: &Recovery,
) -> Result<Option<HaltReason>, InputError> {
    let doubt = |how: &str| Ok(Some(earlier_run_in_doubt(change, &format!("run {earlier}: {how}"))));
    match (begin, next) {
        (Begin::Afresh, Recovery::StartAgain | Recovery::Done) => Ok(None),
        (Begin::Afresh, Recovery::LookUpDraft { .. }) => {
            let by = format!("run {earlier}, which may have left a draft; {}", goes_on(earlier));
            Ok(Some(claimed_by_another_run(change, &by)))
        }
        (Begin::Afresh, Recovery::ResumeAt(draft)) => {
            let by = format!("run {earlier}, which left draft {draft}; {}", goes_on(earlier));
            Ok(Some(claimed_by_another_run(change, &by)))
        }
        (Begin::Afresh, Recovery::LookUpSubmission { .. }) => {
            doubt(&format!("it may have submitted, and did not live to look; portal-agent resume {earlier}"))
        }
        (Begin::Afresh | Begin::Resume(_), Recovery::OnlyResolve { .. }) => {
            doubt(&format!("in doubt; portal-agent resolve {earlier}"))
        }
        (
            Begin::Resume(_),
            Recovery::StartAgain
            | Recovery::LookUpDraft { .. }
            | Recovery::ResumeAt(_)
            | Recovery::LookUpSubmission { .. }
            | Recovery::Done,
        )
        | (Begin::Resolve(..), Recovery::LookUpSubmission { .. } | Recovery::OnlyResolve { .. }) => Ok(None),
        (
            Begin::Resolve(..),
            Recovery::StartAgain | Recovery::LookUpDraft { .. } | Recovery::ResumeAt(_) | Recovery::Done,
        ) => Err(InputError::NotContinuable {
            run: earlier.clone(),
            why: "is not in doubt: it did not release a commit, or its commit is proven".to_owned(),
            help: format!("go on with `portal-agent resume {earlier}`"),
        }),
    }
}

impl Admitted {
    /// What the earlier run tells the new one; nothing when there was none.
    pub fn resumption(&self) -> Option<Resumption> {
        let history = &self.past.as_ref()?.history;
        let took_over = self.took_over.as_ref()?;
        Some(Resumption {
            of: history.opening.run.clone(),
            head: history.head,
            by: took_over.by.clone(),
            reason: took_over.reason.clone(),
            left: history.left.clone(),
            in_doubt: history.in_doubt,
            work: history.work.clone(),
            filled_from: history.filled_from,
        })
    }

    /// Whether an earlier run submitted the change, which the portal's list may not show yet.
    pub(crate) fn submitted_before(&self) -> bool {
        self.submitted_before
    }

    /// Takes the change: fences the earlier run off, then writes the claim. A reason to halt when another run was faster.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    pub async fn take<P: Ports>(
        self,
        ports: &P,
        run: &RunId,
        change: &ChangeId,
        portal: &str,
        at: Instant,
    ) -> Result<Result<Claim, HaltReason>, StoreError> {
        let faster = |by: &str| Ok(Err(claimed_by_another_run(change, by)));
        if let Some(past) = &self.past
            && !past.fence(ports.shared(), run, at).await?
        {
            return faster("the earlier run, which has just written");
        }
        let entry = ClaimEntry {
            state: Holds::Held,
            run: run.clone(),
            change: change.clone(),
            portal: portal.to_owned(),
            holder: ports.me(),
            at,
            submitted: self.submitted_before,
            took_over: self.took_over,
        };
        match self.row.take(self.standing.as_ref(), entry).await? {
            Some(claim) => Ok(Ok(claim)),
            None => faster("another run, which has just begun"),
        }
    }
}
