//! `evidence prune`: removes evidence whose time is over, and leaves what says so. Nothing that anybody still has to do with.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Ended, ended, folders, jobs};
use crate::cli::args::{EvidencePrune, Output};
use crate::cli::exit::Exit;
use crate::cli::run::{OrderError, not_begun};
use crate::cli::settings::Settings;
use crate::cli::terminal::{print_json, print_line, warn_line};
use crate::diagnostic::Diagnostic;
use crate::evidence::check::{Checked, Depth, Flaw, verify};
use crate::evidence::claims::ClaimLog;
use crate::evidence::store::MANIFEST;
use crate::evidence::tombstone::{TOMBSTONE, TOMBSTONE_SCHEMA, TOMBSTONE_SEAL, Tombstone, remove_the_rest};
use crate::model::digest::Digest;
use crate::model::ids::{ChangeId, PersonId};
use crate::model::time::Instant;
use crate::run::clock::{Clock as _, SystemClock};
use crate::seal::envelope::Statement;
use crate::seal::sealer::Sealer;

#[derive(Serialize)]
struct PruneDocument {
    schema: &'static str,
    /// Whether anything was removed, or would be.
    applied: bool,
    pruned: Vec<String>,
    kept: Vec<Kept>,
}

#[derive(Serialize)]
struct Kept {
    evidence: String,
    why: String,
}

/// Carries out `evidence prune`.
pub(super) async fn run(args: &EvidencePrune, settings: &Settings, output: Output) -> Exit {
    let document = match prune(args, settings).await {
        Ok(document) => document,
        Err(error) => return not_begun(output, error),
    };
    match output {
        Output::Json => print_json(&document),
        Output::Text => {
            let verb = if document.applied { "removed" } else { "would remove" };
            let pruned = document.pruned.iter().map(|folder| format!("{verb}  {folder}\n"));
            let kept = document.kept.iter().map(|kept| format!("keep  {}: {}\n", kept.evidence, kept.why));
            let hint = if document.applied || document.pruned.is_empty() { "" } else { "; --apply does it" };
            let lines: String = pruned.chain(kept).collect();
            print_line(&format!(
                "{lines}{} of {}{hint}",
                document.pruned.len(),
                document.pruned.len() + document.kept.len()
            ))
        }
    }
}

async fn prune(args: &EvidencePrune, settings: &Settings) -> Result<PruneDocument, OrderError> {
    let by = settings.operator()?.clone();
    let sealer = settings.sealer()?;
    let now = SystemClock::default().now();
    let held = held(settings).await?;
    let folders = folders(&[], settings)?;
    let checked = verify(&folders, Depth::Whole, None, jobs());
    let mut document =
        PruneDocument { schema: "portal-agent/prune/1", applied: args.apply, pruned: Vec::new(), kept: Vec::new() };
    for (folder, checked) in folders.iter().zip(checked) {
        if checked.pruned_by.is_some() {
            // One whose removal was broken off.
            if args.apply && checked.flaws.iter().any(|flaw| matches!(flaw, Flaw::Added(_))) {
                finish(folder)?;
                document.pruned.push(folder.display().to_string());
            }
            continue;
        }
        let evidence = folder.display().to_string();
        let run = ended(folder)?;
        let stays = stays(args.older_than, &checked, run.as_ref(), &held, now);
        match (run, stays) {
            (_, Some(why)) => document.kept.push(Kept { evidence, why }),
            (Some(run), None) => {
                if args.apply {
                    remove(folder, &run, &by, args.older_than, now, sealer.as_ref()).await?;
                }
                document.pruned.push(evidence);
            }
            (None, None) => {}
        }
    }
    Ok(document)
}

/// Changes that a run holds. Where that cannot be told, nothing is removed.
async fn held(settings: &Settings) -> Result<BTreeSet<ChangeId>, OrderError> {
    let mut held = BTreeSet::new();
    for row in ClaimLog::all(&settings.shared_store()?).await? {
        let Some(standing) = row.standing().await? else { continue };
        match standing.entry.as_ref().filter(|_| !standing.is_free()) {
            Some(entry) => _ = held.insert(entry.change.clone()),
            None if standing.is_free() => {}
            None => {
                let help = "`portal-agent takeover` names it";
                return Err(Diagnostic::whole(&settings.evidence, "holds a claim that cannot be read", help).into());
            }
        }
    }
    Ok(held)
}

/// Why the evidence of a run stays; none where its time is over.
fn stays(days: u32, checked: &Checked, run: Option<&Ended>, held: &BTreeSet<ChangeId>, now: Instant) -> Option<String> {
    let Some(run) = run else { return Some("the run did not end".to_owned()) };
    let age = now.seconds_since(run.finished_at);
    if let Some(flaw) = checked.flaws.first() {
        return Some(format!("for an auditor: {flaw}"));
    }
    if held.contains(&run.change_id) {
        return Some("a run of this change waits for somebody".to_owned());
    }
    (age < i64::from(days) * 86_400).then(|| "not old enough".to_owned())
}

/// Writes down what is removed and by whom, before anything is.
async fn remove(
    folder: &Path,
    run: &Ended,
    by: &PersonId,
    days: u32,
    now: Instant,
    sealer: Option<&Sealer>,
) -> Result<(), OrderError> {
    let failed = |path: PathBuf, error: &dyn std::error::Error| {
        Diagnostic::whole(&path, format!("cannot be written: {error}"), "nothing more was removed")
    };
    let manifest = folder.join(MANIFEST);
    let bytes = std::fs::read(&manifest).map_err(|error| failed(manifest, &error))?;
    let stone = Tombstone {
        schema: TOMBSTONE_SCHEMA.to_owned(),
        run_id: run.run_id.clone(),
        change_id: run.change_id.clone(),
        outcome: run.outcome,
        finished_at: run.finished_at,
        pruned_at: now.whole_seconds(),
        by: by.clone(),
        kept_days: days,
        manifest: Digest::of(&bytes),
    };
    let path = folder.join(TOMBSTONE);
    let written = stone.written().map_err(|error| failed(path.clone(), &error))?;
    if let Some(sealer) = sealer {
        let files = [(MANIFEST.to_owned(), Digest::of(&bytes)), (TOMBSTONE.to_owned(), Digest::of(&written))];
        let statement = Statement::of(&run.run_id, &run.change_id, files);
        let path = folder.join(TOMBSTONE_SEAL);
        let seal = sealer.seal(&statement).await.map_err(|error| failed(path.clone(), &error))?;
        put(&path, &seal).map_err(|error| failed(path, &error))?;
    }
    put(&path, &written).map_err(|error| failed(path, &error))?;
    finish(folder)
}

fn finish(folder: &Path) -> Result<(), OrderError> {
    remove_the_rest(folder).map_err(|error| {
        warn_line(&format!("error: {}: {error}", folder.display()));
        Diagnostic::whole(folder, format!("cannot be removed: {error}"), "give the command again").into()
    })
}

/// A file that is on disk when this returns.
fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut aside = tempfile::Builder::new().prefix(".partial-").tempfile_in(folder)?;
    aside.write_all(bytes)?;
    aside.as_file().sync_all()?;
    aside.persist(path)?;
    std::fs::File::open(folder)?.sync_all()
}
