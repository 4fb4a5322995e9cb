//! `check`: stage `packet` without the claim. No browser, no evidence.

use std::path::Path;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::args::{Check, Output};
use super::exit::Exit;
use super::picture::{Drawn, Kind, picture};
use super::run::{map_from, not_begun};
use super::settings::{self, SettingsError};
use super::source_config::sources;
use super::terminal::{invalid_input, print_json, print_line};
use super::write::{WriteError, hold};
use crate::decide::advice::advice;
use crate::decide::policy::Policy;
use crate::decide::verdict::Verdict;
use crate::mask::masked::{MaskGate, Masked, PublicDocument};
use crate::mask::views::HaltView;
use crate::model::calendar::Blackout;
use crate::model::digest::Digest;
use crate::model::form::FormPlan;
use crate::model::gates::Gates;
use crate::model::ids::{BlackoutId, ChangeId};
use crate::model::record::FreezeException;
use crate::model::time::{ChangeWindow, Instant};
use crate::run::clock::{Clock as _, SystemClock};
use crate::run::facts::{RunFacts, judge_packet};
use crate::run::order::{InputError, check_origin, permissions, states};
use crate::selectors::plan::plan;
use crate::sources::attachments::examine;
use crate::sources::configured::change_named;
use crate::sources::digests::{WithDigests, with_digests};
use crate::sources::{SourceError, SourceFacts, Sources as _, record_file};

#[derive(Serialize)]
struct CheckDocument {
    schema: &'static str,
    change_id: ChangeId,
    would: &'static str,
    packet: Digest,
    /// Fields of the record's file that were written, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    written: Vec<String>,
    window: ChangeWindow,
    blackouts: Vec<BlackoutDocument>,
    halt: Vec<Masked<HaltView>>,
}
impl PublicDocument for CheckDocument {}

/// A blackout near the window. Identifiers and times are known to the record's readers.
#[derive(Serialize)]
struct BlackoutDocument {
    id: BlackoutId,
    window: ChangeWindow,
    #[serde(rename = "is")]
    kind: Kind,
}

/// What was judged, and how it is drawn.
struct Judged {
    document: Masked<CheckDocument>,
    picture: String,
}

/// Columns of the picture.
const WIDTH: usize = 80;
/// How far from the window a blackout is drawn that does not touch it, in days.
const NEAR_DAYS: i32 = 2;

#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error("{0}")]
    Settings(#[from] SettingsError),
    #[error("{0}")]
    Input(#[from] InputError),
    #[error("{0}")]
    Write(#[from] WriteError),
    #[error(
        "error: a change request is read, and never written\n  = help: attach the manifest there with the digest that `check` prints"
    )]
    NoFile,
    #[error("error: the judgement holds a value that may not be shown, and was withheld")]
    Withheld,
}

/// Carries out `check`.
pub async fn run(args: Check, output: Output) -> Exit {
    match judge(&args).await {
        Err(CheckError::Input(InputError::Sources(error @ SourceError::Unavailable { .. }))) => {
            not_begun(output, InputError::Sources(error).into())
        }
        Err(error) => invalid_input(output, &error),
        Ok(Judged { document, picture }) => {
            let check = document.get();
            match output {
                Output::Json => drop(print_json(&document)),
                Output::Text => drop(print_line(&told(check, &picture))),
            }
            if check.halt.is_empty() { Exit::Yes } else { Exit::No }
        }
    }
}

/// The judgement for people.
fn told(check: &CheckDocument, picture: &str) -> String {
    let mut lines = vec![format!("would {}  {}\n  packet  {}\n", check.would, check.change_id, check.packet)];
    for field in &check.written {
        lines.push(format!("  wrote   {field}"));
    }
    lines.push(picture.to_owned());
    for reason in &check.halt {
        let reason = reason.get();
        lines.push(format!("  {} ({})", reason.code, reason.subject));
        lines.push(format!("    expected  {}\n    observed  {}", reason.expected, reason.observed));
        lines.push(format!("    decide    {}", advice(reason.code)));
    }
    lines.join("\n")
}

