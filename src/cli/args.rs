//! Arguments.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::model::browser::BrowserKind;

/// Submits one approved change-freeze exception to a browser-only governance portal, at most once.
#[derive(Debug, Parser)]
#[command(name = "portal-agent", version, about, max_term_width = 100)]
pub struct Args {
    /// What to print on stdout; progress and advice go to stderr
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Say more on stderr; twice for everything that is not private
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    #[command(subcommand)]
    pub command: Command,
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
    /// Judge a change record without a browser
    Check(Check),
    /// Work with selector maps
    #[command(subcommand)]
    Selectors(SelectorsCommand),
    /// Look for what would keep a run from working, and say how to mend it
    Doctor(Doctor),
    /// Print the JSON Schema of a document
    Schema {
        /// Which
        #[arg(value_enum)]
        name: SchemaName,
    },
    /// Print completions for a shell
    Completions {
        /// Which
        shell: clap_complete::Shell,
    },
}

/// Documents with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// The change record.
    Record,
}

#[derive(Debug, Subcommand)]
pub enum SelectorsCommand {
    /// Survey a live portal against a map: drift, nothing entered
    Check(SelectorsCheck),
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
    /// A driver that runs already
    #[arg(long, value_name = "URL")]
    pub webdriver: Option<url::Url>,
}

#[derive(Debug, clap::Args)]
pub struct Submit {
    /// The change record
    #[arg(required_unless_present = "demo", conflicts_with = "demo")]
    pub record: Option<PathBuf>,
    /// Run the embedded example against the embedded portal
    #[arg(long)]
    pub demo: bool,
    /// Stop at a verified draft
    #[arg(long)]
    pub draft_only: bool,
    /// Show the browser's window
    #[arg(long)]
    pub headed: bool,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
pub struct Check {
    /// The change record
    pub record: PathBuf,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
pub struct SelectorsCheck {
    /// The selector map
    #[arg(value_name = "MAP")]
    pub map_file: PathBuf,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Args)]
pub struct Doctor {
    #[command(flatten)]
    pub common: Common,
}
