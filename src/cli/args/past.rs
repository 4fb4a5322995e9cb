//! Arguments of the commands that are about earlier runs.

use std::path::PathBuf;

use super::{Common, Window};
use crate::model::ids::{PersonId, RunId};

/// Which run is continued, and on whose word.
#[derive(Debug, clap::Args)]
pub struct Earlier {
    /// The earlier run
    #[arg(value_parser = RunId::parse)]
    pub run: RunId,
    /// Who says so; segregation of duties applies
    #[arg(long, value_name = "WHO", value_parser = PersonId::parse)]
    pub by: PersonId,
    /// Why; kept in the evidence
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
    /// The change record, if it is no longer where the earlier run read it
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Vouch that the earlier run's process on this other host is gone
    #[arg(long, value_name = "HOST")]
    pub from_host: Option<String>,
}

/// A reason that says something.
fn reason(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() { Err("say why, in a few words") } else { Ok(text.to_owned()) }
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portal-agent resume 20261127T013114Z-1cc0ee --by li.novak --reason \"owner corrected\""
)]
pub struct Resume {
    #[command(flatten)]
    pub earlier: Earlier,
    /// Stop at a verified draft
    #[arg(long)]
    pub draft_only: bool,
    #[command(flatten)]
    pub window: Window,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
#[command(
    override_usage = "portal-agent resolve [OPTIONS] --by <WHO> --reason <TEXT>\n         <--submitted <NUMBER>|--not-submitted> <RUN>"
)]
#[command(
    after_help = "Example:\n  portal-agent resolve 20261127T013114Z-1cc0ee --by li.novak --reason \"seen in portal\" \\\n    --submitted FEX-2026-000007"
)]
#[command(group = clap::ArgGroup::new("said").required(true))]
pub struct Resolve {
    #[command(flatten)]
    pub earlier: Earlier,
    /// It was submitted, under this number
    #[arg(long, value_name = "NUMBER", group = "said")]
    pub submitted: Option<String>,
    /// It was not submitted
    #[arg(long, group = "said")]
    pub not_submitted: bool,
    /// Show the browser's window
    #[arg(long)]
    pub headed: bool,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent takeover\n  portal-agent takeover 20261127T013114Z-1cc0ee\n  portal-agent takeover 20261127T013114Z-1cc0ee --open"
)]
pub struct Takeover {
    /// Show the note of this run
    #[arg(value_parser = RunId::parse)]
    pub run: Option<RunId>,
    /// Open its draft in a browser of your own: fresh profile, your own sign-in
    #[arg(long, requires = "run")]
    pub open: bool,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent report 20261127T013114Z-1cc0ee\n  portal-agent report evidence/CHG0041877/20261127T013114Z-1cc0ee --out report.html"
)]
pub struct Report {
    /// The run: its folder, or its id
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Write it to this file; nothing may be there [default: the run's own, or RUN.html where that was changed]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent verify evidence\n  portal-agent verify 20261127T013114Z-1cc0ee --key seal.pub.pem"
)]
pub struct Verify {
    /// Runs: their folders, folders of runs, or ids
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Public key (PEM) that every run must be signed with
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// How many files to read at a time [default: one for each processor]
    #[arg(long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portal-agent serve --port 8123")]
pub struct Serve {
    /// Port of loopback [default: any that is free]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    pub port: u16,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Subcommand)]
pub enum EvidenceCommand {
    /// Count how runs ended, what was caught before the commit, and how complete the evidence is
    Stats(EvidenceStats),
    /// Remove evidence that is old enough, and leave what says so; without --apply, say what would be removed
    Prune(EvidencePrune),
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent evidence stats\n  portal-agent evidence stats archive/2026 --output json"
)]
pub struct EvidenceStats {
    /// Folders of runs [default: the evidence folder]
    #[arg(value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent evidence prune --older-than 730\n  portal-agent evidence prune --older-than 730 --apply"
)]
pub struct EvidencePrune {
    /// How many days evidence is kept after its run ended
    #[arg(long, value_name = "DAYS")]
    pub older_than: u32,
    /// Remove it
    #[arg(long)]
    pub apply: bool,
    #[command(flatten)]
    pub common: Common,
}