async fn judge(args: &Check) -> Result<Judged, CheckError> {
    let record_path: &Path = &args.record;
    let settings = settings::read(&args.common)?;
    let operator = settings.operator()?;
    let map = map_from(settings.map()?).map_err(InputError::from)?;
    let base = settings.base_url.clone().unwrap_or_else(|| map.file.base_url.get_ref().clone());
    check_origin(&map, &base)?;
    let written = if args.write_digest { write_digests(record_path)? } else { Vec::new() };
    // Kept to the end: attachments that were downloaded lie in a folder of its own.
    let sources = sources(&settings, record_path)?;
    let SourceFacts { record, gates } = sources.read(None).await.map_err(InputError::from)?;
    let found = examine(record_path, &record, None).map_err(InputError::from)?;
    let policy = settings.policy()?;
    let planned = plan(&map, &record.record);
    let empty = FormPlan::default();
    let facts = RunFacts {
        record: &record,
        map: &map,
        plan: planned.as_ref().unwrap_or(&empty),
        portal: &base,
        operator,
        account: settings.user.as_deref().unwrap_or_default(),
        resumed_by: None,
        policy: &policy,
        file_states: &states(&found),
        files: &[],
        draft_only: true,
        said: None,
        closed: None,
    };
    let now = SystemClock::default().now();
    let verdict = judge_packet(&facts, &record, &gates, now);
    let gate = MaskGate::new(permissions(&map), rand::random(), Vec::new());
    let halt: Vec<_> = match &verdict {
        Verdict::Halt(reasons) => reasons.iter().map(|reason| gate.halt(reason)).collect(),
        Verdict::Proceed(()) => {
            planned.map_err(InputError::from)?;
            Vec::new()
        }
    };
    let drawn = drawn(&record.record.exception, &gates, &policy);
    let zones = [("you", settings.zone()?), ("portal", map.zone.clone())];
    let picture = near(record.record.exception.window, &drawn, &zones, now);
    let document = CheckDocument {
        schema: "portal-agent/check/1",
        change_id: record.record.exception.change_id.clone(),
        would: if halt.is_empty() { "proceed" } else { "halt" },
        packet: record.packet,
        written,
        window: record.record.exception.window,
        blackouts: drawn.into_iter().map(|Drawn { id, window, kind }| BlackoutDocument { id, window, kind }).collect(),
        halt,
    };
    Ok(Judged { document: gate.document(document).map_err(|_| CheckError::Withheld)?, picture })
}

/// Writes digests into the record's file; which fields are other than they were.
fn write_digests(path: &Path) -> Result<Vec<String>, CheckError> {
    if change_named(path).is_some() {
        return Err(CheckError::NoFile);
    }
    // A record that is not there is said to be missing; from when nobody else writes it, it is read again.
    record_file::text(path).map_err(InputError::from)?;
    let held = hold(path)?;
    let text = record_file::text(path).map_err(InputError::from)?;
    let WithDigests { text, changed } = with_digests(path, &text).map_err(InputError::from)?;
    if !changed.is_empty() {
        held.replace_text(&text)?;
    }
    Ok(changed)
}

/// The picture of the window and the blackouts near it, and how many lie farther away.
fn near(window: ChangeWindow, drawn: &[Drawn], zones: &[(&str, TimeZone)], now: Instant) -> String {
    let day = jiff::SignedDuration::from_hours(24) * NEAR_DAYS;
    let around = |at: Instant, by: jiff::SignedDuration| at.timestamp().checked_add(by).map_or(at, Instant::from);
    let around = ChangeWindow { start: around(window.start, -day), end: around(window.end, day) };
    let is_near = |one: &&Drawn| one.kind != Kind::Elsewhere || one.window.overlaps(&around);
    let (near, far): (Vec<&Drawn>, Vec<&Drawn>) = drawn.iter().partition(is_near);
    let near: Vec<Drawn> = near.into_iter().cloned().collect();
    let mut text = picture(window, &near, zones, now, WIDTH);
    if !far.is_empty() {
        text.push_str(&format!("\n{} further blackouts lie more than {NEAR_DAYS} days away\n", far.len()));
    }
    text
}

/// Blackouts of the record's environment, and what each is to its window.
fn drawn(exception: &FreezeException, gates: &Gates, policy: &Policy) -> Vec<Drawn> {
    let environment = exception.environment.as_str();
    let near = gates.calendar.blackouts.iter().filter(|blackout| policy.freeze.freezes(blackout, environment));
    let kind = |blackout: &Blackout| {
        if exception.excepts.iter().any(|named| named.id == blackout.id) {
            Kind::Excepted
        } else if blackout.window.overlaps(&exception.window) {
            Kind::Overlapping
        } else {
            Kind::Elsewhere
        }
    };
    near.map(|blackout| Drawn { id: blackout.id.clone(), window: blackout.window, kind: kind(blackout) }).collect()
}
