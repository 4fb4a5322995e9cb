//! `verify`: whether the evidence of past runs is what the runs wrote.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::Serialize;

use super::args::{Output, Verify};
use super::exit::Exit;
use super::past_runs::run_named;
use super::run::settings;
use super::settings::key_file;
use super::terminal::{invalid_input, print_json, print_line};
use crate::evidence::check::{Checked, Depth, SealedBy, verify};
use crate::model::ids::PersonId;
use crate::seal::key::VerifyingKey;

#[derive(Serialize)]
struct VerifyDocument {
    schema: &'static str,
    /// Runs that are as they were written.
    whole: usize,
    /// Runs that are not.
    altered: usize,
    runs: Vec<RunView>,
}

#[derive(Serialize)]
struct RunView {
    evidence: String,
    /// Whether all of it is as the run wrote it.
    whole: bool,
    #[serde(flatten)]
    sealed_by: SealedBy,
    /// Who removed it, where its time was over and its manifest alone is left.
    pruned_by: Option<PersonId>,
    /// What is not.
    flaws: Vec<String>,
}

/// Carries out `verify`.
pub(super) fn run(args: &Verify, output: Output) -> Exit {
    let settings = match settings(&args.common) {
        Ok(settings) => settings,
        Err(error) => return invalid_input(output, &error),
    };
    let key = match &args.key {
        Some(path) => key_file("--key", path, VerifyingKey::from_pem).map(Some),
        None => settings.seal_public_key(),
    };
    let key = match key {
        Ok(key) => key,
        Err(error) => return invalid_input(output, &error),
    };
    let mut folders: Vec<PathBuf> = Vec::new();
    for named in &args.runs {
        match run_named(named, &settings.evidence) {
            Ok(found) => folders.extend(found),
            Err(error) => return invalid_input(output, &error),
        }
    }
    folders.dedup();
    let jobs = args.jobs.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let checked = verify(&folders, Depth::Whole, key.as_ref(), jobs);
    let views: Vec<RunView> = folders.iter().zip(checked).map(|(folder, checked)| view(folder, checked)).collect();
    let whole = views.iter().filter(|view| view.whole).count();
    let altered = views.len() - whole;
    let printed = match output {
        Output::Json => print_json(&VerifyDocument { schema: "portal-agent/verify/1", whole, altered, runs: views }),
        Output::Text => {
            let lines: String = views.iter().map(text).collect();
            print_line(&format!("{lines}{whole} whole, {altered} altered"))
        }
    };
    match (printed, altered) {
        (Exit::Yes, 0) => Exit::Yes,
        (Exit::Yes, _) => Exit::No,
        (other @ (Exit::No | Exit::Input | Exit::Doubt | Exit::Environment), _) => other,
    }
}

fn view(folder: &std::path::Path, checked: Checked) -> RunView {
    RunView {
        evidence: folder.display().to_string(),
        whole: checked.flaws.is_empty(),
        sealed_by: checked.sealed_by,
        pruned_by: checked.pruned_by,
        flaws: checked.flaws.iter().map(ToString::to_string).collect(),
    }
}

fn text(view: &RunView) -> String {
    let signed = match &view.sealed_by {
        SealedBy::Nobody => "not signed".to_owned(),
        SealedBy::Unverified { keyid } => {
            format!("signed by key {keyid}, which was not verified: name its public key with --key")
        }
        SealedBy::Verified { keyid } => format!("signed by key {keyid}, verified"),
        SealedBy::Refused => "no seal that counts".to_owned(),
    };
    let standing = match (view.whole, &view.pruned_by) {
        (true, None) => "whole  ",
        (true, Some(_)) => "pruned ",
        (false, _) => "ALTERED",
    };
    let by = view.pruned_by.as_ref().map_or(String::new(), |who| format!("removed by {who}; "));
    let flaws: String = view.flaws.iter().map(|flaw| format!("  {flaw}\n")).collect();
    format!("{standing}  {}  ({by}{signed})\n{flaws}", view.evidence)
}
