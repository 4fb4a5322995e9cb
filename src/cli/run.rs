//! What `submit`, `resume` and `resolve` have in common: from settings to a run, and its result on the terminal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Common, Output, Window};
use super::exit::Exit;
use super::progress::Progress;
use super::settings::{CommitPolicy, Settings, SettingsError};
use super::source_config::sources;
use super::terminal::{invalid_input, print_json, print_line, warn_line};
use crate::decide::advice::advice;
use crate::diagnostic::Diagnostic;
use crate::evidence::copies::ReadError;
use crate::evidence::documents::RunDocument;
use crate::evidence::outcome::{DraftState, Outcome};
use crate::evidence::shared::{SharedStore, StoreError};
use crate::evidence::store::safe_root;
use crate::mask::masked::Masked;
use crate::portal::webdriver::Credentials;
use crate::report::REPORT;
use crate::run::clock::SystemClock;
use crate::run::finish::TAKEOVER_TEXT;
use crate::run::interrupt::Interrupt;
use crate::run::launch::launch;
use crate::run::order::{Begin, InputError, Order, RandomSource};
use crate::selectors::read::{SelectorMap, read as read_map};
use crate::sources::SourceError;
use crate::sources::configured::ConfiguredSources;

/// Why a run cannot be ordered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    /// Something is not set, or set wrongly.
    #[error("{0}")]
    Settings(#[from] SettingsError),
    /// A mistake in a file.
    #[error("{0}")]
    File(#[from] Diagnostic),
    /// An earlier run that cannot be continued, and the like.
    #[error("{0}")]
    Input(#[from] InputError),
}

impl From<StoreError> for OrderError {
    fn from(error: StoreError) -> Self {
        Self::Input(InputError::Store(error))
    }
}

/// What a command adds to the settings.
pub(crate) struct Wanted {
    /// How the run begins.
    pub begin: Begin,
    /// The change record.
    pub record: PathBuf,
    /// Whether to stop at a verified draft.
    pub draft_only: bool,
    /// Who sees the browser.
    pub window: Window,
    /// Name and password, where they do not come from the settings.
    pub credentials: Option<Credentials>,
}

/// Reads a selector map from a file.
pub(crate) fn map_from(path: &Path) -> Result<SelectorMap, Diagnostic> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Diagnostic::whole(path, format!("cannot be read: {error}"), "name a selector map with --map")
    })?;
    read_map(path, &text)
}

/// Settings from all layers.
pub fn settings(flags: &Common) -> Result<Settings, SettingsError> {
    super::settings::read(flags)
}

/// Name and password for the portal, from the settings.
pub fn credentials(settings: &Settings) -> Result<Credentials, SettingsError> {
    Ok(Credentials { user: settings.user()?.to_owned(), password: settings.password()? })
}

/// Joins settings and wishes.
pub fn order(
    settings: &Settings,
    shared: SharedStore,
    wanted: Wanted,
) -> Result<(Order, ConfiguredSources), OrderError> {
    safe_root(&settings.evidence).map_err(|error| SettingsError::Value(format!("evidence: {error}")))?;
    let operator = settings.operator()?.clone();
    let map_path = settings.map()?;
    let sources = sources(settings, &wanted.record)?;
    let map = map_from(map_path)?;
    let credentials = match wanted.credentials {
        Some(credentials) => credentials,
        None => credentials(settings)?,
    };
    let base = settings.base_url.clone().unwrap_or_else(|| map.file.base_url.get_ref().clone());
    let order = Order {
        begin: wanted.begin,
        record: wanted.record,
        map: Arc::new(map),
        base,
        operator,
        policy: settings.policy()?,
        evidence: settings.evidence.clone(),
        evidence_limit: settings.evidence_limit()?,
        shared,
        browser: settings.browser_order(wanted.window.headed || wanted.window.hand_over),
        portal_ca: settings.portal_ca.clone(),
        upstream: None,
        chance: RandomSource::Drawn,
        credentials,
        draft_only: wanted.draft_only || settings.commit == CommitPolicy::Never,
        hand_over: wanted.window.hand_over,
        sealer: settings.sealer()?.map(Arc::new),
        notify: settings.notify_command.clone(),
    };
    Ok((order, sources))
}

/// Signals that ask to stop.
///
/// # Errors
///
/// The exit code, said why.
pub fn interrupt() -> Result<Interrupt, Exit> {
    Interrupt::by_signals().map_err(|error| {
        warn_line(&format!("error: cannot listen to signals: {error}"));
        Exit::Environment
    })
}

