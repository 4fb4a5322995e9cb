//! An event with its instances: repeated, moved, cancelled; each a blackout.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::Wrong;
use super::event::{Course, Event, Length};
use super::identity;
use super::moment::{Key, Moment, Time};
use super::values::Duration;
use crate::model::calendar::Blackout;
use crate::model::time::ChangeWindow;

/// All components of one `UID`.
#[derive(Debug, Default)]
pub(crate) struct Series {
    event: Option<Event>,
    instances: BTreeMap<Key, Event>,
}

const DAY: i64 = 24 * 3600;

/// Joins events and the instances that stand apart from them.
pub fn group(events: Vec<Event>) -> Result<Vec<Series>, Wrong> {
    let mut series: BTreeMap<String, Series> = BTreeMap::new();
    for event in events {
        let found = series.entry(event.uid.clone()).or_default();
        let span = event.span.clone();
        let earlier = match event.instead_of {
            None => found.event.replace(event),
            Some(key) => found.instances.insert(key, event),
        };
        match earlier {
            None => {}
            Some(Event { instead_of: None, uid, .. }) => {
                let message = format!("a second event of the UID {uid:?}");
                return Err(Wrong::at(&span, "UID", message, "give every event a UID of its own"));
            }
            Some(Event { instead_of: Some(_), uid, .. }) => {
                let message = format!("the UID {uid:?} has this instance twice");
                return Err(Wrong::at(&span, "RECURRENCE-ID", message, "publish the last version of it alone"));
            }
        }
    }
    series.into_values().map(Series::named_alike).collect()
}

impl Series {
    /// The same, with every instance named by the kind of time that the event has.
    fn named_alike(mut self) -> Result<Self, Wrong> {
        let Some(start) = self.event.as_ref().and_then(|event| Some(event.course.as_ref()?.start.clone())) else {
            return Ok(self);
        };
        for (named, event) in std::mem::take(&mut self.instances) {
            let span = event.span.clone();
            let key = start.instance(named).ok_or_else(|| {
                let message = "names an instance by a time of day, and the event has whole days";
                Wrong::at(&span, "RECURRENCE-ID", message, "name it by its date")
            })?;
            if self.instances.insert(key, event).is_some() {
                let message = "two changes of one instance";
                return Err(Wrong::at(&span, "RECURRENCE-ID", message, "publish the last version of it alone"));
            }
        }
        Ok(self)
    }

    /// Blackouts that overlap the horizon, each with the place of its event. `left` is how many starts may still be looked
    /// at.
    pub fn blackouts(&self, horizon: ChangeWindow, left: &mut usize) -> Result<Vec<(Blackout, Range<usize>)>, Wrong> {
        let mut found = Vec::new();
        let name = self.event.as_ref().and_then(|event| event.name.as_deref());
        if let Some((event, course)) = self.event.as_ref().and_then(|event| Some((event, event.course.as_ref()?))) {
            let alone = !course.recurs() && self.instances.is_empty();
            for (key, window) in windows(event, course, horizon, left)? {
                if !self.instances.contains_key(&key) {
                    let id = identity::id(event, name, (!alone).then_some(key))?;
                    found.push((blackout(event, id, window), event.span.clone()));
                }
            }
        }
        for (key, event) in &self.instances {
            let Some(course) = &event.course else { continue };
            for (_, window) in windows(event, course, horizon, left)? {
                let id = identity::id(event, event.name.as_deref().or(name), Some(*key))?;
                found.push((blackout(event, id, window), event.span.clone()));
            }
        }
        Ok(found)
    }
}

fn blackout(event: &Event, id: crate::model::ids::BlackoutId, window: ChangeWindow) -> Blackout {
    let (admits, kinds, environments) = (event.admits.clone(), event.kinds.clone(), event.environments.clone());
    Blackout { id, window, admits, kinds, environments }
}

