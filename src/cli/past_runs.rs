//! Finds the evidence of past runs, by folder or by name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::evidence::check::is_of_a_run;
use crate::model::ids::RunId;

/// The folder of every run at `path` or below.
pub(super) fn runs_below(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let help = "name the folder of a run, a folder of runs, or a run by its id";
    let wrong = |what: String| Diagnostic::whole(path, what, help);
    let mut found = Vec::new();
    let mut walk = vec![path.to_owned()];
    while let Some(folder) = walk.pop() {
        if is_of_a_run(&folder) {
            found.push(folder);
            continue;
        }
        let entries = fs::read_dir(&folder).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        walk.extend(folders.map(|entry| entry.path()));
    }
    found.sort_unstable();
    if found.is_empty() { Err(wrong("holds no evidence of a run".to_owned())) } else { Ok(found) }
}

/// What `named` means: a folder, or a run somewhere below `evidence`.
pub(super) fn run_named(named: &Path, evidence: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let run = named.to_str().and_then(|text| RunId::parse(text).ok()).filter(|_| !named.exists());
    let Some(run) = run else { return runs_below(named) };
    let changes = fs::read_dir(evidence).into_iter().flatten().flatten();
    let folders: Vec<_> = changes.map(|change| change.path().join(run.as_str())).filter(|one| one.is_dir()).collect();
    if folders.is_empty() {
        let help = "name its evidence folder with --evidence, or the folder of the run itself";
        return Err(Diagnostic::whole(evidence, format!("holds no run {run}"), help));
    }
    Ok(folders)
}
