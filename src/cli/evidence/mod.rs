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
use super::settings::Settings;
use super::terminal::invalid_input;
use crate::decide::verdict::HaltCode;
use crate::diagnostic::Diagnostic;
use crate::evidence::outcome::Outcome;
use crate::model::ids::{ChangeId, RunId};
use crate::model::time::Instant;

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
        EvidenceCommand::Stats(args) => stats::run(&args, &settings, output),
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

/// How many files are read at a time.
fn jobs() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
