//! `submit`: from arguments and settings to a run, and its result on the terminal.

use std::path::Path;
use std::sync::Arc;

use super::args::{Common, Output, Submit};
use super::demo::Demo;
use super::exit::Exit;
use super::progress::Progress;
use super::settings::{self, CommitPolicy, Settings};
use super::terminal::{invalid_input, print_json};
use crate::diagnostic::Diagnostic;
use crate::evidence::documents::{DraftState, Outcome, RunDocument};
use crate::mask::masked::Masked;
use crate::portal::webdriver::Credentials;
use crate::run::advice::advice;
use crate::run::flow::SystemClock;
use crate::run::interrupt::Interrupt;
use crate::run::launch::{Order, submit};
use crate::selectors::read::{SelectorMap, read as read_map};
use crate::sources::FileSources;

/// Reads a selector map from a file.
pub fn map_from(path: &Path) -> Result<SelectorMap, Diagnostic> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Diagnostic::whole(path, format!("cannot be read: {error}"), "name a selector map with --map")
    })?;
    read_map(path, &text)
}

fn order(
    args: &Submit,
    settings: &Settings,
    record: &Path,
    demo: Option<&Demo>,
) -> Result<(Order, FileSources), String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let operator = settings.operator().map_err(|error| told(&error))?.clone();
    let map_path = settings.map().map_err(|error| told(&error))?;
    let calendar = settings.calendar().map_err(|error| told(&error))?.to_owned();
    let map = map_from(map_path).map_err(|error| told(&error))?;
    let credentials = match demo {
        Some(demo) => demo.credentials(),
        None => {
            let user = settings.user().map_err(|error| told(&error))?.to_owned();
            Credentials { user, password: settings.password().map_err(|error| told(&error))? }
        }
    };
    let base = settings.base_url.clone().unwrap_or_else(|| map.file.base_url.get_ref().clone());
    let order = Order {
        record: record.to_owned(),
        map: Arc::new(map),
        base,
        operator,
        policy: settings.approval_policy(),
        evidence: settings.evidence.clone(),
        browser: settings.browser_order(args.headed),
        portal_ca: settings.portal_ca.clone(),
        credentials,
        draft_only: args.draft_only || settings.commit == CommitPolicy::Never,
    };
    Ok((order, FileSources { record: record.to_owned(), calendar }))
}

/// Carries out `submit`.
pub async fn run(mut args: Submit, output: Output) -> Exit {
    let demo = if args.demo {
        match Demo::start(&mut args.common).await {
            Ok(demo) => Some(demo),
            Err(error) => {
                eprintln!("error: the embedded portal did not start: {error}");
                return Exit::Environment;
            }
        }
    } else {
        None
    };
    let settings = match read_settings(&args.common, demo.as_ref()) {
        Ok(settings) => settings,
        Err(error) => return invalid_input(output, &error),
    };
    let record = match (&demo, &args.record) {
        (Some(demo), _) => demo.example.record.clone(),
        (None, Some(record)) => record.clone(),
        (None, None) => return invalid_input(output, &"error: no change record is named"),
    };
    let (order, sources) = match order(&args, &settings, &record, demo.as_ref()) {
        Ok(order) => order,
        Err(error) => return invalid_input(output, &error),
    };
    let interrupt = match Interrupt::by_signals() {
        Ok(interrupt) => interrupt,
        Err(error) => {
            eprintln!("error: cannot listen to signals: {error}");
            return Exit::Environment;
        }
    };
    let progress = Progress::new();
    let document = submit(&order, &sources, &SystemClock, interrupt, &progress).await;
    progress.end();
    match document {
        Err(error) => invalid_input(output, &error),
        Ok(document) => {
            match output {
                Output::Json => drop(print_json(&document)),
                Output::Text => print!("{}", text(&document)),
            }
            document.get().outcome.into()
        }
    }
}

fn read_settings(flags: &Common, demo: Option<&Demo>) -> Result<Settings, settings::SettingsError> {
    let mut environment: std::collections::HashMap<String, String> = std::env::vars().collect();
    if let Some(demo) = demo {
        environment.extend(demo.settings());
    }
    settings::read(flags, environment)
}

/// The result for people: what happened, why, and what to do now.
fn text(document: &Masked<RunDocument>) -> String {
    let run = document.get();
    let mut lines = vec![format!("{}  {}", run.outcome.as_str(), run.change_id)];
    if let Some(number) = &run.confirmation_number {
        lines.push(format!("  number    {number}"));
    }
    if let Some(draft) = &run.draft_reference {
        let state = match run.draft_state {
            Some(DraftState::Verified) => " (verified: reopened from the server, equal to the record)",
            Some(DraftState::Partial) => " (partial: saved before everything was entered)",
            Some(DraftState::Differs) => " (differs from the record)",
            Some(DraftState::Unread) => " (not compared)",
            None => "",
        };
        lines.push(format!("  draft     {draft}{state}"));
    }
    if let Some(what) = &run.environment {
        lines.push(format!("  why       {what}"));
    }
    for reason in &run.halt {
        let reason = reason.get();
        lines.push(format!("  {} at {}, {}", reason.code, reason.stage, reason.subject));
        lines.push(format!("    expected  {}", reason.expected));
        lines.push(format!("    observed  {}", reason.observed));
        lines.push(format!("    decide    {}", advice(reason.code)));
    }
    if run.commit_requests_blocked > 0 {
        lines.push(format!("  blocked   {} commit requests", run.commit_requests_blocked));
    }
    if !run.evidence_dir.is_empty() {
        let sealed = if run.sealed { "" } else { " (not sealed)" };
        lines.push(format!("  evidence  {}{sealed}", run.evidence_dir));
    }
    let note = match run.outcome {
        Outcome::HaltedDraft | Outcome::HaltedAbandoned | Outcome::InDoubt => !run.evidence_dir.is_empty(),
        Outcome::Submitted | Outcome::AlreadySubmitted | Outcome::DraftSaved | Outcome::Environment => false,
    };
    if note {
        lines.push(format!("  note      {}/takeover.md", run.evidence_dir));
    }
    lines.push(String::new());
    lines.join("\n")
}
