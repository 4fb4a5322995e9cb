//! Printing.

use std::io::IsTerminal as _;

use serde::Serialize;

use super::exit::Exit;

/// One JSON document on stdout.
pub fn print_json(document: &impl Serialize) -> Exit {
    match serde_json::to_string_pretty(document) {
        Ok(text) => {
            println!("{text}");
            Exit::Yes
        }
        Err(error) => {
            eprintln!("error: cannot print JSON: {error}");
            Exit::Environment
        }
    }
}

/// Says that the input is wrong: for people on stderr, and as a document on stdout where JSON was asked for.
pub fn invalid_input(output: super::args::Output, error: &impl std::fmt::Display) -> Exit {
    let text = error.to_string();
    eprintln!("{text}");
    if output == super::args::Output::Json {
        print_json(&serde_json::json!({ "outcome": "invalid-input", "error": text }));
    }
    Exit::Input
}

/// Log lines go to stderr. Nothing private is ever logged: private values have no text form.
pub fn start_log(verbose: u8) {
    let level = match verbose {
        0 => "portal_agent=warn",
        1 => "portal_agent=info",
        _ => "portal_agent=debug",
    };
    let filter = tracing_subscriber::EnvFilter::new(level);
    // A second start, as in tests, keeps the first.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time();
    let _ = lines.with_ansi(std::io::stderr().is_terminal()).try_init();
}
