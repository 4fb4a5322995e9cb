//! What comes of a run, as far as it does not depend on when and where it is told: the rest of the evidence (cost, places on disk,
//! pictures, times of the machine) is volatile by declaration, and named here by its absence.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::decide::verdict::{HaltCode, Stage};
use crate::evidence::documents::RunDocument;
use crate::evidence::journal::Event;
use crate::evidence::observations::OBSERVATIONS;
use crate::evidence::readings::APPROVALS;
use crate::evidence::store::SCREENSHOTS;
use crate::mask::views::HaltView;
use crate::recording::fixture::folder::Told;
use crate::run::finish::TAKEOVER;
use crate::run::watch::{WatchEvent, Watcher};

/// Version of `expected.json`.
pub(crate) const EXPECTED_SCHEMA: &str = "portal-agent/expected/1";

/// What a note tells of the portal. What it advises is worded anew by every version.
const NOTE_FACTS: [&str; 6] = ["stood_on", "open", "entered", "not_entered", "tabs_filled", "uploaded"];

/// Takes out of a recorded ending what is not compared, though earlier versions kept it.
pub(crate) fn without_advice(mut ending: Value) -> Value {
    if let Some(note) = ending.get_mut("takeover").and_then(Value::as_object_mut) {
        note.retain(|key, _| NOTE_FACTS.contains(&key.as_str()));
    }
    ending
}

/// Passes everything on, and remembers which events were written.
pub(crate) struct Listening<'a> {
    inner: &'a dyn Watcher,
    events: Mutex<Vec<Value>>,
}

impl<'a> Listening<'a> {
    /// In front of `inner`.
    pub fn new(inner: &'a dyn Watcher) -> Self {
        Self { inner, events: Mutex::new(Vec::new()) }
    }

    /// Names of the events in their order.
    pub fn events(&self) -> Vec<Value> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Watcher for Listening<'_> {
    fn step(&self, stage: Stage, place: &str) {
        self.inner.step(stage, place);
    }

    fn noted(&self, event: &Event) {
        let told = serde_json::to_value(event).unwrap_or_default();
        let about = ["tab", "draft"].into_iter().find_map(|key| Some(format!(" {}", told.get(key)?.as_str()?)));
        let name = told.get("event").and_then(Value::as_str).unwrap_or_default();
        let line = format!("{name}{}", about.unwrap_or_default());
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(Value::String(line));
        self.inner.noted(event);
    }

    fn on_observation(&self, event: WatchEvent<'_>) {
        self.inner.on_observation(event);
    }
}

/// How a run ended.
fn ending(document: &RunDocument, events: Vec<Value>, folder: &Path) -> std::io::Result<Value> {
    let halt: Vec<Value> = document.halt.iter().map(|reason| halt(reason.get())).collect();
    let mut pictures = pictures(folder)?;
    if document.halt.iter().any(|reason| reason.get().code == HaltCode::PortalTimeout) {
        // Whether a page that hangs can still be pictured is the browser's.
        pictures.retain(|name| !name.ends_with("-halt.png"));
    }
    Ok(json!({
        "schema": EXPECTED_SCHEMA,
        "outcome": document.outcome,
        "halt": halt,
        "environment": document.environment,
        "draft_reference": document.draft_reference,
        "draft_state": document.draft_state,
        "edits": document.edits,
        "confirmation_number": document.confirmation_number,
        "portal_account": document.portal_account,
        "commit_requests_released": document.commit_requests_released,
        "sealed": document.sealed,
        "events": events,
        "pictures": pictures,
        "attachments": document_in(folder, "attachments.json")?.get("attachments"),
        "takeover": takeover(document, folder)?,
    }))
}

/// Names of the pictures that were kept; their bytes are the browser's.
fn pictures(folder: &Path) -> std::io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder.join(SCREENSHOTS)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// What a person is told who takes over; the reasons stand in `halt` already.
fn takeover(document: &RunDocument, folder: &Path) -> std::io::Result<Value> {
    let mut note = document_in(folder, TAKEOVER)?;
    if document.halt.iter().any(|reason| reason.get().code == HaltCode::UnexpectedDialog)
        && let Some(note) = note.as_object_mut()
    {
        // At which of two steps a dialog is met that a page opens by itself is the browser's.
        note.remove("stood_on");
    }
    let told = NOTE_FACTS.into_iter().filter_map(|key| Some((key.to_owned(), note.get(key)?.clone())));
    let told: serde_json::Map<String, Value> = told.collect();
    Ok(if told.is_empty() { Value::Null } else { Value::Object(told) })
}

/// A document of the evidence; null where there is none.
fn document_in(folder: &Path, name: &str) -> std::io::Result<Value> {
    match std::fs::read(folder.join(name)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
        bytes => Ok(serde_json::from_slice(&bytes?)?),
    }
}

fn halt(reason: &HaltView) -> Value {
    let mut told = serde_json::to_value(reason).unwrap_or_default();
    // How often a page tries something before the agent looks is the browser's.
    let counted = matches!(reason.code, HaltCode::UnexpectedCommitAttempt | HaltCode::UndeclaredRequest);
    // What was waited for when the time was over is the browser's too.
    if reason.code == HaltCode::PortalTimeout {
        told["observed"] = Value::String("something did not get ready within its limit".to_owned());
    }
    if let (true, Some(Value::String(observed))) = (counted, told.get_mut("observed")) {
        let rest = observed.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
        if rest.len() < observed.len() {
            *observed = format!("some{rest}");
        }
    }
    told
}

/// What came of the run whose document this is, from its evidence.
///
/// # Errors
///
/// When the evidence cannot be read.
pub fn tell(document: &RunDocument, events: Vec<Value>) -> std::io::Result<Told> {
    let folder = Path::new(&document.evidence_dir);
    let text = |name: &str| match std::fs::read_to_string(folder.join(name)) {
        // A run that halts before it looks at anything has seen nothing.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        other => other,
    };
    let observations = text(OBSERVATIONS)?;
    let observations = observations.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let approvals = document_in(folder, APPROVALS)?;
    Ok(Told { ending: ending(document, events, folder)?, observations, approvals })
}
