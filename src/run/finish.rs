//! Writes the documents of a run that is over, and seals them.

use std::collections::BTreeMap;

use super::ending::Ending;
use super::facts::RunFacts;
use super::note;
use super::run_log::{RunLog, unwritable};
use super::watch::Watcher;
use crate::decide::verdict::Stage;
use crate::evidence::documents::{
    AttachmentView, AttachmentsDocument, Cost, MANIFEST_SCHEMA, ManifestDocument, RUN_SCHEMA, RefusedView, ResumesView,
    RunDocument, Versions,
};
use crate::evidence::journal::{Event, Resumption};
use crate::evidence::outcome::Outcome;
use crate::evidence::readings::{APPROVALS, APPROVALS_SCHEMA, ApprovalsDocument};
use crate::evidence::shared::{Created, SharedStore};
use crate::evidence::store::{EvidenceError, MANIFEST, Part, SCREENSHOTS, SEAL};
use crate::mask::masked::{Leak, MaskGate, Masked};
use crate::model::digest::Digest;
use crate::model::ids::RunId;
use crate::model::portal_facts::Refused;
use crate::model::private::{Exposure, Fact};
use crate::model::time::Instant;
use crate::report::{Piece, REPORT, report};
use crate::seal::envelope::Statement;
use crate::seal::sealer::Sealer;

/// Name of the takeover note for people.
pub(crate) const TAKEOVER_TEXT: &str = "takeover.md";
/// Name of the same note for programs.
pub(crate) const TAKEOVER: &str = "takeover.json";

/// What the end of a run needs beside its ending.
pub struct Closing<'a> {
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
    /// What the evidence is sealed with, where anything is.
    pub sealer: Option<&'a Sealer>,
}

