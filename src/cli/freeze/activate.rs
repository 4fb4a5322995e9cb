//! `freeze activate`: switches the freeze on where the error budget asks for it. Nothing here switches it off.

use std::path::Path;

use serde::Serialize;

use super::{ActivateArgs, answer, git, now};
use crate::cli::args::Output;
use crate::cli::exit::Exit;
use crate::cli::terminal::{invalid_input, print_json, warn_line};
use crate::cli::write::{WriteError, hold};
use crate::diagnostic::Diagnostic;
use crate::freeze_mode::budget::{Activation, ErrorBudget};
use crate::freeze_mode::state_file::FreezeState;
use crate::model::freeze_terms::Tier;
use crate::model::shown::escape_for_terminal;
use crate::sources::freeze_files::{FileReading, StatePlace, read_freeze, read_json};

#[derive(Serialize)]
struct ActivateDocument {
    schema: &'static str,
    /// `activated`, `already-active` or `not-needed`.
    outcome: &'static str,
    exit: u8,
    file: String,
    tier: Tier,
    reason: Option<String>,
    exhausted: Vec<&'static str>,
    committed: bool,
    error: Option<String>,
}

/// Carries out `freeze activate`.
pub(super) fn run(args: ActivateArgs, output: Output) -> Exit {
    let place = StatePlace::freeze(args.freeze_file, Path::new(""));
    let budget = match read_budget(&args.budget) {
        Ok(budget) => budget,
        Err(mistake) => return invalid_input(output, &mistake),
    };
    let activation = budget.activation();
    let document = |outcome, exit: Exit| ActivateDocument {
        schema: "portal-agent/freeze-activate/1",
        outcome,
        exit: exit.code(),
        file: escape_for_terminal(&place.path.display().to_string()),
        tier: budget.tier,
        reason: activation.as_ref().map(Activation::reason),
        exhausted: activation.as_ref().map(|activation| activation.exhausted.clone()).unwrap_or_default(),
        committed: false,
        error: None,
    };
    // A state that cannot be read is told even where nothing would be written: the gate blocks on it.
    let active = match active_state(&place) {
        Ok(active) => active,
        Err(mistake) => return invalid_input(output, &mistake),
    };
    // A freeze that an earlier run could not commit is committed, whatever became of the budget since.
    if activation.is_none() && !(args.commit && active.is_some()) {
        return tell(NOT_NEEDED, NOT_NEEDED, &document("not-needed", Exit::Yes), output);
    }
    if args.commit
        && let Err(error) = git::ensure_work_tree(&place.path)
    {
        return refuse(&error, output);
    }
    // From here to the end nobody else writes, so that of two activations the second finds the first.
    let held = match hold(&place.path) {
        Ok(held) => held,
        Err(error) => return unwritten(&error, output),
    };
    let active = match active_state(&place) {
        Ok(active) => active,
        Err(mistake) => return invalid_input(output, &mistake),
    };
    match (active, &activation) {
        (Some(state), activation) => {
            let (text, outcome) = match activation {
                Some(_) => ("the freeze is active already; nothing was written", "already-active"),
                None => (NOT_NEEDED, "not-needed"),
            };
            let mut done = document(outcome, Exit::Yes);
            if args.commit {
                match commit_if_need_be(&place.path, &state) {
                    Ok(committed) => done.committed = committed,
                    Err(error) => return uncommitted(&error, done, output),
                }
            }
            let committed = format!("{text}; the freeze that is active was not committed yet and is now");
            let text = if done.committed { &committed } else { text };
            tell(text, text, &done, output)
        }
        // A person ended it in the meantime.
        (None, None) => tell(NOT_NEEDED, NOT_NEEDED, &document("not-needed", Exit::Yes), output),
        (None, Some(activation)) => {
            let state = activation.state(now());
            if let Err(error) = held.replace(&state) {
                return unwritten(&error, output);
            }
            let mut done = document("activated", Exit::Yes);
            if args.commit {
                match git::commit(&place.path, &commit_message(&state)) {
                    Ok(()) => done.committed = true,
                    Err(error) => return uncommitted(&error, done, output),
                }
            }
            let text = format!("the freeze is active: {}", activation.reason());
            let and_committed = if done.committed { " and committed" } else { "" };
            tell(&text, &format!("the freeze is active: {} is written{and_committed}", done.file), &done, output)
        }
    }
}

