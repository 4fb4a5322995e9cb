//! `freeze override`: lifts an active freeze for a few hours. The freeze itself is not touched.

use std::path::Path;

use serde::Serialize;

use super::activate::{refuse, unwritten};
use super::{OverrideArgs, States, answer, git, now};
use crate::cli::args::Output;
use crate::cli::exit::Exit;
use crate::cli::terminal::{invalid_input, warn_line};
use crate::cli::write::hold;
use crate::diagnostic::Diagnostic;
use crate::freeze_mode::grant::{Refusal, Request, wait_after};
use crate::freeze_mode::override_file::ReleaseOverride;
use crate::model::freeze_terms::FreezeTerms;
use crate::model::shown::escape_for_terminal;
use crate::model::time::Instant;
use crate::sources::freeze_files::{FileReading, StatePlace};

#[derive(Serialize)]
struct OverrideDocument {
    schema: &'static str,
    /// `granted` or `refused`.
    outcome: &'static str,
    exit: u8,
    file: String,
    set_at: Option<Instant>,
    expires_at: Option<Instant>,
    committed: bool,
    error: Option<String>,
}

/// Carries out `freeze override`.
pub(super) fn run(args: OverrideArgs, output: Output) -> Exit {
    let request = Request {
        justification: args.justification,
        ticket_url: args.ticket_url,
        duration_hours: args.duration_hours,
        environment: args.environment,
        approved_by: args.approved_by,
    };
    if let Err(refusal) = request.check() {
        return invalid_input(output, &format_args!("error: {refusal}"));
    }
    let freeze = StatePlace::freeze(args.files.freeze_file, Path::new(""));
    let over = StatePlace::release_override(args.files.override_file, Path::new(""));
    let mut document = OverrideDocument {
        schema: "portal-agent/freeze-override/1",
        outcome: "refused",
        exit: Exit::No.code(),
        file: escape_for_terminal(&over.path.display().to_string()),
        set_at: None,
        expires_at: None,
        committed: false,
        error: None,
    };
    let judge = || -> Result<Result<ReleaseOverride, Refusal>, Diagnostic> {
        let freeze = current(&States::read(&freeze, &over), &over)?;
        // At most a second; a script that freezes and overrides at once would be refused otherwise.
        if let Some(wait) = freeze.as_ref().and_then(|freeze| wait_after(freeze, now())) {
            std::thread::sleep(wait.unsigned_abs());
        }
        Ok(request.grant(freeze.as_ref(), now()))
    };
    // Judged once before anything is made or locked, and once more when nobody else writes.
    match judge() {
        Err(mistake) => return invalid_input(output, &mistake),
        Ok(Err(refusal)) => return refused(&refusal, document, output),
        Ok(Ok(_)) => {}
    }
    if args.commit
        && let Err(error) = git::ensure_work_tree(&over.path)
    {
        return refuse(&error, output);
    }
    let held = match hold(&over.path) {
        Ok(held) => held,
        Err(error) => return unwritten(&error, output),
    };
    let granted = match judge() {
        Err(mistake) => return invalid_input(output, &mistake),
        Ok(Err(refusal)) => return refused(&refusal, document, output),
        Ok(Ok(granted)) => granted,
    };
    if let Err(error) = held.replace(&granted) {
        return unwritten(&error, output);
    }
    (document.outcome, document.exit) = ("granted", Exit::Yes.code());
    (document.set_at, document.expires_at) = (granted.set_at, granted.expires_at);
    let mut exit = Exit::Yes;
    if args.commit {
        match git::commit(&over.path, &commit_message(&request, granted.expires_at)) {
            Ok(()) => document.committed = true,
            Err(error) => {
                exit = Exit::Environment;
                let file = &document.file;
                warn_line(&format!(
                    "{error}\nerror: the override is written, but not committed; commit {file} by hand"
                ));
                document.error = Some(error.to_string());
            }
        }
    }
    document.exit = exit.code();
    let (file, until) =
        (&document.file, granted.expires_at.map_or_else(String::new, |until| format!(" until {until}")));
    let text = format!("releases may go on{until}; the freeze stays\n  file      {file}");
    let and_committed = if document.committed { " and committed" } else { "" };
    let done = format!("the override is given{until}: {file} is written{and_committed}");
    answer(&text, &document, &done, exit, output)
}

/// The freeze, where there is one; a mistake where either file cannot be read, so that neither is built upon nor overwritten.
fn current(states: &States, over: &StatePlace) -> Result<Option<FreezeTerms>, Diagnostic> {
    match &states.over {
        FileReading::Unreadable(mistake) => return Err(mistake.clone()),
        FileReading::Missing(mistake) if !over.absence.may_be_written() => return Err(mistake.clone()),
        FileReading::Missing(_) | FileReading::Absent | FileReading::Read(_) => {}
    }
    match &states.freeze {
        FileReading::Missing(mistake) | FileReading::Unreadable(mistake) => Err(mistake.clone()),
        FileReading::Absent => Ok(None),
        FileReading::Read(state) => Ok(Some(state.terms())),
    }
}

fn commit_message(request: &Request, until: Option<Instant>) -> String {
    let until = until.map_or_else(String::new, |until| format!(" until {until}"));
    format!(
        "chore: override change freeze mode{until}\n\nJustification: {}\nTicket: {}\nApproved by: {} (environment {})\n\nThe freeze itself stays.",
        escape_for_terminal(request.justification.trim()),
        escape_for_terminal(&request.ticket_url),
        escape_for_terminal(request.approved_by.trim()),
        request.environment
    )
}

fn refused(refusal: &Refusal, mut document: OverrideDocument, output: Output) -> Exit {
    warn_line(&format!("error: {refusal}; nothing was written"));
    document.error = Some(refusal.to_string());
    match output {
        Output::Text => Exit::No,
        Output::Json => answer("", &document, "nothing was written", Exit::No, output),
    }
}
