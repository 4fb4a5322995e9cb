//! Progress: a line that changes on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::terminal::{logs_json, warn_line};
use crate::decide::verdict::Stage;
use crate::run::watch::Watcher;

/// Shows the step that is under way, on stderr.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// For stderr as it is.
    pub fn new() -> Self {
        if logs_json() || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} {prefix:>8} {wide_msg} {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(Some(bar))
    }

    /// Ends the changing line.
    pub fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Watcher for Progress {
    fn step(&self, stage: Stage, place: &str) {
        match &self.0 {
            Some(bar) => {
                bar.set_prefix(stage.to_string());
                bar.set_message(place.to_owned());
            }
            None if logs_json() => {}
            None => warn_line(&format!("{stage}: {place}")),
        }
    }
}
