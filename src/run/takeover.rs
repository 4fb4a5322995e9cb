//! The runs that wait for somebody: read from the claims and the journals of the evidence store, whatever host they ran on.

use std::path::Path;

use serde::Serialize;

use super::ports::journal_below;
use super::process;
use super::written_note::{WrittenNote, written_note};
use crate::decide::recovery::{Recovery, recovery};
use crate::decide::verdict::HaltCode;
use crate::evidence::claims::{Alive, ClaimEntry, ClaimLog};
use crate::evidence::copies::{ReadError, read};
use crate::evidence::history::{History, told};
use crate::evidence::outcome::Outcome;
use crate::evidence::shared::{SharedStore, StoreError};
use crate::model::ids::{ChangeId, DraftReference, RunId};
use crate::model::time::{ChangeWindow, Instant};
use crate::report::timeline::stages;

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
    /// Host that it ran on.
    pub host: Option<String>,
    /// What happened and where the draft is, as its note says.
    pub headline: Option<String>,
    /// What its journal told last.
    pub latest: Option<String>,
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

impl HeldRun {
    /// What has to be looked at first comes first: what waits for somebody before what goes on by itself, a window that is still to
    /// close before one that is over, and the one that closes first.
    fn urgency(&self, now: Instant) -> (bool, u8, i64) {
        let goes_on = self.life == Life::Running;
        match self.window.map(|window| window.end.seconds_since(now)) {
            Some(left @ 0..) => (goes_on, 0, left),
            // Nothing can be believed of it.
            None => (goes_on, 1, 0),
            Some(over) => (goes_on, 2, over.saturating_neg()),
        }
    }
}

/// Every run that holds a change, the most urgent at the head.
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
                let note = written_note(shared, evidence, &past.history).await?;
                let latest = latest(local.as_deref());
                found.push(HeldRun { headline: headline(&note), latest, ..held(&entry, &past.history, alive, now) });
            }
            Err(ReadError::Store(error)) => return Err(error),
            Err(error @ (ReadError::Broken { .. } | ReadError::Differs(_) | ReadError::Unknown(_))) => {
                found.push(unbelievable(Some(&entry), now, &error.to_string()));
            }
        }
    }
    found.sort_by_key(|held| held.urgency(now));
    Ok(found)
}

/// The last step that a journal of this host tells.
fn latest(journal: Option<&[u8]>) -> Option<String> {
    let all = told(journal?);
    let last = stages(&all).pop()?;
    Some(format!("{}: {}", last.stage, last.events.last()?))
}

fn headline(note: &WrittenNote) -> Option<String> {
    match note {
        WrittenNote::Whole { document, .. } => Some(document.get("headline")?.as_str()?.to_owned()),
        WrittenNote::Altered(_) => Some("its note was changed since it was written".to_owned()),
        WrittenNote::Unsealed { .. } | WrittenNote::None => None,
    }
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
        host: Some(entry.holder.host.clone()),
        headline: None,
        latest: None,
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
        host: entry.map(|entry| entry.holder.host.clone()),
        headline: None,
        latest: None,
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
    let answer = history.answer.filter(|_| !history.left.is_settled());
    let answer = answer.map_or(String::new(), |answer| format!("- answer to the commit: {}\n", answer.told()));
    format!(
        "# {} {ended}\n\nRun `{}` wrote its last entry at {}.\n\n\
         - left at the portal: {left}\n{answer}- window: {}\n\n## To go on\n\n{follows}\n",
        opening.change,
        opening.run,
        history.last_at.whole_seconds(),
        opening.window
    )
}
