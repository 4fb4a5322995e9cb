//! What the evidence of a run says, as far as a report tells it. Only the run's document has to be there.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ReportError;
use crate::evidence::history::{Told, told};
use crate::evidence::journal::JOURNAL;
use crate::evidence::observations::OBSERVATIONS;
use crate::evidence::outcome::{CommitAnswer, DraftState, Outcome};
use crate::evidence::readings::APPROVALS;
use crate::model::form::WidgetKind;
use crate::model::record::Approval;
use crate::model::time::{ChangeWindow, Instant};

/// Everything that a report tells.
pub(super) struct Facts {
    pub run: Run,
    pub note: Option<Note>,
    pub journal: Vec<Told>,
    pub observations: Vec<Observation>,
    pub approvals: Approvals,
    pub attachments: Attachments,
    /// Paths of the pictures below the run's folder.
    pub pictures: Vec<String>,
    /// What of the evidence is not as the run wrote it.
    pub flaws: Vec<String>,
}

/// `run.json`.
#[derive(Deserialize)]
pub(super) struct Run {
    pub run_id: String,
    pub change_id: String,
    pub operator: String,
    pub portal_account: Option<String>,
    pub resumes: Option<Resumes>,
    pub outcome: Outcome,
    #[serde(default)]
    pub halt: Vec<Halt>,
    pub environment: Option<String>,
    pub draft_reference: Option<String>,
    pub draft_state: Option<DraftState>,
    #[serde(default)]
    pub edits: Vec<Edit>,
    pub confirmation_number: Option<String>,
    pub started_at: Instant,
    pub finished_at: Instant,
    pub commit_requests_released: u64,
    pub commit_requests_blocked: u64,
    #[serde(default)]
    pub commit_answer: Option<CommitAnswer>,
    pub recheck_to_commit_ms: Option<f64>,
    pub versions: Versions,
    #[serde(default)]
    pub refused_requests: Vec<Refused>,
}

#[derive(Deserialize)]
pub(super) struct Resumes {
    pub run: String,
    pub by: String,
    pub reason: String,
}

#[derive(Deserialize)]
pub(super) struct Halt {
    pub code: String,
    pub stage: String,
    pub subject: String,
    pub expected: String,
    pub observed: String,
}

#[derive(Deserialize)]
pub(super) struct Edit {
    pub field: String,
    pub edit: String,
    pub record: String,
    pub draft: String,
}

#[derive(Deserialize)]
pub(super) struct Versions {
    pub agent: String,
    pub browser: Option<String>,
    pub map: String,
    pub map_name: String,
    pub policy: String,
    pub packet: String,
    pub record: String,
    pub portal: String,
}

#[derive(Deserialize)]
pub(super) struct Refused {
    pub why: String,
    pub method: String,
    pub origin: String,
    pub path: String,
    pub count: u64,
}

/// `takeover.json`.
#[derive(Deserialize)]
pub(super) struct Note {
    pub headline: String,
    #[serde(default)]
    pub submitted: String,
    #[serde(default)]
    pub pictures: Vec<String>,
    #[serde(default)]
    pub steps: Vec<String>,
    #[serde(default)]
    pub must_not: Vec<String>,
    pub next: String,
    pub host: String,
    pub window: ChangeWindow,
}

/// A line of `observations.jsonl`.
#[derive(Deserialize)]
pub(super) struct Observation {
    pub stage: String,
    pub judged: String,
    #[serde(default)]
    pub fields: Vec<Field>,
    #[serde(default)]
    pub verdict: Vec<String>,
}

/// One field as it was seen.
#[derive(Deserialize)]
pub(super) struct Field {
    pub field: String,
    pub kind: WidgetKind,
    pub wants: Option<String>,
    pub expected: String,
    pub observed: Option<String>,
    #[serde(default = "once")]
    pub matches: usize,
}

fn once() -> usize {
    1
}

/// `approvals.json`.
#[derive(Deserialize, Default)]
pub(super) struct Approvals {
    #[serde(default)]
    pub readings: Vec<Reading>,
    pub unlocked_by: Option<usize>,
}

#[derive(Deserialize)]
pub(super) struct Reading {
    pub at: Instant,
    pub stage: String,
    #[serde(default)]
    pub manifest: Manifest,
    #[serde(default)]
    pub approvals: Vec<Approval>,
    #[serde(default)]
    pub verdict: Vec<String>,
}

#[derive(Deserialize, Default)]
pub(super) struct Manifest {
    pub window: Option<ChangeWindow>,
    pub expires_at: Option<Instant>,
}

/// `attachments.json`.
#[derive(Deserialize, Default)]
pub(super) struct Attachments {
    #[serde(default)]
    pub attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
pub(super) struct Attachment {
    pub role: String,
    pub name: String,
    pub size: u64,
    pub sha256: String,
    pub uploaded: bool,
}

impl Facts {
    /// Reads them. What is missing beside the run's document, or cannot be read, is left out.
    pub(super) fn read(
        read: &dyn Fn(&str) -> Option<Vec<u8>>,
        pictures: &[String],
        flaws: &[String],
    ) -> Result<Self, ReportError> {
        let file = "run.json";
        let wrong = |why: String| ReportError { file, why };
        let run = read(file).ok_or_else(|| wrong("it is missing".to_owned()))?;
        let run = serde_json::from_slice(&run).map_err(|error| wrong(error.to_string()))?;
        let lines = read(OBSERVATIONS).unwrap_or_default();
        let lines = lines.split(|byte| *byte == b'\n').skip(1);
        Ok(Self {
            run,
            note: document(read, "takeover.json"),
            journal: told(&read(JOURNAL).unwrap_or_default()),
            observations: lines.filter_map(|line| serde_json::from_slice(line).ok()).collect(),
            approvals: document(read, APPROVALS).unwrap_or_default(),
            attachments: document(read, "attachments.json").unwrap_or_default(),
            pictures: pictures.to_vec(),
            flaws: flaws.to_vec(),
        })
    }

    /// The deployment window, wherever it is said.
    pub(super) fn window(&self) -> Option<ChangeWindow> {
        let note = self.note.as_ref().map(|note| note.window);
        note.or_else(|| self.approvals.readings.first()?.manifest.window)
    }

    /// The label of a field, where one was wanted.
    pub(super) fn label<'a>(&'a self, field: &'a str) -> &'a str {
        let fields = self.observations.iter().flat_map(|seen| &seen.fields);
        let mut labels = fields.filter(|seen| seen.field == field).filter_map(|seen| seen.wants.as_deref());
        labels.next().unwrap_or(field)
    }
}

fn document<T: DeserializeOwned>(read: &dyn Fn(&str) -> Option<Vec<u8>>, name: &str) -> Option<T> {
    serde_json::from_slice(&read(name)?).ok()
}
