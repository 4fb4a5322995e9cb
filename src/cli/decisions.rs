//! `replay --decisions`: finds the evidence of past runs, has each judged again, and says whose verdict changes.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use serde::Serialize;

use super::args::{Output, Replay};
use super::exit::Exit;
use super::policy_file::{PolicyFile, read_policy};
use super::settings::SettingsError;
use super::terminal::{invalid_input, print_json, print_line, warn_line};
use crate::decide::verdict::HaltCode;
use crate::evidence::check::{Depth, Flaw, flaws, is_of_a_run};
use crate::evidence::observations::OBSERVATIONS;
use crate::evidence::readings::APPROVALS;
use crate::model::shown::shown_lines;
use crate::rejudge::bundle::{Change, NewReason, OtherPolicy, Rejudged, Unreadable, judge};
use crate::sources::freeze_policy_file;

/// Longest file that is read, in bytes. A run's are a thousandth of it.
const LIMIT: usize = 64 << 20;
/// What a file is read into at first, in bytes: room for most.
const BUFFER: usize = 64 << 10;

/// What came of all of them.
#[derive(Debug, Default, Serialize)]
struct Totals {
    runs: u64,
    decisions: u64,
    /// Of which only the codes were recorded.
    carried_over: u64,
    as_recorded: u64,
    changed: u64,
}

#[derive(Serialize)]
struct ChangedRun {
    run: String,
    evidence: String,
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct UnreadableRun {
    evidence: String,
    why: String,
}

#[derive(Serialize)]
struct DecisionsDocument {
    schema: &'static str,
    #[serde(flatten)]
    totals: Totals,
    changes: Vec<ChangedRun>,
    unreadable: Vec<UnreadableRun>,
}

#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0} is missing: the run did not end, and not all that it judged is there")]
    NotEnded(&'static str),
    #[error("{0} is larger than {LIMIT} bytes")]
    TooLarge(&'static str),
    #[error("not as the run wrote it: {0}")]
    Flawed(Flaw),
}

/// Carries out `replay --decisions`.
pub fn run(args: &Replay, output: Output) -> Exit {
    let policy = args.policy.as_deref().map(read_policy).transpose();
    let policy = match policy.and_then(|policy| other(policy.unwrap_or_default())) {
        Ok(policy) => policy,
        Err(error) => return invalid_input(output, &error),
    };
    let mut replay =
        Replaying { output, policy, totals: Totals::default(), changes: Vec::new(), unreadable: Vec::new() };
    let mut buffers = (Vec::new(), Vec::new());
    for path in &args.paths {
        if let Err(error) = each(path, &mut |folder| replay.one(folder, &mut buffers)) {
            replay.refuse(path, &error);
        }
    }
    replay.end()
}

fn other(file: PolicyFile) -> Result<OtherPolicy, SettingsError> {
    let freeze = file.freeze_policy.as_deref().map(freeze_policy_file::read).transpose();
    Ok(OtherPolicy {
        required_roles: file.approval_roles,
        max_age_s: file.approval_max_age_hours.map(|hours| i64::from(hours) * 3600),
        signatures: file.signatures,
        freeze: freeze.map_err(SettingsError::File)?,
    })
}

/// Calls `found` for every run's folder at `path` or anywhere below, in order of name. Links below are not followed.
fn each(path: &Path, found: &mut dyn FnMut(&Path)) -> io::Result<()> {
    let mut below = Vec::new();
    let mut is_run = false;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            below.push(name);
        } else {
            is_run |= name == OBSERVATIONS || name == APPROVALS;
        }
    }
    if is_run {
        found(path);
        return Ok(());
    }
    below.sort_unstable();
    below.into_iter().try_for_each(|name| each(&path.join(name), found))
}

