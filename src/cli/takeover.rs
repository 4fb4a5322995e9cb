//! `takeover`: the runs that wait for somebody, the note of one, and its draft in a browser of one's own.

use std::os::unix::process::CommandExt as _;

use serde::Serialize;

use super::args::{Output, Takeover};
use super::exit::Exit;
use super::run::{OrderError, map_from, not_begun, settings};
use super::settings::Settings;
use super::terminal::{invalid_input, print_json, print_line, warn_line};
use crate::diagnostic::Diagnostic;
use crate::evidence::check::Flaw;
use crate::evidence::copies::{Past, read};
use crate::evidence::shared::SharedStore;
use crate::model::browser::{BrowserKind, BrowserProfile};
use crate::model::ids::RunId;
use crate::model::time::{Instant, countdown, duration};
use crate::portal::browser::find;
use crate::portal::driver::ProcessGroup;
use crate::run::clock::{Clock as _, SystemClock};
use crate::run::interrupt::Interrupt;
use crate::run::order::InputError;
use crate::run::ports::journal_below;
use crate::run::private::PrivateFolder;
use crate::run::takeover::{HeldRun, held_runs, note_without_note};
use crate::run::written_note::{WrittenNote, written_note};
use crate::selectors::paths::fill_path;

#[derive(Serialize)]
struct ListDocument<'a> {
    schema: &'static str,
    /// Where was looked.
    place: &'a str,
    held: &'a [HeldRun],
}

#[derive(Serialize)]
struct NoteDocument<'a> {
    schema: &'static str,
    run_id: &'a RunId,
    /// For people.
    note: &'a str,
    /// For programs; nothing where the run left none, or where it cannot be believed.
    takeover: Option<&'a serde_json::Value>,
    /// What of the evidence is not as the run wrote it.
    flaws: Vec<String>,
}

/// A note as it is shown.
pub(super) struct Shown {
    past: Past,
    pub note: String,
    takeover: Option<serde_json::Value>,
    pub flaws: Vec<String>,
    /// Whether the note is not the run's own though it wrote one.
    pub altered: bool,
}

/// Carries out `takeover`.
pub async fn run(args: Takeover, output: Output) -> Exit {
    let settings = match settings(&args.common) {
        Ok(settings) => settings,
        Err(error) => return invalid_input(output, &error),
    };
    let shared = match settings.shared_store() {
        Ok(shared) => shared,
        Err(error) => return invalid_input(output, &OrderError::from(error)),
    };
    let Some(run) = &args.run else { return list(&settings, &shared, output).await };
    match note(&settings, &shared, run).await {
        Err(error) => not_begun(output, error),
        Ok(Shown { past, note, takeover, flaws, altered }) => {
            for flaw in &flaws {
                warn_line(&format!("warning: {flaw}"));
            }
            if altered {
                warn_line("the note is not what the run wrote; this is told from the journal instead");
            }
            match output {
                Output::Json => {
                    let (run_id, note, takeover) = (run, note.as_str(), takeover.as_ref());
                    let schema = "portal-agent/note/2";
                    _ = print_json(&NoteDocument { schema, run_id, note, takeover, flaws });
                }
                Output::Text => _ = print_line(note.trim_end()),
            }
            match (args.open, altered) {
                (true, _) => open(&settings, &past, output).await,
                (false, true) => Exit::No,
                (false, false) => Exit::Yes,
            }
        }
    }
}

async fn list(settings: &Settings, shared: &SharedStore, output: Output) -> Exit {
    if settings.evidence_store.is_none() && !settings.evidence.is_dir() {
        // That nothing waits would be a guess.
        let help =
            "run it where the runs were started, or name their folder with --evidence or `evidence` in the settings";
        return invalid_input(output, &Diagnostic::whole(&settings.evidence, "there is no such evidence folder", help));
    }
    let now = SystemClock::default().now();
    let held = match held_runs(shared, &settings.evidence, now).await {
        Ok(held) => held,
        Err(error) => {
            warn_line(&format!("error: {error}"));
            return Exit::Environment;
        }
    };
    let place = match &settings.evidence_store {
        Some(store) => store.to_string(),
        None => {
            std::path::absolute(&settings.evidence).unwrap_or_else(|_| settings.evidence.clone()).display().to_string()
        }
    };
    match output {
        Output::Json => print_json(&ListDocument { schema: "portal-agent/takeover/2", place: &place, held: &held }),
        Output::Text if held.is_empty() => print_line(&format!("No unfinished runs in {place}")),
        Output::Text => {
            let text: String = held.iter().map(|held| lines(held, now)).collect();
            print_line(&format!("Unfinished runs in {place}, the most urgent first\n\n{}", text.trim_end()))
        }
    }
}

fn age(seconds: i64) -> String {
    match seconds {
        ..0 => format!("written by a clock that is {} ahead of this one", duration(seconds.saturating_neg())),
        0.. => format!("{} ago", duration(seconds)),
    }
}

