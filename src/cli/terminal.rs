//! Printing. What cannot be printed ends no command: by then it may have done what it was asked for.

use std::io::{IsTerminal as _, Write as _};
use std::sync::OnceLock;

use serde::Serialize;

use super::args::LogFormat;
use super::exit::Exit;
use crate::model::shown::shown_lines;

/// `text` and the end of its line on stdout. It may come from a portal, a fixture or a file of somebody else's, and could otherwise
/// rewrite what is shown, or fill the clipboard. Where they cannot be written, stderr says so, and the exit code is that of the
/// environment.
pub(crate) fn print_line(text: &str) -> Exit {
    write_line(&shown_lines(text))
}

fn write_line(text: &str) -> Exit {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => Exit::Yes,
        Err(error) => {
            warn_line(&format!("error: cannot write to stdout: {error}"));
            Exit::Environment
        }
    }
}

/// `text` and the end of its line on stderr. Where they cannot be written, nobody is left to be told.
pub(crate) fn warn_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", shown_lines(text));
}

/// One JSON document on stdout. Where it cannot be written, stderr says so, and the exit code is that of the environment.
pub(crate) fn print_json(document: &impl Serialize) -> Exit {
    match serde_json::to_string_pretty(document) {
        Ok(text) => write_line(&text),
        Err(error) => {
            warn_line(&format!("error: cannot print JSON: {error}"));
            Exit::Environment
        }
    }
}

/// Says that the input is wrong: for people on stderr, and as a document on stdout where JSON was asked for. It stays wrong
/// where the document cannot be written.
pub(crate) fn invalid_input(output: super::args::Output, error: &impl std::fmt::Display) -> Exit {
    let text = error.to_string();
    warn_line(&text);
    if output == super::args::Output::Json {
        print_json(&serde_json::json!({ "outcome": "invalid-input", "error": text }));
    }
    Exit::Input
}

/// Whether the log tells every step as JSON, so that nothing else has to.
static LOGS_JSON: OnceLock<bool> = OnceLock::new();

/// Whether the log tells every step as JSON.
pub(crate) fn logs_json() -> bool {
    LOGS_JSON.get().copied().unwrap_or_default()
}

/// Log lines go to stderr. Nothing private is ever logged: private values have no text form.
pub(crate) fn start_log(verbose: u8, format: LogFormat) {
    // A second start, as in tests, keeps the first.
    let _ = LOGS_JSON.set(format == LogFormat::Json);
    let level = match (verbose, format) {
        (0, LogFormat::Text) => "portal_agent=warn",
        (0, LogFormat::Json) | (1, _) => "portal_agent=info",
        (2.., _) => "portal_agent=debug",
    };
    let filter = tracing_subscriber::EnvFilter::new(level);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A line that cannot be written is lost. To complain about it on the same stderr would be a panic.
    let lines = lines.log_internal_errors(false);
    let _ = match format {
        LogFormat::Text => lines.without_time().with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().with_current_span(false).try_init(),
    };
}

/// How this program was started: by cargo, from its repository, or by its name.
pub(crate) fn as_started() -> &'static str {
    if std::env::var_os("CARGO").is_some() { ".ci/with-browsers cargo run --" } else { "portal-agent" }
}
