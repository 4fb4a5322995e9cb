//! `evidence`: figures over past runs, and removing those whose time is over.

mod prune;
mod stats;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::args::Output;
use super::args::{Common, EvidenceCommand};
use super::exit::Exit;
use super::past_runs::runs_below;
use super::run::not_begun;
use super::settings::Settings;
use super::terminal::invalid_input;
use crate::decide::verdict::HaltCode;
use crate::diagnostic::Diagnostic;
use crate::evidence::outcome::Outcome;
use crate::evidence::shared::{SharedStore, StoreError};
use crate::model::ids::{ChangeId, RunId};
use crate::model::time::Instant;
use crate::run::order::InputError;
use crate::run::private::PrivateFolder;

/// Carries out `evidence`.
pub(super) async fn run(command: EvidenceCommand, output: Output) -> Exit {
    let common = match &command {
        EvidenceCommand::Stats(args) => &args.common,
        EvidenceCommand::Prune(args) => &args.common,
    };
    let settings = match read(common) {
        Ok(settings) => settings,
        Err(exit) => return invalid_input(output, &exit),
    };
    match command {
        EvidenceCommand::Stats(args) => match (&settings.evidence_store, args.folders.is_empty()) {
            (None, _) | (Some(_), false) => stats::run(&args.folders, &settings, output),
            (Some(_), true) => {
                let room = match PrivateFolder::new() {
                    Ok(room) => room,
                    Err(error) => return not_begun(output, InputError::Folder(error).into()),
                };
                let shared = match settings.shared_store() {
                    Ok(shared) => shared,
                    Err(error) => return not_begun(output, error.into()),
                };
                match copied(&shared, room.path()).await {
                    Ok(()) => stats::run(&[room.path().to_owned()], &settings, output),
                    Err(error) => not_begun(output, error.into()),
                }
            }
        },
        EvidenceCommand::Prune(args) => prune::run(&args, &settings, output).await,
    }
}

fn read(common: &Common) -> Result<Settings, super::settings::SettingsError> {
    super::settings::read(common)
}

/// `run.json`, as far as it is needed here.
#[derive(Deserialize)]
struct Ended {
    run_id: RunId,
    change_id: ChangeId,
    outcome: Outcome,
    started_at: Instant,
    finished_at: Instant,
    commit_requests_released: u64,
    #[serde(default)]
    halt: Vec<Halt>,
    resumes: Option<Resumes>,
}

#[derive(Deserialize)]
struct Halt {
    code: HaltCode,
}

#[derive(Deserialize)]
struct Resumes {
    run: RunId,
}

/// The run's own document; none where it left none.
fn ended(folder: &Path) -> Result<Option<Ended>, Diagnostic> {
    let path = folder.join("run.json");
    let Ok(bytes) = std::fs::read(&path) else { return Ok(None) };
    let help = "`portal-agent verify` says what is wrong with this run";
    serde_json::from_slice(&bytes).map(Some).map_err(|error| Diagnostic::whole(&path, error.to_string(), help))
}

/// Every run below the evidence folder, or below the folders that are named.
fn folders(named: &[PathBuf], settings: &Settings) -> Result<Vec<PathBuf>, Diagnostic> {
    let usual = [settings.evidence.clone()];
    let all = if named.is_empty() { &usual[..] } else { named };
    let mut found = Vec::new();
    for folder in all {
        found.extend(runs_below(folder)?);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Copies the runs of a store that lies elsewhere into `room`, so that they are read like any others.
///
/// # Errors
///
/// [`StoreError`] when the store does not answer, or the copies cannot be written.
async fn copied(shared: &SharedStore, room: &Path) -> Result<(), StoreError> {
    for key in shared.list("").await? {
        // Claims and copies of journals stand below names that begin so.
        let of_a_run =
            !key.starts_with('.') && key.split('/').all(|part| part != "..") && key.matches('/').count() >= 2;
        let Some(bytes) = (if of_a_run { shared.read(&key).await? } else { None }) else { continue };
        let path = room.join(&key);
        let folder = path.parent().unwrap_or(room);
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, bytes));
        written.map_err(|error| StoreError::Folder(path.display().to_string(), error))?;
    }
    Ok(())
}

/// How many files are read at a time.
fn jobs() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn runs_of_a_store_are_copied_and_its_claims_and_journals_are_not() {
        let (there, room) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let shared = SharedStore::folder(there.path());
        for key in
            ["CHG1/r1/run.json", "CHG1/r1/screenshots/01-fill.png", ".claims/P--CHG1/000001.json", ".journals/r1/1"]
        {
            shared.create(key, b"x".to_vec()).await.unwrap();
        }
        copied(&shared, room.path()).await.unwrap();
        assert!(room.path().join("CHG1/r1/screenshots/01-fill.png").is_file());
        assert!(!room.path().join(".claims").exists() && !room.path().join(".journals").exists());
    }
}