fn lines(held: &HeldRun, now: Instant) -> String {
    let known = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
    let codes: Vec<&str> = held.codes.iter().map(|code| code.as_str()).collect();
    let ended = held.outcome.map_or("no end", |outcome| outcome.as_str());
    let why = if codes.is_empty() { String::new() } else { format!(": {}", codes.join(", ")) };
    let change = known(held.change_id.as_ref().map(ToString::to_string));
    let run = known(held.run_id.as_ref().map(ToString::to_string));
    let headline = held.headline.as_ref().map_or(String::new(), |text| format!("\n  {text}"));
    let window = held.window.map_or("?".to_owned(), |known| format!("{} ({known})", countdown(known, now)));
    let host = held.host.as_ref().map_or(String::new(), |host| format!(", on host {host}"));
    let draft = held.draft_reference.as_ref().map_or(String::new(), |draft| format!("\n  draft   {draft}"));
    format!(
        "{change}  {run}  {ended}{why}{headline}\n  last    {}{host}\n  window  {window}{draft}\n  next    {}\n\n",
        age(held.age_s),
        held.next
    )
}

pub(super) async fn note(settings: &Settings, shared: &SharedStore, run: &RunId) -> Result<Shown, OrderError> {
    let past = read(shared, run, None).await.map_err(InputError::Journal)?;
    let change = past.history.opening.change.clone();
    // The local journal may know more.
    let local = journal_below(&settings.evidence, &change, run);
    let past = read(shared, run, local.as_deref()).await.map_err(InputError::Journal)?;
    let told = match past.history.outcome {
        Some(outcome) if past.history.left.is_settled() => {
            format!("# {change}: run {run} ended {}, and needs nobody\n", outcome.as_str())
        }
        Some(_) | None => note_without_note(&past.history),
    };
    let texts = |flaws: Vec<Flaw>| flaws.iter().map(ToString::to_string).collect();
    Ok(match written_note(shared, &settings.evidence, &past.history).await? {
        WrittenNote::Whole { text, document, flaws } => {
            Shown { past, note: text, takeover: Some(document), flaws: texts(flaws), altered: false }
        }
        WrittenNote::Unsealed { text } => {
            let flaws = vec!["the run was not sealed: nothing proves that its note is as it was written".to_owned()];
            Shown { past, note: text, takeover: None, flaws, altered: false }
        }
        WrittenNote::Altered(flaws) => Shown { past, note: told, takeover: None, flaws: texts(flaws), altered: true },
        WrittenNote::None => Shown { past, note: told, takeover: None, flaws: Vec::new(), altered: false },
    })
}

/// Starts the person's browser at the draft, with a profile of its own that is gone afterwards. It does not pass the gateway:
/// what happens in it is the person's own doing, under the person's own account.
async fn open(settings: &Settings, past: &Past, output: Output) -> Exit {
    let Some(draft) = past.history.left.draft() else {
        return invalid_input(output, &"error: no draft of this run is known\n  = help: look at the portal's list");
    };
    let map = match settings.map().map_err(OrderError::from).and_then(|path| Ok(map_from(path)?)) {
        Ok(map) => map,
        Err(error) => return invalid_input(output, &error),
    };
    let base = settings.base_url.clone().unwrap_or_else(|| map.file.base_url.get_ref().clone());
    let path = fill_path(&map.file.form.draft_path, &[("draft", draft.as_str())]);
    let Ok(url) = base.join(&path) else { return invalid_input(output, &"error: the map's draft_path is no path") };
    let installed = match find(settings.browser) {
        Ok(installed) => installed,
        Err(error) => {
            warn_line(&format!("error: {error}; mend it with: {}", error.advice()));
            return Exit::Environment;
        }
    };
    let (folder, interrupt) = match (PrivateFolder::new(), Interrupt::by_signals()) {
        (Ok(folder), Ok(interrupt)) => (folder, interrupt),
        (Err(error), _) | (_, Err(error)) => {
            warn_line(&format!("error: the browser cannot be started: {error}"));
            return Exit::Environment;
        }
    };
    let mut command = std::process::Command::new(&installed.browser);
    match settings.browser {
        BrowserKind::Chromium => {
            command.arg(format!("--user-data-dir={}", folder.path().join("own").display()));
            command.args(["--no-first-run", "--no-default-browser-check"]);
            match settings.browser_profile {
                BrowserProfile::Desktop => {}
                BrowserProfile::Container => drop(command.args(["--no-sandbox", "--disable-dev-shm-usage"])),
            }
        }
        BrowserKind::Firefox => {
            let profile = folder.path().join("own");
            if let Err(error) = std::fs::create_dir(&profile) {
                warn_line(&format!("error: the browser cannot be started: {error}"));
                return Exit::Environment;
            }
            command.args(["--no-remote", "--profile"]).arg(profile);
        }
    }
    command.arg(url.as_str()).process_group(0);
    warn_line(&format!("opening {url}; sign in with your own account. This ends when you close the browser."));
    let mut child = match tokio::process::Command::from(command).spawn() {
        Ok(child) => child,
        Err(error) => {
            warn_line(&format!("error: {} did not start: {error}", installed.browser.display()));
            return Exit::Environment;
        }
    };
    // Ended with everything it started, should this be interrupted.
    let group = ProcessGroup::of(child.id());
    let ended = tokio::select! {
        ended = child.wait() => ended.is_ok_and(|status| status.success()),
        () = interrupt.pressed() => true,
    };
    drop(group);
    if ended {
        return Exit::Yes;
    }
    warn_line(
        "error: the browser ended at once; it needs a display, and in a container browser_profile = \"container\"",
    );
    Exit::Environment
}