/// When the instances of one component hold, by their start. Instances of the same start are one, as long as the longest.
fn windows(
    event: &Event,
    course: &Course,
    horizon: ChangeWindow,
    left: &mut usize,
) -> Result<BTreeMap<Key, ChangeWindow>, Wrong> {
    let out_of_range = || {
        let help = "write times between the years 1 and 9999";
        Wrong::at(&event.span, "DTSTART", "the event leaves the years that can be represented", help)
    };
    let mut found: BTreeMap<Key, ChangeWindow> = BTreeMap::new();
    let mut keep = |time: &Time, length: Length| {
        let key = time.key()?;
        let window = window(time, length, &course.start.moment().zone)?;
        if window.overlaps(&horizon) && !course.except.contains(&key) {
            let known = found.entry(key).or_insert(window);
            known.start = known.start.min(window.start);
            known.end = known.end.max(window.end);
        }
        Some(())
    };
    keep(&course.start, course.length).ok_or_else(out_of_range)?;
    for (time, length) in &course.further {
        keep(time, length.unwrap_or(course.length)).ok_or_else(out_of_range)?;
    }
    // No zone is more than a day off UTC, and no change of clocks is longer than a day.
    let margin = course.length.at_most().saturating_add(3 * DAY);
    let from = clock(horizon.start.timestamp(), -margin).unwrap_or(DateTime::MIN);
    let to = clock(horizon.end.timestamp(), 3 * DAY).unwrap_or(DateTime::MAX);
    for rule in &course.rules {
        for civil in rule.starts(&course.start, from, to, left)? {
            keep(&course.start.with(civil), course.length).ok_or_else(out_of_range)?;
        }
    }
    Ok(found)
}

fn clock(at: Timestamp, seconds: i64) -> Option<DateTime> {
    TimeZone::UTC.to_datetime(at).checked_add(SignedDuration::from_secs(seconds)).ok()
}

impl Length {
    /// Seconds that no instance lasts longer than, but for changes of clocks.
    fn at_most(self) -> i64 {
        match self {
            Self::Duration(Duration { days, seconds }) => days.saturating_mul(DAY).saturating_add(seconds),
            Self::End { exact, clock } => exact.max(clock),
        }
    }

    /// Seconds on clocks that are never changed.
    fn on_the_clock(self) -> i64 {
        match self {
            Self::Duration(_) => self.at_most(),
            Self::End { clock, .. } => clock,
        }
    }
}

/// From the earliest instant that the start may mean to the latest that the end may mean. `home` is the zone of the event,
/// on whose clocks it lasts as long as on its own.
fn window(time: &Time, length: Length, home: &TimeZone) -> Option<ChangeWindow> {
    let moment = time.moment();
    let ends = match time {
        Time::Day(_) => vec![moment.later(length.on_the_clock())?.latest()?],
        Time::At(_) => {
            let mut ends = ends(moment, length)?;
            if moment.zone != *home {
                let there = Moment { civil: home.to_datetime(moment.standard()?), zone: home.clone() };
                ends.extend(self::ends(&there, length)?);
            }
            ends
        }
    };
    let end = ends.into_iter().max()?;
    // A day starts with its first hour, even where clocks skip midnight. One that is skipped whole has none.
    let start = match time {
        Time::Day(_) => moment.standard().filter(|start| *start < end).or_else(|| moment.earliest())?,
        Time::At(_) => moment.earliest()?,
    };
    let window = ChangeWindow { start: start.into(), end: end.into() };
    window.is_forward().then_some(window)
}

/// Every instant that the end may mean: so many seconds later in truth, on the clock, or days on the clock and the rest in
/// truth.
fn ends(start: &Moment, length: Length) -> Option<Vec<Timestamp>> {
    let exactly = |from: Timestamp, seconds: i64| from.checked_add(SignedDuration::from_secs(seconds)).ok();
    let first = start.standard()?;
    Some(match length {
        Length::End { exact, clock } => vec![exactly(first, exact)?, start.later(clock)?.latest()?],
        Length::Duration(Duration { days, seconds }) => {
            let civil = start.civil.checked_add(days.days()).ok()?;
            let after_days = Moment { civil, zone: start.zone.clone() };
            vec![
                exactly(first, length.at_most())?,
                start.later(length.on_the_clock())?.latest()?,
                exactly(after_days.standard()?, seconds)?,
            ]
        }
    })
}