const NOT_NEEDED: &str = "the error budget asks for no freeze; nothing was written";

/// Commits a state that an earlier run wrote, unless it is committed; says whether it did.
fn commit_if_need_be(path: &Path, state: &FreezeState) -> Result<bool, git::GitError> {
    if git::is_committed(path)? {
        return Ok(false);
    }
    git::commit(path, &commit_message(state)).map(|()| true)
}

/// Tells that a state was not written, for want of what this needs of the system.
pub(super) fn unwritten(error: &WriteError, output: Output) -> Exit {
    warn_line(&error.to_string());
    if output == Output::Json {
        print_json(&serde_json::json!({ "outcome": "environment", "error": error.to_string() }));
    }
    Exit::Environment
}

/// Tells that nothing was written, as it could not have been committed.
pub(super) fn refuse(error: &git::GitError, output: Output) -> Exit {
    match error {
        git::GitError::NoWorkTree { .. } | git::GitError::Link(_) => invalid_input(output, error),
        git::GitError::NoGit(_) | git::GitError::Failed { .. } => {
            warn_line(&format!("{error}; nothing was written"));
            if output == Output::Json {
                print_json(&serde_json::json!({ "outcome": "environment", "error": error.to_string() }));
            }
            Exit::Environment
        }
    }
}

fn read_budget(path: &Path) -> Result<ErrorBudget, Diagnostic> {
    let text = read_json(path, "an error budget in JSON")?;
    let help = "`portal-agent schema error-budget` prints the format";
    ErrorBudget::parse(&text).map_err(|why| Diagnostic::whole(path, why, help))
}

/// The state, where it says that a freeze is on. One that says otherwise without a person's word is written anew: other
/// readers of the file may take it at its word.
fn active_state(place: &StatePlace) -> Result<Option<FreezeState>, Diagnostic> {
    match read_freeze(place) {
        FileReading::Read(state) => Ok(Some(state).filter(|state| state.freeze_mode)),
        FileReading::Absent => Ok(None),
        FileReading::Missing(_) if place.absence.may_be_written() => Ok(None),
        FileReading::Missing(mistake) | FileReading::Unreadable(mistake) => Err(mistake),
    }
}

/// What the state itself says; the run that wrote it may be another one than the run that commits it.
fn commit_message(state: &FreezeState) -> String {
    let line = |name: &str, text: Option<String>| text.map_or_else(String::new, |text| format!("{name}: {text}\n"));
    let reason = line("Reason", state.reason.as_deref().map(escape_for_terminal));
    let tier = line("Tier", state.tier.map(|tier| tier.to_string()));
    let note = line("Note", state.note.as_deref().map(escape_for_terminal));
    format!("chore: activate change freeze mode\n\n{reason}{tier}{note}\nOnly a person ends it.")
}

fn uncommitted(error: &git::GitError, mut document: ActivateDocument, output: Output) -> Exit {
    let file = &document.file;
    warn_line(&format!("{error}\nerror: the freeze is active and written, but not committed; commit {file} by hand"));
    document.exit = Exit::Environment.code();
    document.error = Some(error.to_string());
    if output == Output::Json {
        print_json(&document);
    }
    Exit::Environment
}

fn tell(text: &str, done: &str, document: &ActivateDocument, output: Output) -> Exit {
    answer(&format!("{text}\n  file      {}", document.file), document, done, Exit::Yes, output)
}
