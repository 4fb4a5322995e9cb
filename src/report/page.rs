//! The file itself. Outcome and reason come first, then what to do, then what it rests on.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::facts::{Facts, Halt, Note};
use super::tables::{approvals, attachments, reconciliation};
use super::timeline::stages;
use super::{Piece, STYLE, encoded};
use crate::decide::advice::{advice, meaning_at};
use crate::decide::verdict::{HaltCode, Stage};
use crate::evidence::outcome::{DraftState, Outcome};
use crate::model::shown::shown_lines;
use crate::model::time::Instant;

/// Stands where a picture goes. What is shown escapes the character, so that no text can hold it.
const PICTURE: char = '\u{FDD0}';

/// The report, in pieces.
pub(super) fn page(facts: &Facts) -> Vec<Piece> {
    let run = &facts.run;
    let title = format!("{} {}", run.change_id, run.outcome.as_str());
    let style = encoded(&Sha256::digest(STYLE));
    let policy =
        format!("default-src 'none'; img-src data:; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'");
    let written = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="referrer" content="no-referrer";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (text(&title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                main id="main" {
                    @if !facts.flaws.is_empty() { (altered(facts)) }
                    (head(facts))
                    @if !run.halt.is_empty() { (why(facts)) }
                    @if let Some(note) = &facts.note { (what_to_do(note)) }
                    (shown(facts))
                    @if !run.edits.is_empty() { (edits(facts)) }
                    (timeline(facts))
                    (reconciliation(facts))
                    (approvals(facts))
                    (attachments(facts))
                    (pictures(facts))
                    (rests_on(facts))
                }
            }
        }
    };
    pieces(&written.into_string(), &facts.pictures)
}

fn pieces(written: &str, pictures: &[String]) -> Vec<Piece> {
    let parts = written.split(PICTURE).enumerate();
    let piece = |(at, part): (usize, &str)| match part.parse::<usize>().ok().and_then(|number| pictures.get(number)) {
        Some(picture) if at % 2 == 1 => Piece::Picture(picture.clone()),
        Some(_) | None => Piece::Text(part.to_owned()),
    };
    parts.map(piece).collect()
}

/// A text of somebody else: nothing in it is markup, steers how its neighbours are seen, or stands for a picture.
pub(super) fn text(text: &str) -> String {
    shown_lines(text).replace(PICTURE, "\\u{fdd0}")
}

