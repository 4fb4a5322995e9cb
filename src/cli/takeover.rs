//! `takeover`: the runs that wait for somebody, the note of one, and its draft in a browser of one's own.

use std::os::unix::process::CommandExt as _;

use serde::Serialize;

use super::args::{Output, Takeover};
use super::exit::Exit;
use super::run::{OrderError, map_from, not_begun, settings};
use super::settings::Settings;
use super::terminal::{invalid_input, print_json, print_line, warn_line};
use crate::diagnostic::Diagnostic;
use crate::evidence::copies::{Past, read};
use crate::evidence::shared::SharedStore;
use crate::model::browser::{BrowserKind, BrowserProfile};
use crate::model::ids::RunId;
use crate::model::time::duration;
use crate::portal::browser::find;
use crate::portal::driver::ProcessGroup;
use crate::run::clock::{Clock as _, SystemClock};
use crate::run::finish::TAKEOVER_TEXT;
use crate::run::interrupt::Interrupt;
use crate::run::order::InputError;
use crate::run::ports::journal_below;
use crate::run::private::PrivateFolder;
use crate::run::takeover::{HeldRun, held_runs, note_without_note};

#[derive(Serialize)]
struct ListDocument<'a> {
    schema: &'static str,
    held: &'a [HeldRun],
}

#[derive(Serialize)]
struct NoteDocument<'a> {
    schema: &'static str,
    run_id: &'a RunId,
    note: &'a str,
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
        Ok((past, note)) => {
            match output {
                Output::Json => {
                    _ = print_json(&NoteDocument { schema: "portal-agent/note/1", run_id: run, note: &note })
                }
                Output::Text => _ = print_line(note.trim_end()),
            }
            if args.open { open(&settings, &past, output).await } else { Exit::Yes }
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
    let held = match held_runs(shared, &settings.evidence, SystemClock::default().now()).await {
        Ok(held) => held,
        Err(error) => {
            warn_line(&format!("error: {error}"));
            return Exit::Environment;
        }
    };
    match output {
        Output::Json => print_json(&ListDocument { schema: "portal-agent/takeover/1", held: &held }),
        Output::Text => {
            let text: String = held.iter().map(lines).collect();
            let none = || format!("No unfinished runs in {}", settings.evidence.display());
            print_line(&if held.is_empty() { none() } else { text.trim_end().to_owned() })
        }
    }
}

fn age(seconds: i64) -> String {
    match seconds {
        ..0 => format!("written by a clock that is {} ahead of this one", duration(seconds.saturating_neg())),
        0.. => duration(seconds),
    }
}

fn lines(held: &HeldRun) -> String {
    let known = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
    let codes: Vec<&str> = held.codes.iter().map(|code| code.as_str()).collect();
    let ended = held.outcome.map_or("no end", |outcome| outcome.as_str());
    let why = if codes.is_empty() { String::new() } else { format!(": {}", codes.join(", ")) };
    let change = known(held.change_id.as_ref().map(ToString::to_string));
    let run = known(held.run_id.as_ref().map(ToString::to_string));
    let closes = known(held.window.map(|window| window.end.to_string()));
    let draft = held.draft_reference.as_ref().map_or(String::new(), |draft| format!("\n  draft   {draft}"));
    format!(
        "{change}  {run}  {ended}{why}\n  age     {}\n  window  closes {closes}{draft}\n  next    {}\n",
        age(held.age_s),
        held.next
    )
}

async fn note(settings: &Settings, shared: &SharedStore, run: &RunId) -> Result<(Past, String), OrderError> {
    let past = read(shared, run, None).await.map_err(InputError::Journal)?;
    let change = past.history.opening.change.clone();
    // The local journal may know more.
    let local = journal_below(&settings.evidence, &change, run);
    let past = read(shared, run, local.as_deref()).await.map_err(InputError::Journal)?;
    let folder = settings.evidence.join(change.as_str()).join(run.as_str());
    let written = match std::fs::read_to_string(folder.join(TAKEOVER_TEXT)) {
        Ok(text) => Some(text),
        Err(_) => {
            let there = shared.read(&format!("{change}/{run}/{TAKEOVER_TEXT}")).await?;
            there.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        }
    };
    let note = match (written, past.history.outcome) {
        (Some(text), _) => text,
        (None, Some(outcome)) if past.history.left.is_settled() => {
            format!("# {change}: run {run} ended {}, and needs nobody\n", outcome.as_str())
        }
        (None, Some(_) | None) => note_without_note(&past.history),
    };
    Ok((past, note))
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
    let path = map.file.form.draft_path.replace("{draft}", draft.as_str());
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
