//! Arguments.

mod past;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub use self::past::{
    Earlier, EvidenceCommand, EvidencePrune, EvidenceStats, Report, Resolve, Resume, Serve, Takeover, Verify,
};
use crate::model::browser::BrowserKind;
use crate::model::ids::{DraftReference, FieldId};

/// Submits one approved change-freeze exception to a browser-only governance portal, at most once.
#[derive(Debug, Parser)]
#[command(name = "portal-agent", about, max_term_width = 100)]
pub struct Args {
    /// What to print on stdout; progress and advice go to stderr
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// More detail on stderr; -vv for all non-private detail
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Form of the log on stderr; as JSON lines it begins with every step
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    #[command(subcommand)]
    pub command: Command,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON document a line, with time, run and stage.
    Json,
}

/// Form of what is printed on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Enter an approved exception in the portal and commit it, or stop at a saved draft
    Submit(Submit),
    /// Continue an earlier run from its draft; every check is made again
    Resume(Resume),
    /// Say how an in-doubt run ended; the portal must agree
    Resolve(Resolve),
    /// List unfinished runs, or show the note of one
    Takeover(Takeover),
    /// Judge a change record without a browser
    Check(Check),
    /// Run, and keep the portal's traffic as a fixture, scrubbed of private values
    Record(Record),
    /// Make a fixture from a HAR file of another tool, scrubbed of private values
    Import(Import),
    /// Replay fixtures offline and compare, or judge past runs again
    Replay(Replay),
    /// Show the unfinished runs as a page of this computer; nothing is written
    Serve(Serve),
    /// Name the report of a past run, or write it again
    Report(Report),
    /// Check that the evidence of past runs is what the runs wrote
    Verify(Verify),
    /// Figures over past runs, and removing those whose time is over
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// Print the text that an approver signs, or make the record's entry from a signature
    Approve(super::approve::Approve),
    /// Check, activate or override the change freeze
    #[command(subcommand)]
    Freeze(super::freeze::FreezeCommand),
    /// Work with selector maps
    #[command(subcommand)]
    Selectors(SelectorsCommand),
    /// Find what would keep a run from working, and say how to fix it
    Doctor(Doctor),
    /// Practise on a portal that is built in
    #[command(subcommand)]
    Demo(super::demo::serve::DemoCommand),
    /// Print the JSON Schema of a document
    Schema(Schema),
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  portal-agent completions bash > ~/.local/share/bash-completion/completions/portal-agent"
    )]
    Completions {
        /// Shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages, one for each command, into a folder
    #[command(after_help = "Example:\n  portal-agent man ~/.local/share/man/man1")]
    Man {
        /// Folder; made if it is not there
        folder: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent schema record\n  portal-agent schema record --skeleton selectors/your-portal.toml > CHG0041877.json"
)]
pub struct Schema {
    /// Document
    #[arg(value_enum)]
    pub name: SchemaName,
    /// Print a change record to fill in, with the answers that this selector map takes
    #[arg(long, value_name = "MAP")]
    pub skeleton: Option<PathBuf>,
}

/// Documents with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// The change record.
    Record,
    /// The error budget, as `freeze activate` reads it.
    ErrorBudget,
}

#[derive(Debug, Subcommand)]
pub enum SelectorsCommand {
    /// Look at a live form, tab by tab, and draft a map of it; nothing is entered but the account
    Init(SelectorsInit),
    /// Compare a live portal with a map; nothing is entered
    Check(SelectorsCheck),
    /// Enter a value in one field of a live portal and read it back; nothing is saved
    Try(SelectorsTry),
}

/// Where settings come from, and those that can be given directly.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Common {
    /// Settings file [default: portal-agent.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Selector map
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// Base URL of the portal, within the map's origins
    #[arg(long, value_name = "URL")]
    pub base_url: Option<url::Url>,
    /// Evidence folder
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
    /// Freeze calendar
    #[arg(long, value_name = "FILE")]
    pub calendar: Option<PathBuf>,
    /// Browser
    #[arg(long, value_enum)]
    pub browser: Option<BrowserKind>,
    /// Address of a driver that runs already
    #[arg(long, value_name = "URL")]
    pub webdriver: Option<url::Url>,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent submit CHG0041877.json\n  portal-agent submit CHG0041877.json --draft-only\n  portal-agent submit change:CHG0041877 --output json\n  portal-agent submit --demo"
)]
pub struct Submit {
    /// The change record: a file, or change:NUMBER
    #[arg(required_unless_present = "demo", conflicts_with = "demo")]
    pub record: Option<PathBuf>,
    /// Run the embedded example against the embedded portal
    #[arg(long)]
    pub demo: bool,
    /// Stop at a verified draft
    #[arg(long)]
    pub draft_only: bool,
    #[command(flatten)]
    pub window: Window,
    #[command(flatten)]
    pub common: Common,
}

/// Whether a person sees the browser.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Window {
    /// Show the browser's window
    #[arg(long)]
    pub headed: bool,
    /// If the run halts, leave its live browser to you until you close it; commits stay refused
    #[arg(long)]
    pub hand_over: bool,
}

