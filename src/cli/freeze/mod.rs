//! `freeze`: the gate that a change freeze puts before releases, and the two ways in which its state is written.

mod activate;
pub mod gate;
mod git;
mod grant;
mod status;

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::Output;
use super::exit::Exit;
use super::terminal::{print_json, print_line, warn_line};
use crate::freeze_mode::gate::{BrokenState, GatePolicy, GateVerdict, NoOverride, PassReason, judge};
use crate::freeze_mode::message::Scene;
use crate::freeze_mode::override_file::ReleaseOverride;
use crate::freeze_mode::state_file::FreezeState;
use crate::model::freeze_terms::ReleaseMode;
use crate::model::shown::escape_for_terminal;
use crate::model::time::Instant;
use crate::sources::freeze_files::{FileReading, StatePlace, read_freeze, read_override};

/// What is to be done about the change freeze.
#[derive(Debug, clap::Subcommand)]
pub enum FreezeCommand {
    /// Say whether a release may go on: 0 yes, 1 blocked by the freeze, 2 nobody can tell
    Gate(GateArgs),
    /// Show the freeze, its override, and what each release mode would meet: 0 free, 1 frozen, 2 cannot be read
    Status(StatusArgs),
    /// Switch the freeze on if the error budget asks for it. Nothing switches it off but a person
    Activate(ActivateArgs),
    /// Lift an active freeze for a few hours, on somebody's word. The freeze itself stays
    Override(OverrideArgs),
}

impl FreezeCommand {
    /// Whether what the policy says of pages has a say in the answer.
    pub(crate) fn asks_for_policy(&self) -> bool {
        match self {
            Self::Gate(args) => args.mode == ReleaseMode::Pages,
            Self::Status(_) => true,
            Self::Activate(_) | Self::Override(_) => false,
        }
    }
}

/// The two state files.
#[derive(Debug, clap::Args)]
pub struct StateFiles {
    /// Freeze state [default: docs/releases/_state/freeze_mode.json]
    #[arg(long, value_name = "F")]
    pub freeze_file: Option<PathBuf>,
    /// Release override [default: docs/releases/_state/release_override.json]
    #[arg(long, value_name = "F")]
    pub override_file: Option<PathBuf>,
}

/// Arguments of `freeze gate`.
#[derive(Debug, clap::Args)]
pub struct GateArgs {
    /// What is about to be released
    #[arg(long, value_enum)]
    pub mode: ReleaseMode,
    /// Its tag, for the log
    #[arg(long)]
    pub tag: Option<String>,
    /// Its commit, for the log
    #[arg(long)]
    pub sha: Option<String>,
    /// The state files
    #[command(flatten)]
    pub files: StateFiles,
    /// Say what would be, and do not block: 1 becomes 0. 2 stays 2
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `freeze status`.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// The state files
    #[command(flatten)]
    pub files: StateFiles,
}

/// Arguments of `freeze activate`.
#[derive(Debug, clap::Args)]
pub struct ActivateArgs {
    /// The error budget; `portal-agent schema error-budget` prints its format
    #[arg(long, value_name = "FILE")]
    pub budget: PathBuf,
    /// Freeze state [default: docs/releases/_state/freeze_mode.json]
    #[arg(long, value_name = "F")]
    pub freeze_file: Option<PathBuf>,
    /// Record the file in git, as a commit of its own
    #[arg(long)]
    pub commit: bool,
}

/// Arguments of `freeze override`.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "portal-agent freeze override [OPTIONS] --justification <TEXT>\n         --ticket-url <URL> --duration-hours <N> --approved-by <WHO>"
)]
pub struct OverrideArgs {
    /// Why releases cannot wait; at least 50 characters
    #[arg(long, value_name = "TEXT")]
    pub justification: String,
    /// Where this is followed up
    #[arg(long, value_name = "URL")]
    pub ticket_url: String,
    /// How long: 1 to 24 hours
    #[arg(long, value_name = "N")]
    pub duration_hours: u8,
    /// Who approved it
    #[arg(long, value_name = "WHO")]
    pub approved_by: String,
    /// The environment through which it was approved; no other counts
    #[arg(long, value_name = "NAME", default_value = "release-override")]
    pub environment: String,
    /// The state files
    #[command(flatten)]
    pub files: StateFiles,
    /// Record the file in git, as a commit of its own
    #[arg(long)]
    pub commit: bool,
}

