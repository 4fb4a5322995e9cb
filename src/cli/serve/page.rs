//! The pages of `serve`. One script, of this file alone, loads the queue anew while nobody works in it.

use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::evidence::outcome::Outcome;
use crate::model::ids::{ChangeId, RunId};
use crate::model::shown::shown_lines;
use crate::model::time::{Instant, countdown, duration};
use crate::report::{REPORT, STYLE, encoded};
use crate::run::takeover::{HeldRun, Life};

/// A run that ended.
#[derive(Debug, Deserialize)]
pub(super) struct Recent {
    run_id: String,
    change_id: String,
    outcome: Outcome,
    finished_at: Instant,
    /// Whether it wrote a report.
    #[serde(skip)]
    report: bool,
}

impl Recent {
    /// The run in this folder; none where none ended.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let run: Self = serde_json::from_slice(&std::fs::read(folder.join("run.json")).ok()?).ok()?;
        Some(Self { report: folder.join(REPORT).is_file(), ..run })
    }
}

/// Loads the queue anew.
const AGAIN: &str = include_str!("again.js");

/// What a page may do: nothing but be seen, and run the one script.
pub(super) fn policy() -> String {
    let script = encoded(&Sha256::digest(AGAIN));
    format!(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{script}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

fn whole(title: &str, lives: bool, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (text(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main id="main" { (body) }
                @if lives { script { (PreEscaped(AGAIN)) } }
            }
        }
    };
    page.into_string()
}

fn text(text: &str) -> String {
    shown_lines(text)
}

/// The runs that wait or go on, and the latest that ended.
pub(super) fn queue_page(held: &[HeldRun], recent: &[Recent], evidence: &Path, now: Instant) -> String {
    let going_on = held.iter().any(|run| run.life == Life::Running);
    let title = format!("{} waiting", held.iter().filter(|run| run.life != Life::Running).count());
    let body = html! {
        header data-going-on[going_on] {
            h1 { "Runs that wait for somebody" }
            p { "Of " code { (text(&evidence.display().to_string())) } ", the most urgent first. As of " (now.whole_seconds()) "." }
            @if held.is_empty() { p { "No unfinished runs." } }
        }
        @for run in held { (held_run(run, now)) }
        section aria-labelledby="recent" {
            h2 id="recent" { "Latest runs" }
            @if recent.is_empty() { p { "None." } } @else {
                div.scroll tabindex="0" role="region" aria-label="Table of the latest runs" {
                    table {
                        thead { tr { @for name in ["Change", "Run", "Outcome", "Ended", "Report"] { th scope="col" { (name) } } } }
                        tbody {
                            @for run in recent {
                                tr {
                                    th scope="row" { (text(&run.change_id)) }
                                    td { code { (text(&run.run_id)) } }
                                    td { (run.outcome.as_str()) }
                                    td { (run.finished_at.whole_seconds()) }
                                    td {
                                        @if run.report { a href=(format!("runs/{}/{}/report", run.change_id, run.run_id)) { "report of " (text(&run.run_id)) } }
                                        @else { "none" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    whole(&title, true, &body)
}

fn held_run(run: &HeldRun, now: Instant) -> Markup {
    let change = run.change_id.as_ref().map_or("unknown change", ChangeId::as_str);
    let standing = match run.life {
        Life::Running => "going on",
        Life::Died => "died",
        Life::Elsewhere => "on another host",
        Life::Unknown => "not to be believed",
        Life::Ended => run.outcome.map_or("ended", Outcome::as_str),
    };
    let kind = if run.outcome == Some(Outcome::InDoubt) { "outcome in-doubt" } else { "outcome halted" };
    let codes: Vec<&str> = run.codes.iter().map(|code| code.as_str()).collect();
    html! {
        section {
            h2 { (text(change)) ": " span class=(kind) { (standing) } }
            @if let Some(headline) = &run.headline { p { (text(headline)) } }
            dl {
                @if let Some(window) = run.window { dt { "Window" } dd { strong { (countdown(window, now)) } " (" (window) ")" } }
                @if let Some(at) = &run.latest { dt { "Last step" } dd { (text(at)) } }
                @if !codes.is_empty() { dt { "Why" } dd { code { (codes.join(", ")) } } }
                @if let Some(draft) = &run.draft_reference { dt { "Draft" } dd { code { (draft) } } }
                @if let Some(host) = &run.host { dt { "Host" } dd { (text(host)) ", last heard of " (duration(run.age_s.max(0))) " ago" } }
                dt { "Next" } dd { code { (text(&run.next)) } }
            }
            @if let (Some(change), Some(run)) = (&run.change_id, &run.run_id) {
                p { a href=(format!("runs/{change}/{run}")) { "Note of " (run) } " · " a href=(format!("runs/{change}/{run}/report")) { "Report of " (run) } }
            }
        }
    }
}

/// The note of one run, as it was written.
pub(super) fn note_page(change: &ChangeId, run: &RunId, note: &str, flaws: &[String], altered: bool) -> String {
    let body = html! {
        header {
            h1 { (change) }
            p { a href="../../" { "All runs" } " · " a href=(format!("{run}/report")) { "Report" } }
            @if altered { p { strong { "The note is not what the run wrote. This is told from the journal instead." } } }
            @if !flaws.is_empty() { ul { @for flaw in flaws { li { (text(flaw)) } } } }
        }
        section aria-label="Note" { pre tabindex="0" { (text(note)) } }
    };
    whole(&format!("{change}: note"), false, &body)
}
