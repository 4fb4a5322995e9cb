//! Draws a deployment window against the blackouts around it, in plain text, for a person at a terminal.
//!
//! A sentence says how they stand, a drawing shows it, and every time follows in every zone.

mod drawing;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::model::ids::BlackoutId;
use crate::model::time::{ChangeWindow, Instant};

/// A blackout in the picture.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Its identifier.
    pub id: BlackoutId,
    /// When it holds.
    pub window: ChangeWindow,
    /// What it is to the deployment window.
    pub kind: Kind,
}

/// What a blackout is to the deployment window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The record names it as excepted.
    Excepted,
    /// It overlaps the window and is not excepted.
    Overlapping,
    /// It is near, and does not overlap the window.
    Elsewhere,
}

/// The picture: what holds in a sentence, a drawing, and every time in every zone. `width` is in columns, at least 48 of
/// which are used; an identifier or a label that is longer stands on a line of its own.
///
/// A blackout that is not excepted is drawn as its times have it, whether it came as overlapping or as elsewhere.
pub fn picture(
    window: ChangeWindow,
    blackouts: &[Drawn],
    zones: &[(&str, TimeZone)],
    now: Instant,
    width: usize,
) -> String {
    let mut blackouts = blackouts.to_vec();
    for blackout in &mut blackouts {
        blackout.kind = match (blackout.kind, blackout.window.overlaps(&window)) {
            (Kind::Excepted, _) => Kind::Excepted,
            (Kind::Overlapping | Kind::Elsewhere, true) => Kind::Overlapping,
            (Kind::Overlapping | Kind::Elsewhere, false) => Kind::Elsewhere,
        };
    }
    blackouts.sort_by(|a, b| (a.kind, a.window.start, &a.id).cmp(&(b.kind, b.window.start, &b.id)));
    let mut lines = Vec::new();
    if window.is_forward() {
        lines.extend(sentences(window, &blackouts));
        lines.push(String::new());
        lines.extend(drawing::drawing(window, &blackouts, zones, now, width));
    } else {
        lines.push("The window ends before it starts.".to_owned());
    }
    lines.push(String::new());
    lines.extend(times("window", window, zones, width));
    for (number, blackout) in (1..).zip(&blackouts) {
        let name = format!("{number} {} {}", word(blackout.kind), blackout.id);
        lines.extend(times(&name, blackout.window, zones, width));
    }
    lines.push(format!("now, {}", until(window, now)));
    let widest = widest(zones);
    lines.extend(zones.iter().map(|(label, zone)| format!("  {label:widest$}  {}", shown(now, zone))));
    let mut text: String = lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect();
    // Identifiers are ASCII already; labels and zone abbreviations need not be.
    if !text.is_ascii() {
        text = text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
    }
    text
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Excepted => "excepted",
        Kind::Overlapping => "OVERLAPS",
        Kind::Elsewhere => "elsewhere",
    }
}

/// What holds, so that nobody has to measure.
fn sentences(window: ChangeWindow, blackouts: &[Drawn]) -> Vec<String> {
    let of = |kind: Kind| (1..).zip(blackouts).filter(move |(_, blackout)| blackout.kind == kind);
    let inside = of(Kind::Excepted).find(|(_, blackout)| blackout.window.covers(&window));
    let first = match inside {
        Some((number, blackout)) => format!("The window lies inside excepted blackout {number}, {}.", blackout.id),
        None if covered_together(window, blackouts) => {
            "The window lies inside its excepted blackouts together, inside none alone.".to_owned()
        }
        None if of(Kind::Excepted).any(|(_, blackout)| blackout.window.overlaps(&window)) => {
            "The window is only PARTLY inside an excepted blackout.".to_owned()
        }
        None => "The window is NOT inside any excepted blackout.".to_owned(),
    };
    let mut lines = vec![first];
    for (number, blackout) in of(Kind::Overlapping) {
        lines.push(format!("It OVERLAPS blackout {number}, {}, which is not excepted.", blackout.id));
    }
    if lines.len() == 1 {
        lines.push("It overlaps no other blackout.".to_owned());
    }
    lines
}

/// Whether excepted blackouts, which are in the order of their starts, leave no moment of the window out.
fn covered_together(window: ChangeWindow, blackouts: &[Drawn]) -> bool {
    let excepted = blackouts.iter().filter(|blackout| blackout.kind == Kind::Excepted).map(|blackout| blackout.window);
    let reached = excepted.fold(window.start, |at, next| if next.start <= at { at.max(next.end) } else { at });
    reached >= window.end
}

/// Start and end in every zone, under a name.
fn times(name: &str, window: ChangeWindow, zones: &[(&str, TimeZone)], width: usize) -> Vec<String> {
    let mut lines = vec![format!("{name}, {}", length(window.end.seconds_since(window.start)))];
    let widest = widest(zones);
    for (label, zone) in zones {
        let label = format!("{label:widest$}");
        let (start, end) = (shown(window.start, zone), shown(window.end, zone));
        let one = format!("  {label}  {start} to {end}");
        if one.chars().count() <= width {
            lines.push(one);
        } else {
            lines.push(format!("  {label}  {start}"));
            lines.push(format!("  {:widest$}  to {end}", ""));
        }
    }
    lines
}

fn widest(zones: &[(&str, TimeZone)]) -> usize {
    zones.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0)
}

/// A moment on the clocks of a zone, with weekday, abbreviation and offset; seconds when there are any.
fn shown(at: Instant, zone: &TimeZone) -> String {
    let zoned = at.in_zone(zone);
    let time = if zoned.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    zoned.strftime(&format!("%a %Y-%m-%d {time} %Z %:z")).to_string()
}

/// Where now is against the window.
fn until(window: ChangeWindow, now: Instant) -> String {
    if now < window.start {
        format!("{} before the window starts", length(window.start.seconds_since(now)))
    } else if now < window.end {
        format!("INSIDE the window, {} before it ends", length(window.end.seconds_since(now)))
    } else {
        format!("{} AFTER the window ended", length(now.seconds_since(window.end)))
    }
}

/// A length in the two largest units that it has.
fn length(seconds: i64) -> String {
    let units = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let named: Vec<String> = units
        .iter()
        .skip_while(|(number, _)| *number == 0)
        .take(2)
        .filter(|(number, _)| *number != 0)
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect();
    if named.is_empty() { "no time at all".to_owned() } else { named.join(" ") }
}

#[cfg(test)]
mod tests;