pub(super) fn at(instant: Instant) -> String {
    instant.timestamp().strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn head(facts: &Facts) -> Markup {
    let run = &facts.run;
    let kind = match run.outcome {
        Outcome::Submitted | Outcome::AlreadySubmitted | Outcome::DraftSaved => "outcome",
        Outcome::HaltedDraft | Outcome::HaltedAbandoned => "outcome halted",
        Outcome::InDoubt => "outcome in-doubt",
        Outcome::Environment => "outcome environment",
    };
    let state = match run.draft_state {
        Some(DraftState::Verified) => ", verified: reopened from the server, equal to the record",
        Some(DraftState::Partial) => ", partial: saved before everything was entered",
        Some(DraftState::Differs) => ", which differs from the record",
        Some(DraftState::Unread) => ", not compared with the record",
        None => "",
    };
    html! {
        header {
            h1 { (text(&run.change_id)) ": " span class=(kind) { (run.outcome.as_str()) } }
            p { (happened(facts)) }
            dl {
                @if let Some(note) = &facts.note { dt { "Submitted" } dd { strong { (text(&note.submitted)) } } }
                @if let Some(number) = &run.confirmation_number { dt { "Confirmation" } dd { code { (text(number)) } } }
                @if let Some(draft) = &run.draft_reference { dt { "Draft" } dd { code { (text(draft)) } (state) } }
                @if let Some(window) = facts.window() {
                    dt { "Deployment window" } dd { (at(window.start)) " to " (at(window.end)) }
                }
                dt { "Run" } dd { code { (text(&run.run_id)) } ", " (at(run.started_at)) " to " (at(run.finished_at)) }
                dt { "Operator" }
                dd {
                    (text(&run.operator))
                    @if let Some(account) = &run.portal_account { ", portal account " (text(account)) }
                    @if let Some(note) = &facts.note { ", on host " (text(&note.host)) }
                }
                @if let Some(earlier) = &run.resumes {
                    dt { "Continues" } dd { code { (text(&earlier.run)) } ", by " (text(&earlier.by)) ": " (text(&earlier.reason)) }
                }
                @if run.commit_requests_released > 0 {
                    dt { "Commit" }
                    dd {
                        "released once"
                        @if let Some(answer) = run.commit_answer { "; " (answer.told()) }
                        @if let Some(ms) = run.recheck_to_commit_ms {
                            "; " (format!("{ms:.1}")) " ms from the last answer of a source to the first byte sent"
                        }
                    }
                }
                @if run.commit_requests_blocked > 0 { dt { "Refused commits" } dd { (run.commit_requests_blocked) } }
            }
        }
    }
}

/// The outcome in a sentence.
fn happened(facts: &Facts) -> String {
    let run = &facts.run;
    if let Some(note) = &facts.note {
        return text(&format!("{}.", note.headline));
    }
    match (run.outcome, &run.environment) {
        (Outcome::Environment, Some(what)) => text(&format!("Ended before anything was entered: {what}.")),
        (Outcome::Submitted, _) => {
            "Submitted once, and a look-up finds exactly one exception, equal to the record.".to_owned()
        }
        (Outcome::AlreadySubmitted, _) => {
            "The portal already held exactly this exception; nothing was entered.".to_owned()
        }
        (Outcome::DraftSaved, _) => {
            "Stopped at a verified draft, as it was asked to; nothing was committed.".to_owned()
        }
        (Outcome::HaltedDraft, _) => "Halted; a draft is in the portal.".to_owned(),
        (Outcome::HaltedAbandoned, _) => "Halted; nothing of this run is in the portal.".to_owned(),
        (Outcome::InDoubt, _) => "In doubt: released once, and the result is not proven.".to_owned(),
        (Outcome::Environment, None) => "Ended before anything was entered.".to_owned(),
    }
}

fn altered(facts: &Facts) -> Markup {
    html! {
        section aria-labelledby="altered" {
            h2 id="altered" { "This evidence is not as its run wrote it" }
            ul { @for flaw in &facts.flaws { li { (text(flaw)) } } }
        }
    }
}

fn why(facts: &Facts) -> Markup {
    let known = |halt: &Halt| Some((HaltCode::from_name(&halt.code)?, Stage::from_name(&halt.stage)?));
    html! {
        section aria-labelledby="why" {
            h2 id="why" { "Why it halted" }
            @for halt in &facts.run.halt {
                h3 { (text(facts.label(&halt.subject))) " " code { (text(&halt.code)) } }
                p {
                    "At " (text(&halt.stage)) ". "
                    @if let Some((code, stage)) = known(halt) { (meaning_at(code, stage)) " " (advice(code)) }
                }
                dl {
                    dt { "expected" } dd { code { (text(&halt.expected)) } }
                    dt { "observed" } dd { code { (text(&halt.observed)) } }
                }
            }
        }
    }
}

/// The pictures that show why it halted.
fn shown(facts: &Facts) -> Markup {
    let own = |picture: &String| facts.pictures.iter().position(|known| known == picture);
    let note = facts.note.iter().flat_map(|note| &note.pictures);
    let pictures: Vec<(usize, &String)> = note.filter_map(|picture| Some((own(picture)?, picture))).collect();
    html! {
        @if !pictures.is_empty() {
            section aria-labelledby="shown" {
                h2 id="shown" { "What the portal showed" }
                @for (at, picture) in pictures { (figure(at, picture, None)) }
            }
        }
    }
}

/// A text of the note: commands and addresses in it stand out as such.
fn inline(step: &str) -> Markup {
    let shown = text(step);
    html! {
        @for (at, part) in shown.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (links(part)) }
        }
    }
}

fn links(part: &str) -> Markup {
    let (before, rest) = part.split_once('<').unwrap_or((part, ""));
    let (address, after) = rest.split_once('>').unwrap_or(("", rest));
    let web = address.starts_with("https://") || address.starts_with("http://");
    html! {
        (before)
        @if web { a href=(address) rel="noreferrer" { (address) } } @else if !rest.is_empty() { "<" (address) @if !address.is_empty() { ">" } }
        @if !after.is_empty() { (links(after)) }
    }
}

