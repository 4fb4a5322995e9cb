//! Reads freeze calendars in iCalendar (RFC 5545): every event is a blackout. Read whole, or not at all.
//!
//! Rules are expanded on the calendar's own clocks by the `rrule` crate behind `icalendar`, as if there were no daylight
//! saving; a rule that the crate would take for another one is written otherwise or refused. What these clock times are in
//! UTC is decided here, with the same zone database as everywhere else in the program. Where the standard leaves a choice
//! the blackout is the longer one.

mod calendar;
mod characters;
mod definition;
mod event;
mod identity;
mod lines;
mod moment;
mod parts;
mod rule;
mod series;
mod values;
mod weekdays;
mod windows_zones;
mod zones;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::model::calendar::Blackout;
use crate::model::time::ChangeWindow;

pub use characters::{begins, whole_characters};
use zones::Authority;
pub use zones::ZoneNames;

/// Longest calendar that is read, in bytes.
pub(crate) const LIMIT: u64 = 4 << 20;

/// Most blackouts within one horizon.
pub(crate) const MOST: usize = 10_000;

/// What is wrong, and on which content line.
#[derive(Debug)]
struct Wrong {
    span: Range<usize>,
    property: String,
    message: String,
    help: String,
}

impl Wrong {
    fn at(span: &Range<usize>, property: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { span: span.clone(), property: property.to_owned(), message: message.into(), help: help.into() }
    }
}

/// All blackouts of the iCalendar `text` that overlap the half-open `horizon`, by start, then by identifier.
///
/// `path` is for messages alone; the text of a URL will do. Dates and floating times stand in the zone of the calendar's
/// `X-WR-TIMEZONE`, else in the default of `zones`, never in the zone of this computer.
///
/// # Errors
///
/// A [`Diagnostic`] that names line and property, for everything that cannot be read with certainty: a file that is cut
/// off, an unknown zone, blackouts that are others by the calendar's own definition of a zone, an end that is missing or before its start, a rule that cannot be expanded whole, two events of
/// one identifier, more than [`LIMIT`] bytes, more than [`MOST`] blackouts. Never a shorter calendar.
pub fn read(path: &Path, text: &str, zones: &ZoneNames, horizon: ChangeWindow) -> Result<Vec<Blackout>, Diagnostic> {
    if text.len() as u64 > LIMIT {
        let help = "publish a calendar of the freezes alone";
        return Err(Diagnostic::whole(path, format!("is larger than {LIMIT} bytes"), help));
    }
    if !horizon.is_forward() {
        let message = format!("cannot be asked for {horizon}");
        return Err(Diagnostic::whole(path, message, "ask for a time that ends after it starts"));
    }
    blackouts(text, zones, horizon)
        .map_err(|wrong| Diagnostic::at(path, text, wrong.span, Some(wrong.property), wrong.message, wrong.help))
}

fn blackouts(text: &str, names: &ZoneNames, horizon: ChangeWindow) -> Result<Vec<Blackout>, Wrong> {
    let calendars = calendar::calendars(lines::lines(text)?, text.len())?;
    let found = by(Authority::Database, &calendars, names, horizon)?;
    if calendars.iter().any(|calendar| !calendar.zones.is_empty()) {
        // Whoever published the calendar read it by the zones that stand in it.
        same(&found, &by(Authority::Calendar, &calendars, names, horizon)?)?;
    }
    Ok(found.into_iter().map(|(blackout, _)| blackout).collect())
}

/// Blackouts with the places of their events, as the clocks of one authority show them.
fn by(
    authority: Authority,
    calendars: &[calendar::Calendar],
    names: &ZoneNames,
    horizon: ChangeWindow,
) -> Result<Vec<(Blackout, Range<usize>)>, Wrong> {
    let mut events = Vec::new();
    for calendar in calendars {
        let zones = zones::Zones::of(names, calendar, horizon, authority)?;
        for component in &calendar.events {
            events.push(event::read(component, &zones)?);
        }
    }
    let mut blackouts = Vec::new();
    let mut seen = BTreeSet::new();
    let mut left = rule::MOST;
    for series in series::group(events)? {
        for (blackout, event) in series.blackouts(horizon, &mut left)? {
            if !seen.insert(blackout.id.clone()) {
                let message = format!("a second blackout would be called {}", blackout.id);
                return Err(Wrong::at(&event, "UID", message, "tell them apart by X-BLACKOUT-ID"));
            }
            if blackouts.len() == MOST {
                let message = format!("the calendar has more than {MOST} blackouts between {horizon}");
                return Err(Wrong::at(&event, "VEVENT", message, "publish a calendar of the freezes alone"));
            }
            blackouts.push((blackout, event));
        }
    }
    blackouts.sort_by(|(a, _), (b, _)| (a.window.start, &a.id).cmp(&(b.window.start, &b.id)));
    Ok(blackouts)
}

type Found = [(Blackout, Range<usize>)];

/// Refuses a calendar whose blackouts are others by its own zones than by the zone database. Zones that are told apart only at
/// times when no blackout is do no harm.
fn same(database: &Found, calendar: &Found) -> Result<(), Wrong> {
    let place =
        |(blackout, event): &(Blackout, Range<usize>)| (event.start, blackout.window.start, blackout.window.end);
    let places = |found: &Found| -> BTreeSet<_> { found.iter().map(place).collect() };
    for (found, others, is, is_not) in [
        (database, places(calendar), "the zone database", "the zones that this calendar defines"),
        (calendar, places(database), "the zones that this calendar defines", "the zone database"),
    ] {
        if let Some((blackout, event)) = found.iter().find(|found| !others.contains(&place(found))) {
            let message = format!("{} lasts from {} by {is}, but not by {is_not}", blackout.id, blackout.window);
            return Err(Wrong::at(event, "TZID", message, zones::HELP));
        }
    }
    Ok(())
}

#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;
