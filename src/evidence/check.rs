//! Whether the evidence of a run is what the run wrote: the manifest over its files, the chain of its journal, and one outcome.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::history::{BrokenJournal, History};
use super::journal::JOURNAL;
use super::observations::OBSERVATIONS;
use super::outcome::Outcome;
use super::readings::APPROVALS;
use super::store::{MANIFEST, SCREENSHOTS};
use crate::model::digest::Digest;
use crate::model::ids::RunId;

/// How much of it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What decisions are judged again from, and how the run ended.
    Judged,
    /// Every file.
    Whole,
}

/// What is not as the run wrote it.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// There is no manifest, though there is a run.
    #[error("{MANIFEST} is missing: the run was not sealed, or it was removed")]
    NoManifest,
    /// A file cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, String),
    /// A file of the manifest is gone.
    #[error("{0} is missing, and {MANIFEST} names it")]
    Missing(String),
    /// A file has other bytes than the manifest says.
    #[error("{0} is not the file that {MANIFEST} names: it was changed")]
    Altered(String),
    /// A file that the manifest does not name.
    #[error("{0} is not in {MANIFEST}: it was added")]
    Added(String),
    /// The journal's chain is broken.
    #[error("{JOURNAL}: {0}")]
    Journal(#[from] BrokenJournal),
    /// The journal stops before the run's end.
    #[error("{JOURNAL} stops before the run ended: lines were removed")]
    CutOff,
    /// Two files name different runs.
    #[error("{0} is of run {1}, and {MANIFEST} of run {2}")]
    OtherRun(&'static str, RunId, RunId),
    /// Two files tell different ends.
    #[error("run.json says {}, and {JOURNAL} {}", .0.as_str(), .1.as_str())]
    Outcome(Outcome, Outcome),
}

#[derive(Deserialize)]
struct Sealed {
    run_id: RunId,
    files: BTreeMap<String, Listed>,
}

#[derive(Deserialize)]
struct Listed {
    sha256: Digest,
    size: u64,
}

#[derive(Deserialize)]
struct Ended {
    run_id: RunId,
    outcome: Outcome,
}

const RUN: &str = "run.json";

/// Whether a folder is the evidence of a run, and not a recording of one.
pub(crate) fn is_of_a_run(folder: &Path) -> bool {
    [MANIFEST, JOURNAL, RUN].iter().any(|name| folder.join(name).is_file())
}

/// Everything about the evidence in `folder` that is not as its run wrote it; nothing when all of it is.
pub fn flaws(folder: &Path, depth: Depth) -> Vec<Flaw> {
    let mut found = Vec::new();
    match read::<Sealed>(folder, MANIFEST) {
        Err(_) if !folder.join(MANIFEST).exists() => found.push(Flaw::NoManifest),
        Err(flaw) => found.push(flaw),
        Ok(sealed) => {
            found.extend(files(folder, &sealed.files, depth));
            found.extend(ending(folder, &sealed.run_id));
        }
    }
    found
}

fn unreadable(name: &str, error: &dyn std::error::Error) -> Flaw {
    Flaw::Unreadable(name.to_owned(), error.to_string())
}

fn read<T: for<'de> Deserialize<'de>>(folder: &Path, name: &str) -> Result<T, Flaw> {
    let bytes = fs::read(folder.join(name)).map_err(|error| unreadable(name, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(name, &error))
}

fn files(folder: &Path, listed: &BTreeMap<String, Listed>, depth: Depth) -> Vec<Flaw> {
    let mut found = Vec::new();
    for (name, listed) in listed {
        let looked_at = match depth {
            Depth::Whole => true,
            Depth::Judged => [APPROVALS, OBSERVATIONS, JOURNAL, RUN].contains(&name.as_str()),
        };
        if !looked_at {
            continue;
        }
        match File::open(folder.join(name)).and_then(Digest::of_reader) {
            Ok(is) if is == (listed.sha256, listed.size) => {}
            Ok(_) => found.push(Flaw::Altered(name.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => found.push(Flaw::Missing(name.clone())),
            Err(error) => found.push(unreadable(name, &error)),
        }
    }
    for below in ["", SCREENSHOTS] {
        let Ok(entries) = fs::read_dir(folder.join(below)) else { continue };
        let names = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir()));
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let names = names.map(|name| if below.is_empty() { name } else { format!("{below}/{name}") });
        found.extend(names.filter(|name| name != MANIFEST && !listed.contains_key(name)).map(Flaw::Added));
    }
    found
}

/// Whether journal, run document and manifest are of one run, and tell one end.
fn ending(folder: &Path, sealed: &RunId) -> Vec<Flaw> {
    let told = || -> Result<(), Flaw> {
        let bytes = fs::read(folder.join(JOURNAL)).map_err(|error| unreadable(JOURNAL, &error))?;
        let history = History::read(&bytes)?.history.ok_or(Flaw::CutOff)?;
        let run: Ended = read(folder, RUN)?;
        for (name, id) in [(JOURNAL, &history.opening.run), (RUN, &run.run_id)] {
            if id != sealed {
                return Err(Flaw::OtherRun(name, id.clone(), sealed.clone()));
            }
        }
        match history.outcome {
            None => Err(Flaw::CutOff),
            Some(outcome) if outcome != run.outcome => Err(Flaw::Outcome(run.outcome, outcome)),
            Some(_) => Ok(()),
        }
    };
    told().err().into_iter().collect()
}