/// What becomes a fixture.
#[derive(Debug, clap::Args)]
pub struct Making {
    /// Folder of the fixture; nothing may be there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// What it shows, in a sentence
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub about: String,
    /// The portal's address in the fixture, in place of its own
    #[arg(long = "as", value_name = "URL")]
    pub portal: Option<url::Url>,
    /// Texts to be replaced everywhere: a TOML file of lines `"real" = "stand-in"`
    #[arg(long, value_name = "FILE")]
    pub stand_ins: Option<PathBuf>,
    /// Commit too, as `submit` does
    #[arg(long)]
    pub submit: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent record CHG0041877.json --out portal-fixtures/approved --about \"What it shows\"\n  portal-agent record --demo --out recorded"
)]
pub struct Record {
    /// The change record: a file, or change:NUMBER
    #[arg(required_unless_present = "demo", conflicts_with = "demo")]
    pub record: Option<PathBuf>,
    /// Record the embedded example against the embedded portal
    #[arg(long)]
    pub demo: bool,
    #[command(flatten)]
    pub making: Making,
    /// Show the browser's window
    #[arg(long)]
    pub headed: bool,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portal-agent import run.har --record CHG0041877.json --out portal-fixtures/imported"
)]
pub struct Import {
    /// HAR 1.2, with bodies: of a browser's developer tools, Playwright, mitmproxy
    pub har: PathBuf,
    /// The change record that was entered
    #[arg(long, value_name = "FILE")]
    pub record: PathBuf,
    #[command(flatten)]
    pub making: Making,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent replay portal-fixtures --jobs 2 --junit replays.xml\n  portal-agent replay portal-fixtures/approved --headed --slow\n  portal-agent replay --decisions evidence --policy strict.toml"
)]
pub struct Replay {
    /// Fixtures, or folders of fixtures; with --decisions evidence too, in any folder below
    #[arg(required = true, value_name = "FIXTURE")]
    pub paths: Vec<PathBuf>,
    /// Judge what was observed once more, without a browser
    #[arg(long, conflicts_with_all = ["settings", "browser", "headed", "slow", "jobs", "junit", "evidence"])]
    pub decisions: bool,
    /// Judge under this approval policy: `approval_roles` and `approval_max_age_hours` [default: each run's own]
    #[arg(long, value_name = "FILE", requires = "decisions")]
    pub policy: Option<PathBuf>,
    /// Settings file [default: portal-agent.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Browser
    #[arg(long, value_enum)]
    pub browser: Option<BrowserKind>,
    /// Show the browser's window
    #[arg(long)]
    pub headed: bool,
    /// Rest before every step, to watch
    #[arg(long)]
    pub slow: bool,
    /// How many at a time
    #[arg(long, value_name = "N", default_value = "1")]
    pub jobs: std::num::NonZeroUsize,
    /// Write a report in JUnit's format
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Keep the evidence of every replay here
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent check CHG0041877.json\n  portal-agent check CHG0041877.json --write-digest\n  portal-agent check change:CHG0041877 --output json"
)]
pub struct Check {
    /// The change record: a file, or change:NUMBER
    pub record: PathBuf,
    /// Write the packet's digest into the file's manifest, and sizes and digests of attachments that are still to be filled in
    #[arg(long)]
    pub write_digest: bool,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portal-agent selectors init https://change.example.com/exceptions/new --out selectors/your-portal.toml"
)]
pub struct SelectorsInit {
    /// Address of the empty form
    #[arg(value_name = "URL")]
    pub form: url::Url,
    /// File for the map; nothing may be there
    #[arg(long, value_name = "MAP")]
    pub out: PathBuf,
    /// Sign in yourself, in the browser's window
    #[arg(long)]
    pub by_person: bool,
    /// Show the browser's window
    #[arg(long)]
    pub headed: bool,
    #[command(flatten)]
    pub common: Common,
}

fn field_id(text: &str) -> Result<FieldId, String> {
    FieldId::parse(text).map_err(|error| error.to_string())
}

fn draft_reference(text: &str) -> Result<DraftReference, String> {
    DraftReference::parse(text).map_err(|error| error.to_string())
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent selectors check selectors/your-portal.toml\n  portal-agent selectors check selectors/your-portal.toml --draft DRF-000123"
)]
pub struct SelectorsCheck {
    /// The selector map
    #[arg(value_name = "MAP")]
    pub map_file: PathBuf,
    /// Also check the list, the review and the recheck page of this draft
    #[arg(long, value_name = "REF", value_parser = draft_reference)]
    pub draft: Option<DraftReference>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portal-agent selectors try selectors/your-portal.toml --field service --value checkout-api\n  portal-agent selectors try selectors/your-portal.toml --field window_start \\\n    --value 2026-12-01T07:00:00Z --headed"
)]
pub struct SelectorsTry {
    /// The selector map
    #[arg(value_name = "MAP")]
    pub map_file: PathBuf,
    /// The field, by its `id` in the map
    #[arg(long, value_name = "ID", value_parser = field_id)]
    pub field: FieldId,
    /// Its value, as a record has it; several times for a choice of several
    #[arg(long = "value", value_name = "TEXT", required = true, allow_hyphen_values = true)]
    pub values: Vec<String>,
    /// Open this draft first, for a tab that only a draft has
    #[arg(long, value_name = "REF", value_parser = draft_reference)]
    pub draft: Option<DraftReference>,
    /// Show the browser's window
    #[arg(long)]
    pub headed: bool,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portal-agent doctor --browser firefox")]
pub struct Doctor {
    #[command(flatten)]
    pub common: Common,
}