/// Carries out an order, shows its progress, prints its document. Says which exit code the document stands for.
pub(crate) async fn carry_out(
    order: &Order,
    sources: &ConfiguredSources,
    output: Output,
    exit: impl FnOnce(&RunDocument) -> Exit,
) -> Exit {
    let interrupt = match interrupt() {
        Ok(interrupt) => interrupt,
        Err(exit) => return exit,
    };
    let progress = Progress::new();
    let document = launch(order, sources, &SystemClock::default(), interrupt, &progress).await;
    progress.end();
    match document {
        Err(error) => not_begun(output, error.into()),
        Ok(document) => {
            match output {
                Output::Json => drop(print_json(&document)),
                Output::Text => drop(print_line(text(&document).trim_end())),
            }
            exit(document.get())
        }
    }
}

/// Says why nothing was begun: wrong input, or a source or store that does not answer.
pub(crate) fn not_begun(output: Output, error: OrderError) -> Exit {
    match &error {
        OrderError::Input(
            InputError::Store(StoreError::Store { .. } | StoreError::Folder(..))
            | InputError::Sources(SourceError::Unavailable { .. })
            | InputError::Journal(ReadError::Store(StoreError::Store { .. } | StoreError::Folder(..))),
        ) => {
            let text = error.to_string();
            warn_line(&text);
            if output == Output::Json {
                print_json(&serde_json::json!({ "outcome": "environment", "error": text }));
            }
            Exit::Environment
        }
        OrderError::Settings(_)
        | OrderError::File(_)
        | OrderError::Input(
            InputError::File(_)
            | InputError::Sources(SourceError::Invalid { .. })
            | InputError::Plan(_)
            | InputError::Origin(_)
            | InputError::Folder(_)
            | InputError::Store(StoreError::Setting(_))
            | InputError::Journal(
                ReadError::Store(StoreError::Setting(_))
                | ReadError::Broken { .. }
                | ReadError::Differs(_)
                | ReadError::Unknown(_),
            )
            | InputError::NotContinuable { .. },
        ) => invalid_input(output, &error),
    }
}

/// The result for people: what happened, why, and what to do now.
pub fn text(document: &Masked<RunDocument>) -> String {
    let run = document.get();
    let mut lines = vec![format!("{}  {}", run.outcome.as_str(), run.change_id)];
    if let Some(earlier) = &run.resumes {
        lines.push(format!("  continues {} (by {}: {})", earlier.run, earlier.by, earlier.reason));
    }
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
    match run.agreed {
        Some(true) => lines.push("  agreed    the portal shows what was said; the doubt is ended".to_owned()),
        Some(false) => lines.push("  refused   the portal shows something else than was said".to_owned()),
        None => {}
    }
    for reason in &run.halt {
        let reason = reason.get();
        lines.push(format!("  {} at {}, {}", reason.code, reason.stage, reason.subject));
        lines.push(format!("    expected  {}", reason.expected));
        lines.push(format!("    observed  {}", reason.observed));
        lines.push(format!("    decide    {}", advice(reason.code)));
    }
    for edit in &run.edits {
        let edit = edit.get();
        lines.push(format!("  {} {}", edit.edit.as_str(), edit.field));
        lines.push(format!("    record    {}", edit.record));
        lines.push(format!("    draft     {}", edit.draft));
    }
    match run.outcome {
        Outcome::DraftSaved => lines.push(format!(
            "  go on     portal-agent resume {} --by WHO --reason TEXT  # submits it for real",
            run.run_id
        )),
        Outcome::HaltedDraft | Outcome::InDoubt => {
            lines.push(format!("  go on     portal-agent takeover {}  # says how", run.run_id));
        }
        Outcome::Submitted | Outcome::AlreadySubmitted | Outcome::HaltedAbandoned | Outcome::Environment => {}
    }
    if run.commit_requests_blocked > 0 {
        lines.push(format!("  blocked   {} commit requests", run.commit_requests_blocked));
    }
    if !run.evidence_dir.is_empty() {
        let sealed = if run.sealed { "" } else { " (not sealed)" };
        lines.push(format!("  evidence  {}{sealed}", run.evidence_dir));
        for (what, name) in [("report", REPORT), ("note", TAKEOVER_TEXT)] {
            let path = Path::new(&run.evidence_dir).join(name);
            // What could not be written is not named.
            if path.is_file() {
                lines.push(format!("  {what:8}  {}", path.display()));
            }
        }
    }
    lines.push(String::new());
    lines.join("\n")
}