/// Writes every document and the manifest, and sends them to a store that lies elsewhere. The outcome stands whatever happens
/// here; `sealed` tells whether all was written. `run.json` is written even if another document could not be.
pub async fn finish(
    closing: &Closing<'_>,
    mut ending: Ending,
    mut log: Option<&mut RunLog<'_>>,
    gate: &MaskGate,
    shared: &SharedStore,
    watcher: &dyn Watcher,
) -> Masked<RunDocument> {
    let mut sealed = false;
    if let Some(log) = &mut log {
        log.folder.close();
        let written = documents(closing, &ending, log);
        let ended = Event::Ended { outcome: ending.outcome };
        let noted = log.event(closing.finished_at, Stage::Seal, &ended).await.is_ok();
        if noted {
            watcher.noted(&ended);
        }
        match written {
            Ok(()) => sealed = noted,
            Err(error) => {
                if matches!(ending.outcome, Outcome::HaltedAbandoned | Outcome::HaltedDraft) {
                    ending.halt.push(unwritable(Stage::Seal, &error));
                }
            }
        }
    }
    let place = log.as_ref().map(|log| log.folder.place()).unwrap_or_default();
    let resumes = log.as_ref().and_then(|log| log.journal.history()?.resumption.clone());
    let document = |sealed| run_document(closing, &ending, place.clone(), resumes.as_ref(), gate, sealed);
    if let Some(log) = &mut log {
        let written = seal(closing, log, gate, document(sealed)).await;
        let sent = match written {
            Ok(()) => send(closing, log, shared).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &sent {
            tracing::warn!(%error, "the evidence is not sealed");
        }
        sealed &= sent.is_ok();
    }
    // A document that may not be shown whole still says how the run ended.
    gate.document(document(sealed)).unwrap_or_else(|_| gate.bare(document(false)))
}

/// Sends every file to a store that is not the folder itself: create-only, the manifest last.
async fn send(closing: &Closing<'_>, log: &RunLog<'_>, shared: &SharedStore) -> Result<(), EvidenceError> {
    if !shared.is_remote() {
        return Ok(());
    }
    let change = &closing.facts.record.record.exception.change_id;
    for name in log.folder.names()? {
        let bytes = log.folder.read(&name)?;
        let key = format!("{change}/{}/{name}", closing.run);
        let failed = |why: String| EvidenceError::Store(format!("{}: {why}", shared.place()));
        match shared.create(&key, bytes).await.map_err(|error| failed(error.to_string()))? {
            Created::Ours => {}
            Created::Taken(_) => return Err(failed(format!("{key} is there already, and differs"))),
        }
    }
    Ok(())
}

fn withheld(name: &str) -> impl Fn(Leak) -> EvidenceError + use<> {
    let name = name.to_owned();
    move |_| EvidenceError::Withheld(name.clone())
}

fn documents(closing: &Closing<'_>, ending: &Ending, log: &mut RunLog<'_>) -> Result<(), EvidenceError> {
    let gate = log.gate;
    let approvals = ApprovalsDocument {
        schema: APPROVALS_SCHEMA,
        run_id: closing.run.clone(),
        readings: log.readings.clone(),
        unlocked_by: log.unlocked_by,
    };
    log.folder.document(APPROVALS, &gate.document(approvals).map_err(withheld(APPROVALS))?)?;
    let attachments = closing.facts.record.record.exception.attachments.iter().map(|file| AttachmentView {
        role: file.role.to_string(),
        name: file.name.as_str().to_owned(),
        size: file.size,
        sha256: file.sha256,
        uploaded: log.uploaded.contains(file.role.as_str()),
    });
    let attachments = AttachmentsDocument { attachments: attachments.collect() };
    log.folder.document("attachments.json", &gate.document(attachments).map_err(withheld("attachments.json"))?)?;
    write_note(closing.run, ending, closing.facts, log, closing.finished_at)
}

/// Writes the takeover note, for an ending that needs one.
///
/// # Errors
///
/// [`EvidenceError`].
pub(crate) fn write_note(
    run: &RunId,
    ending: &Ending,
    facts: &RunFacts<'_>,
    log: &mut RunLog<'_>,
    now: Instant,
) -> Result<(), EvidenceError> {
    let gate = log.gate;
    let Some(note) = note::takeover(run, ending, facts, log, now) else { return Ok(()) };
    let text = gate.text(note::markdown(&note)).map_err(withheld(TAKEOVER_TEXT))?;
    log.folder.text(TAKEOVER_TEXT, &text)?;
    log.folder.document(TAKEOVER, &gate.document(note).map_err(withheld(TAKEOVER))?)
}

/// Writes the report, made of what was written before it.
fn write_report(log: &mut RunLog<'_>, gate: &MaskGate) -> Result<(), EvidenceError> {
    let pictures: Vec<String> = log.folder.names()?.into_iter().filter(|name| name.starts_with(SCREENSHOTS)).collect();
    let pieces = report(&|name| log.folder.read(name).ok(), &pictures, &[]);
    let pieces = pieces.map_err(|error| EvidenceError::Store(error.to_string()))?;
    let part = |piece| match piece {
        Piece::Text(text) => gate.text(text).map(Part::Text).map_err(withheld(REPORT)),
        Piece::Picture(path) => Ok(Part::Picture(path)),
    };
    let parts = pieces.into_iter().map(part).collect::<Result<Vec<_>, _>>()?;
    log.folder.composed(REPORT, &parts)
}

async fn seal(
    closing: &Closing<'_>,
    log: &mut RunLog<'_>,
    gate: &MaskGate,
    run: RunDocument,
) -> Result<(), EvidenceError> {
    let shown = gate.document(run.clone()).unwrap_or_else(|_| gate.bare(run));
    log.folder.document("run.json", &shown)?;
    if let Err(error) = write_report(log, gate) {
        // What it is made of is all there: it can be written another time.
        tracing::warn!(%error, "there is no report");
    }
    let files: BTreeMap<_, _> = log.folder.digests()?;
    let manifest = ManifestDocument { schema: MANIFEST_SCHEMA, run_id: closing.run.clone(), files: files.clone() };
    log.folder.document(MANIFEST, &gate.document(manifest).map_err(withheld(MANIFEST))?)?;
    let Some(sealer) = closing.sealer else { return Ok(()) };
    let change = &closing.facts.record.record.exception.change_id;
    let files = files.into_iter().map(|(name, file)| (name, file.sha256));
    let files = files.chain([(MANIFEST.to_owned(), Digest::of(&log.folder.read(MANIFEST)?))]);
    let unsealed = |error: &dyn std::error::Error| EvidenceError::Store(format!("{SEAL}: {error}"));
    let envelope = sealer.seal(&Statement::of(closing.run, change, files)).await.map_err(|error| unsealed(&error))?;
    let text = String::from_utf8(envelope).map_err(|error| unsealed(&error))?;
    log.folder.text(SEAL, &gate.text(text).map_err(withheld(SEAL))?)
}

fn run_document(
    closing: &Closing<'_>,
    ending: &Ending,
    place: String,
    resumes: Option<&Resumption>,
    gate: &MaskGate,
    sealed: bool,
) -> RunDocument {
    RunDocument {
        schema: RUN_SCHEMA,
        run_id: closing.run.clone(),
        change_id: closing.facts.record.record.exception.change_id.clone(),
        operator: closing.facts.operator.clone(),
        portal_account: ending.account.as_ref().map(|account| gate.fact(&Fact::public(account.expose()))),
        resumes: resumes.map(|earlier| ResumesView {
            run: earlier.of.clone(),
            by: earlier.by.clone(),
            reason: gate.fact(&Fact::public(&earlier.reason)),
        }),
        outcome: ending.outcome,
        agreed: ending.agreed,
        halt: ending.halt.iter().map(|reason| gate.halt(reason)).collect(),
        environment: ending.environment.as_ref().map(|what| gate.fact(&Fact::new(what.clone(), Exposure::Public))),
        draft_reference: ending.draft.clone(),
        draft_state: ending.draft_state,
        edits: ending.edits.iter().map(|edited| gate.edit(edited)).collect(),
        confirmation_number: ending.number.as_ref().map(|number| gate.fact(number)),
        evidence_dir: place,
        sealed,
        started_at: closing.started_at,
        finished_at: closing.finished_at,
        commit_requests_released: ending.released,
        commit_requests_blocked: closing.blocked,
        commit_answer: ending.answer,
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