fn what_to_do(note: &Note) -> Markup {
    html! {
        section aria-labelledby="steps" {
            h2 id="steps" { "What to do" }
            ol { @for step in &note.steps { li { (inline(step)) } } }
            pre { code { (text(&note.next)) } }
            h3 { "What not to do" }
            ul { @for line in &note.must_not { li { (inline(line)) } } }
        }
    }
}

fn edits(facts: &Facts) -> Markup {
    html! {
        section aria-labelledby="edits" {
            h2 id="edits" { "What became of the draft since the agent saw it" }
            div.scroll tabindex="0" role="region" aria-label="What became of the draft" {
                table {
                    thead { tr { th scope="col" { "Field" } th scope="col" { "Change" } th scope="col" { "Record" } th scope="col" { "Draft" } } }
                    tbody {
                        @for edit in &facts.run.edits {
                            tr {
                                th scope="row" { (text(facts.label(&edit.field))) }
                                td { (text(&edit.edit)) }
                                td { (text(&edit.record)) }
                                td { (text(&edit.draft)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn timeline(facts: &Facts) -> Markup {
    html! {
        section aria-labelledby="stages" {
            h2 id="stages" { "Stages" }
            ol.stages {
                @for told in stages(&facts.journal) {
                    li {
                        strong { (told.stage) } " "
                        span.when { (at(told.from)) ", " (format!("{:.1}", told.took_ms as f64 / 1e3)) " s" }
                        br;
                        (text(&told.events.join("; ")))
                    }
                }
            }
        }
    }
}

fn figure(at: usize, picture: &str, id: Option<&str>) -> Markup {
    let name = picture.rsplit('/').next().unwrap_or(picture).trim_end_matches(".png");
    let shown = format!("Masked picture {name}: only what the selector map lets be shown");
    html! {
        figure id=[id] {
            figcaption { (text(name)) }
            img src=(format!("data:image/png;base64,{PICTURE}{at}{PICTURE}")) alt=(text(&shown));
        }
    }
}

fn pictures(facts: &Facts) -> Markup {
    let named = || facts.pictures.iter().enumerate().map(|(at, picture)| (at, format!("picture-{}", at + 1), picture));
    html! {
        section aria-labelledby="pictures" {
            h2 id="pictures" { "Pictures" }
            @if facts.pictures.is_empty() {
                p { "None were taken." }
            } @else {
                nav aria-label="Pictures" {
                    ul {
                        @for (_, id, picture) in named() {
                            li { a href=(format!("#{id}")) { (text(picture.rsplit('/').next().unwrap_or(picture).trim_end_matches(".png"))) } }
                        }
                    }
                }
                div.pictures tabindex="0" role="region" aria-label="Pictures, one after another" {
                    @for (at, id, picture) in named() { (figure(at, picture, Some(&id))) }
                }
            }
        }
    }
}

fn rests_on(facts: &Facts) -> Markup {
    let versions = &facts.run.versions;
    let digests = [
        ("Packet", &versions.packet),
        ("Record file", &versions.record),
        ("Selector map", &versions.map),
        ("Policy", &versions.policy),
    ];
    html! {
        section aria-labelledby="rests" {
            h2 id="rests" { "What it rests on" }
            dl {
                dt { "Agent" } dd { (text(&versions.agent)) @if let Some(browser) = &versions.browser { ", " (text(browser)) } }
                dt { "Portal" } dd { code { (text(&versions.portal)) } ", map " (text(&versions.map_name)) }
                @for (name, digest) in digests { dt { (name) } dd { code { (text(digest)) } } }
            }
            @if !facts.run.refused_requests.is_empty() {
                h3 { "Requests that the gateway refused" }
                p { "Traffic of the browser's own and of pages, which could change nothing. Those that halted the run stand under its reasons." }
                ul {
                    @for refused in &facts.run.refused_requests {
                        li {
                            (refused.count) " × " code { (text(&format!("{} {}{}", refused.method, refused.origin, refused.path))) }
                            " (" (text(&refused.why)) ")"
                        }
                    }
                }
            }
            p { "`portal-agent verify` says whether all of this is as the run wrote it." }
        }
    }
}
