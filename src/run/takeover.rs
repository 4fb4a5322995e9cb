//! The runs that wait for somebody: read from the claims and the journals of the evidence store, whatever host they ran on.

use std::path::Path;

use serde::Serialize;

use super::ports::journal_below;
use super::process;
use crate::decide::recovery::{Recovery, recovery};
use crate::decide::verdict::HaltCode;
use crate::evidence::claims::{Alive, ClaimEntry, ClaimLog};
use crate::evidence::copies::{ReadError, read};
use crate::evidence::history::History;
use crate::evidence::outcome::Outcome;
use crate::evidence::shared::{SharedStore, StoreError};
use crate::model::ids::{ChangeId, DraftReference, RunId};
use crate::model::time::{ChangeWindow, Instant};

/// Whether a held run still goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Life {
    /// It ended, and left something to do.
    Ended,
    Died,
    /// It goes on.
    Running,
    /// Its process belongs to another host.
    Elsewhere,
    /// Its claim or journal cannot be believed.
    Unknown,
}

/// One run that holds a change.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HeldRun {
    /// The run; none when not even its claim can be read.
    pub run_id: Option<RunId>,
    pub change_id: Option<ChangeId>,
    /// Whether it still goes on.
    pub life: Life,
    /// Since it last wrote anything, in seconds.
    pub age_s: i64,
    /// The deployment window.
    pub window: Option<ChangeWindow>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it halted.
    pub codes: Vec<HaltCode>,
    /// The draft that it left, where one is known.
    pub draft_reference: Option<DraftReference>,
    /// What may happen next, in one line.
    pub next: String,
}

/// What may happen next with a run that is over or dead.
fn next(run: &RunId, recovery: &Recovery) -> String {
    match recovery {
        Recovery::StartAgain => "nothing is left: portal-agent submit RECORD starts again".to_owned(),
        Recovery::LookUpDraft { .. } | Recovery::ResumeAt(_) | Recovery::LookUpSubmission { .. } => {
            format!(
                "portal-agent resume {run} --by WHO --reason TEXT  # commits; with --draft-only it stops at the draft"
            )
        }
        Recovery::OnlyResolve { .. } => {
            format!("portal-agent resolve {run} --by WHO --reason TEXT --submitted NUMBER | --not-submitted")
        }
        Recovery::Done => "submitted and proven: portal-agent submit RECORD only confirms it".to_owned(),
    }
}

/// Every run that holds a change, the one whose window closes first at the head.
///
/// # Errors
///
/// [`StoreError`] when the store does not answer.
pub(crate) async fn held_runs(shared: &SharedStore, evidence: &Path, now: Instant) -> Result<Vec<HeldRun>, StoreError> {
    let here = process::me();
    let mut found = Vec::new();
    for row in ClaimLog::all(shared).await? {
        let Some(standing) = row.standing().await? else { continue };
        if standing.is_free() {
            continue;
        }
        let Some(entry) = standing.entry else {
            found.push(unbelievable(None, now, "its claim cannot be read"));
            continue;
        };
        let local = journal_below(evidence, &entry.change, &entry.run);
        match read(shared, &entry.run, local.as_deref()).await {
            Ok(past) => {
                let alive = process::alive(&entry.holder, &here, process::process);
                found.push(held(&entry, &past.history, alive, now));
            }
            Err(ReadError::Store(error)) => return Err(error),
            Err(error @ (ReadError::Broken { .. } | ReadError::Differs(_) | ReadError::Unknown(_))) => {
                found.push(unbelievable(Some(&entry), now, &error.to_string()));
            }
        }
    }
    found.sort_by_key(|held| (held.window.is_none(), held.window.map(|window| window.end), -held.age_s));
    Ok(found)
}

fn held(entry: &ClaimEntry, history: &History, alive: Alive, now: Instant) -> HeldRun {
    let run = &entry.run;
    let life = match (history.outcome, alive) {
        (Some(_), _) => Life::Ended,
        (None, Alive::Gone) => Life::Died,
        (None, Alive::Yes) => Life::Running,
        (None, Alive::Elsewhere) => Life::Elsewhere,
    };
    let follows = next(run, &recovery(&history.left, history.in_doubt));
    let next = match life {
        Life::Ended | Life::Died | Life::Unknown => follows,
        Life::Running => format!("wait: process {} is at it", entry.holder.pid),
        Life::Elsewhere => {
            let host = &entry.holder.host;
            format!(
                "if its process on host {host} is gone: portal-agent resume {run} --by WHO --reason TEXT --from-host {host}"
            )
        }
    };
    HeldRun {
        run_id: Some(run.clone()),
        change_id: Some(entry.change.clone()),
        life,
        age_s: now.seconds_since(history.last_at),
        window: Some(history.opening.window),
        outcome: history.outcome,
        codes: history.halted.as_ref().map(|(_, codes)| codes.clone()).unwrap_or_default(),
        draft_reference: history.left.draft().cloned(),
        next,
    }
}

fn unbelievable(entry: Option<&ClaimEntry>, now: Instant, why: &str) -> HeldRun {
    HeldRun {
        run_id: entry.map(|entry| entry.run.clone()),
        change_id: entry.map(|entry| entry.change.clone()),
        life: Life::Unknown,
        age_s: entry.map_or(0, |entry| now.seconds_since(entry.at)),
        window: None,
        outcome: None,
        codes: Vec::new(),
        draft_reference: None,
        next: format!("for an auditor: {why}"),
    }
}

/// The note of a run that left none: it died, or ended as it was asked to and left a draft.
pub(crate) fn note_without_note(history: &History) -> String {
    use crate::model::residue::PortalResidue;
    let opening = &history.opening;
    let left = match &history.left {
        PortalResidue::Nothing => "nothing: no value was entered".to_owned(),
        PortalResidue::PerhapsADraft { .. } => {
            "perhaps a draft: values were entered, and no save was answered".to_owned()
        }
        PortalResidue::Draft { draft } => format!("draft `{draft}`"),
        PortalResidue::PerhapsASubmission { draft, .. } => {
            format!("perhaps a submission: the commit of draft `{draft}` may have been released. Do not submit again")
        }
        PortalResidue::Submission { number } => format!("submission `{number}`, proven"),
    };
    let ended = history.outcome.map_or("died, and left no note", |outcome| match outcome {
        Outcome::DraftSaved => "stopped at a verified draft, as it was asked to",
        Outcome::Environment => "could not look at the portal",
        Outcome::Submitted
        | Outcome::AlreadySubmitted
        | Outcome::HaltedDraft
        | Outcome::HaltedAbandoned
        | Outcome::InDoubt => "ended, and its note is not here",
    });
    let follows = next(&opening.run, &recovery(&history.left, history.in_doubt));
    format!(
        "# {} {ended}\n\nRun `{}` wrote its last entry at {}.\n\n\
         - left at the portal: {left}\n- window: {}\n\n## How to go on\n\n{follows}\n",
        opening.change, opening.run, history.last_at, opening.window
    )
}