/// Carries out one of the commands.
pub fn run(command: FreezeCommand, policy: GatePolicy, output: Output) -> Exit {
    match command {
        FreezeCommand::Gate(args) => gate::run(&args, policy, output),
        FreezeCommand::Status(args) => status::run(args.files, policy, output),
        FreezeCommand::Activate(args) => activate::run(args, output),
        FreezeCommand::Override(args) => grant::run(args, output),
    }
}

/// Gives the answer on stdout: `text` to people, `document` to programs. Where it cannot be written, stderr says what was
/// `done` all the same, and the exit code is that of the environment.
fn answer(text: &str, document: &impl Serialize, done: &str, exit: Exit, output: Output) -> Exit {
    let printed = match output {
        Output::Text => print_line(text),
        Output::Json => print_json(document),
    };
    if printed == Exit::Yes {
        return exit;
    }
    warn_line(&format!("error: the answer could not be printed; {done}"));
    Exit::Environment
}

/// The present, to the millisecond.
fn now() -> Instant {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_millisecond(now.as_millisecond()).map_or(now, |whole| whole).into()
}

/// Both states as they stand, and their files.
struct States {
    freeze: FileReading<FreezeState>,
    over: FileReading<ReleaseOverride>,
    freeze_file: String,
    override_file: String,
}

impl States {
    fn read(freeze: &StatePlace, over: &StatePlace) -> Self {
        let read = Self {
            freeze: read_freeze(freeze),
            over: read_override(over),
            freeze_file: freeze.path.display().to_string(),
            override_file: over.path.display().to_string(),
        };
        for (name, file, what) in [
            ("freeze state", &read.freeze_file, what_came(&read.freeze)),
            ("override", &read.override_file, what_came(&read.over)),
        ] {
            tracing::info!("{name} {}: {what}", escape_for_terminal(file));
        }
        read
    }

    /// Default files lie below `folder`.
    fn of(files: &StateFiles, folder: &Path) -> Self {
        let freeze = StatePlace::freeze(files.freeze_file.clone(), folder);
        Self::read(&freeze, &StatePlace::release_override(files.override_file.clone(), folder))
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            freeze: self.freeze.state(),
            over: self.over.state(),
            freeze_file: &self.freeze_file,
            override_file: &self.override_file,
        }
    }

    fn judge(&self, mode: ReleaseMode, policy: GatePolicy, now: Instant) -> GateVerdict {
        judge(mode, &self.freeze.terms(), &self.over.terms(), policy, now)
    }

    /// What is wrong with the file that `state` speaks of.
    fn mistake(&self, state: BrokenState) -> Option<String> {
        let mistake = match state {
            BrokenState::FreezeMissing | BrokenState::FreezeUnreadable => self.freeze.mistake(),
            BrokenState::OverrideMissing | BrokenState::OverrideUnreadable => self.over.mistake(),
        };
        mistake.map(ToString::to_string)
    }
}

fn what_came<T>(reading: &FileReading<T>) -> &'static str {
    match reading {
        FileReading::Absent => "not there, which is in order",
        FileReading::Missing(_) => "not there, but it has to be",
        FileReading::Unreadable(_) => "cannot be read",
        FileReading::Read(_) => "read",
    }
}

/// The override in a document.
#[derive(Serialize)]
struct OverrideDocument {
    /// `counts`, `does-not-count`, `none`, `unread`; `not-looked-at` where it makes no difference.
    verdict: &'static str,
    why: Vec<&'static str>,
    expires_at: Option<Instant>,
    approved_by: Option<String>,
}

impl OverrideDocument {
    fn of(verdict: &GateVerdict, over: Option<&ReleaseOverride>) -> Self {
        let (verdict, why) = match verdict {
            GateVerdict::Passes(PassReason::Override { .. }) => ("counts", Vec::new()),
            GateVerdict::Blocked(blocked) => match &blocked.over {
                NoOverride::Absent => ("none", Vec::new()),
                NoOverride::DoesNotCount(faults) => {
                    ("does-not-count", faults.iter().map(|fault| fault.name()).collect())
                }
            },
            GateVerdict::Broken(state @ (BrokenState::OverrideMissing | BrokenState::OverrideUnreadable)) => {
                ("unread", vec![state.name()])
            }
            GateVerdict::Broken(BrokenState::FreezeMissing | BrokenState::FreezeUnreadable)
            | GateVerdict::Passes(_) => ("not-looked-at", Vec::new()),
        };
        let looked_at = verdict != "not-looked-at";
        let over = over.filter(|_| looked_at);
        Self {
            verdict,
            why,
            expires_at: over.and_then(|over| over.expires_at),
            approved_by: over.and_then(|over| over.approved_by.as_deref()).map(escape_for_terminal),
        }
    }
}