/// Reads a file of a run into `buffer`; none if it is not there.
///
/// The buffer stays as large as the largest file so far: the next one is read at one go, without being measured first.
fn fill<'b>(folder: &Path, name: &'static str, buffer: &'b mut Vec<u8>) -> Result<Option<&'b [u8]>, RunError> {
    let mut file = match File::open(folder.join(name)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut length = 0;
    loop {
        if length > LIMIT {
            return Err(RunError::TooLarge(name));
        }
        if length == buffer.len() {
            buffer.resize((2 * length).clamp(BUFFER, LIMIT + 1), 0);
        }
        match file.read(&mut buffer[length..]) {
            Ok(0) => return Ok(Some(&buffer[..length])),
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn codes(codes: &[HaltCode]) -> String {
    if codes.is_empty() {
        return "proceed".to_owned();
    }
    codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(", ")
}

struct Replaying {
    output: Output,
    policy: OtherPolicy,
    totals: Totals,
    changes: Vec<ChangedRun>,
    unreadable: Vec<UnreadableRun>,
}

impl Replaying {
    fn one(&mut self, folder: &Path, buffers: &mut (Vec<u8>, Vec<u8>)) {
        match self.judge(folder, buffers) {
            Ok(rejudged) => self.count(folder, rejudged),
            Err(error) => self.refuse(folder, &error),
        }
    }

    fn judge(&self, folder: &Path, buffers: &mut (Vec<u8>, Vec<u8>)) -> Result<Rejudged, RunError> {
        let (observations, approvals) = buffers;
        let observations = fill(folder, OBSERVATIONS, observations)?;
        let approvals = fill(folder, APPROVALS, approvals)?.ok_or(RunError::NotEnded(APPROVALS))?;
        // A recording has neither journal nor manifest: it is a text that its authors may edit.
        if is_of_a_run(folder)
            && let Some(flaw) = flaws(folder, Depth::Judged).into_iter().next()
        {
            return Err(RunError::Flawed(flaw));
        }
        Ok(judge(observations, approvals, &self.policy)?)
    }

    fn count(&mut self, folder: &Path, rejudged: Rejudged) {
        let Rejudged { run, decisions, carried, changes } = rejudged;
        self.totals.runs += 1;
        self.totals.decisions += decisions;
        self.totals.carried_over += carried;
        if changes.is_empty() {
            self.totals.as_recorded += 1;
            return;
        }
        self.totals.changed += 1;
        match self.output {
            Output::Json => self.changes.push(ChangedRun { run, evidence: folder.display().to_string(), changes }),
            Output::Text => changes.iter().for_each(|change| told(&run, change)),
        }
    }

    fn refuse(&mut self, path: &Path, error: &dyn std::error::Error) {
        let refused = UnreadableRun { evidence: path.display().to_string(), why: error.to_string() };
        warn_line(&format!("error: {}: {}", refused.evidence, refused.why));
        self.unreadable.push(refused);
    }

    fn end(self) -> Exit {
        let Self { output, policy: _, totals, changes, unreadable } = self;
        if totals.runs == 0 && unreadable.is_empty() {
            let help = "name a run's folder in the evidence, or a folder above it";
            return invalid_input(output, &format!("error: no run's evidence is there\n  = help: {help}"));
        }
        let exit = match (unreadable.is_empty(), totals.changed) {
            (false, _) => Exit::Input,
            (true, 0) => Exit::Yes,
            (true, _) => Exit::No,
        };
        match output {
            Output::Json => {
                _ = print_json(&DecisionsDocument { schema: "portal-agent/decisions/1", totals, changes, unreadable });
            }
            Output::Text => {
                let Totals { runs, decisions, carried_over, as_recorded, changed } = totals;
                print_line(&format!(
                    "{runs} runs, {decisions} decisions: {as_recorded} as recorded, {changed} changed"
                ));
                if carried_over > 0 {
                    print_line(&format!(
                        "{carried_over} further decisions are recorded by their codes alone, and stand"
                    ));
                }
                if !unreadable.is_empty() {
                    print_line(&format!("{} could not be read", unreadable.len()));
                }
            }
        }
        exit
    }
}

/// One line a decision.
fn told(run: &str, change: &Change) {
    let reason = |reason: &NewReason| {
        let NewReason { code, subject, expected, observed, source: _ } = reason;
        format!("{code} ({subject}: expected {expected}; observed {observed})")
    };
    let reasons: Vec<String> = change.reasons.iter().map(reason).collect();
    let (was, now) = (codes(&change.was), codes(&change.now));
    let why = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
    let line = format!("{run} {} {}: {was} -> {now}{why}", change.stage, change.place);
    // A pipe that is closed early is no reason to stop judging.
    let _ = writeln!(io::stdout(), "{}", shown_lines(&line.replace('\n', " ")));
}
