//! Writes the documents of a run that is over, and seals them.

use std::collections::BTreeMap;

use super::books::{Books, unwritable};
use super::flow::{Ending, RunFacts};
use super::note;
use crate::decide::verdict::Stage;
use crate::evidence::documents::{
    ApprovalsDocument, AttachmentView, AttachmentsDocument, Cost, ManifestDocument, Outcome, RUN_SCHEMA, RefusedView,
    RunDocument, Versions,
};
use crate::evidence::journal::Event;
use crate::evidence::store::{EvidenceError, EvidenceFolder};
use crate::mask::masked::{MaskGate, Masked};
use crate::model::ids::RunId;
use crate::model::portal_facts::Refused;
use crate::model::private::{Exposure, Fact};
use crate::model::time::Instant;

/// What the end of a run needs beside its ending.
pub struct Closing<'a> {
    /// The run.
    pub run: &'a RunId,
    /// What it worked from.
    pub facts: &'a RunFacts<'a>,
    /// Versions and digests.
    pub versions: Versions,
    /// What it cost.
    pub cost: Cost,
    /// When it began.
    pub started_at: Instant,
    /// When it ended.
    pub finished_at: Instant,
    /// Commit requests refused.
    pub blocked: u64,
    /// All refused requests.
    pub refused: Vec<(Refused, u64)>,
}

/// Writes every document and the manifest. The outcome stands whatever happens here; `sealed` tells whether all was written.
/// `run.json` is written even if another document could not be.
pub fn finish(
    closing: &Closing<'_>,
    mut ending: Ending,
    mut books: Option<Books<'_>>,
    gate: &MaskGate,
) -> Masked<RunDocument> {
    let mut sealed = false;
    if let Some(books) = &mut books {
        let ended = Event::Ended { outcome: ending.outcome.as_str() };
        let at = closing.finished_at;
        let noted = books.event(at, Stage::Seal, &ended).is_ok();
        match documents(closing, &ending, books) {
            Ok(()) => sealed = noted,
            Err(error) => {
                if matches!(ending.outcome, Outcome::HaltedAbandoned | Outcome::HaltedDraft) {
                    ending.halt.push(unwritable(Stage::Seal, &error));
                }
            }
        }
    }
    let document = |sealed| run_document(closing, &ending, books.as_ref().map(|books| &books.folder), gate, sealed);
    if let Some(books) = &books {
        let written = seal(closing, books, gate, document(sealed));
        sealed &= written.is_ok();
    }
    // A document that may not be shown whole still says how the run ended.
    gate.document(document(sealed)).unwrap_or_else(|_| gate.bare(document(false)))
}

fn documents(closing: &Closing<'_>, ending: &Ending, books: &Books<'_>) -> Result<(), EvidenceError> {
    let withheld = |name: &str| {
        let name = name.to_owned();
        move |_| EvidenceError::Withheld(name)
    };
    let gate = books.gate;
    let approvals = ApprovalsDocument { readings: books.readings.clone(), unlocked_by: books.unlocked_by };
    books.folder.document("approvals.json", &gate.document(approvals).map_err(withheld("approvals.json"))?)?;
    let attachments = closing.facts.record.record.exception.attachments.iter().map(|file| AttachmentView {
        role: file.role.to_string(),
        name: file.name.as_str().to_owned(),
        size: file.size,
        sha256: file.sha256,
        uploaded: books.uploaded.contains(file.role.as_str()),
    });
    let attachments = AttachmentsDocument { attachments: attachments.collect() };
    books.folder.document("attachments.json", &gate.document(attachments).map_err(withheld("attachments.json"))?)?;
    if let Some(note) = note::takeover(closing.run, ending, closing.facts, books) {
        let text = gate.text(note::markdown(&note)).map_err(withheld("takeover.md"))?;
        books.folder.text("takeover.md", &text)?;
        books.folder.document("takeover.json", &gate.document(note).map_err(withheld("takeover.json"))?)?;
    }
    Ok(())
}

fn seal(closing: &Closing<'_>, books: &Books<'_>, gate: &MaskGate, run: RunDocument) -> Result<(), EvidenceError> {
    let withheld = |_| EvidenceError::Withheld("manifest.json".to_owned());
    let shown = gate.document(run.clone()).unwrap_or_else(|_| gate.bare(run));
    books.folder.document("run.json", &shown)?;
    let files: BTreeMap<_, _> = books.folder.digests()?;
    let manifest = ManifestDocument { schema: "portal-agent/manifest/1", run_id: closing.run.clone(), files };
    books.folder.document("manifest.json", &gate.document(manifest).map_err(withheld)?)
}

fn run_document(
    closing: &Closing<'_>,
    ending: &Ending,
    folder: Option<&EvidenceFolder>,
    gate: &MaskGate,
    sealed: bool,
) -> RunDocument {
    RunDocument {
        schema: RUN_SCHEMA,
        run_id: closing.run.clone(),
        change_id: closing.facts.record.record.exception.change_id.clone(),
        operator: closing.facts.operator.clone(),
        portal_account: ending.account.as_ref().map(|account| gate.fact(&Fact::public(account.expose()))),
        outcome: ending.outcome,
        halt: ending.halt.iter().map(|reason| gate.halt(reason)).collect(),
        environment: ending.environment.as_ref().map(|what| gate.fact(&Fact::new(what.clone(), Exposure::Public))),
        draft_reference: ending.draft.clone(),
        draft_state: ending.draft_state,
        confirmation_number: ending.number.as_ref().map(|number| gate.fact(number)),
        evidence_dir: folder.map(|folder| folder.path().display().to_string()).unwrap_or_default(),
        sealed,
        started_at: closing.started_at,
        finished_at: closing.finished_at,
        commit_requests_released: ending.released,
        commit_requests_blocked: closing.blocked,
        recheck_to_commit_ms: ending.recheck_to_commit_ms,
        versions: closing.versions.clone(),
        cost: closing.cost,
        refused_requests: closing
            .refused
            .iter()
            .map(|(request, count)| RefusedView { request: request.clone(), count: *count })
            .collect(),
    }
}
