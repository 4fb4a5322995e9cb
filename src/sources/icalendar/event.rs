//! One `VEVENT`, read: when it first starts, how long it lasts, what repeats it.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::civil;
use jiff::tz::TimeZone;

use super::Wrong;
use super::calendar::Component;
use super::lines::Line;
use super::moment::{Key, Moment, Time};
use super::rule::Rule;
use super::values::{self, Duration};
use super::zones::Zones;

/// An event, or one instance of it that was moved or cancelled.
#[derive(Debug)]
pub struct Event {
    /// Where it begins.
    pub span: Range<usize>,
    /// What joins an event and its instances.
    pub uid: String,
    /// Its `X-BLACKOUT-ID`.
    pub name: Option<String>,
    /// The instance that it stands in for.
    pub instead_of: Option<Key>,
    /// When it holds; nothing when it is cancelled.
    pub course: Option<Course>,
    /// Its categories.
    pub kinds: Vec<String>,
    /// Its `X-BLACKOUT-ADMITS`.
    pub admits: Vec<String>,
    /// Its `X-BLACKOUT-ENVIRONMENTS`.
    pub environments: Vec<String>,
}

/// When an event holds.
#[derive(Debug)]
pub struct Course {
    /// Its first start.
    pub start: Time,
    /// How long every instance lasts.
    pub length: Length,
    /// Rules that repeat it.
    pub rules: Vec<Rule>,
    /// Further starts, with a length of their own when they are periods.
    pub further: Vec<(Time, Option<Length>)>,
    /// Starts taken out.
    pub except: BTreeSet<Key>,
}

impl Course {
    /// Whether it has instances beside its first start.
    pub(crate) fn recurs(&self) -> bool {
        !self.rules.is_empty() || !self.further.is_empty()
    }
}

/// How long an instance lasts.
#[derive(Debug, Clone, Copy)]
pub enum Length {
    /// A `DURATION`; for whole days it has days alone.
    Duration(Duration),
    /// Up to an end that was written for the first instance: so many seconds in truth, and so many on the clock.
    End {
        /// In truth.
        exact: i64,
        /// On the clock.
        clock: i64,
    },
}

/// Reads an event.
pub fn read(component: &Component, zones: &Zones<'_>) -> Result<Event, Wrong> {
    let reader = Reader { component, zones };
    let uid = reader.one("UID")?.map(|line| line.value.trim().to_owned()).filter(|uid| !uid.is_empty());
    let uid = uid.ok_or_else(|| reader.missing("UID", "give every event a UID of its own"))?;
    let instead_of = match reader.one("RECURRENCE-ID")? {
        Some(line) => Some((line, reader.instance(line)?)),
        None => None,
    };
    let status = reader.one("STATUS")?.map(|line| line.value.trim().to_ascii_uppercase());
    let course = if status.as_deref() == Some("CANCELLED") { None } else { Some(reader.course()?) };
    if let (Some((line, _)), Some(course)) = (&instead_of, &course)
        && course.recurs()
    {
        let message = "a single instance repeats itself";
        return Err(Wrong::at(&line.span, "RECURRENCE-ID", message, "leave RRULE and RDATE to the event itself"));
    }
    Ok(Event {
        span: component.begin.clone(),
        uid,
        name: reader.one("X-BLACKOUT-ID")?.map(|line| line.value.trim().to_owned()),
        instead_of: instead_of.map(|(_, key)| key),
        course,
        kinds: reader.texts("CATEGORIES"),
        admits: reader.texts("X-BLACKOUT-ADMITS"),
        environments: reader.texts("X-BLACKOUT-ENVIRONMENTS"),
    })
}

struct Reader<'a> {
    component: &'a Component,
    zones: &'a Zones<'a>,
}

impl<'a> Reader<'a> {
    fn all(&self, name: &str) -> impl Iterator<Item = &'a Line> {
        self.component.lines.iter().filter(move |line| line.name == name)
    }

    fn one(&self, name: &str) -> Result<Option<&'a Line>, Wrong> {
        let mut found = self.all(name);
        let first = found.next();
        match found.next() {
            Some(second) => Err(Wrong::at(&second.span, name, "stands here twice", "write it once")),
            None => Ok(first),
        }
    }

    fn missing(&self, name: &str, help: &str) -> Wrong {
        Wrong::at(&self.component.begin, name, format!("the event has no {name}"), help)
    }

    fn texts(&self, name: &str) -> Vec<String> {
        self.all(name).flat_map(|line| values::texts(&line.value)).collect()
    }

    fn instance(&self, line: &Line) -> Result<Key, Wrong> {
        if let Some(range) = line.parameter("RANGE") {
            let help = "end the event before the change, and publish what follows as an event of its own";
            return Err(Wrong::at(&line.span, "RECURRENCE-ID", format!("RANGE={range} is not read"), help));
        }
        self.key(&self.time(line)?, line)
    }

    fn course(&self) -> Result<Course, Wrong> {
        let line = self.one("DTSTART")?;
        let line = line.ok_or_else(|| self.missing("DTSTART", "say when the freeze starts"))?;
        let start = self.time(line)?;
        let length = self.length(&start)?;
        if let Some(rule) = self.all("EXRULE").next() {
            let message = "is deprecated and is not read";
            return Err(Wrong::at(&rule.span, "EXRULE", message, "write the exceptions as EXDATE"));
        }
        let rules = self.all("RRULE").map(|line| Rule::read(line, &start)).collect::<Result<_, _>>()?;
        let mut further = Vec::new();
        for line in self.all("RDATE") {
            for text in line.value.trim().split(',') {
                further.push(self.further(line, text, &start)?);
            }
        }
        let mut except = BTreeSet::new();
        for line in self.all("EXDATE") {
            for text in line.value.trim().split(',') {
                let named = self.key(&self.time_of(line, text)?, line)?;
                let key = start.instance(named).ok_or_else(|| self.unlike(line, &start))?;
                except.insert(key);
            }
        }
        Ok(Course { start, length, rules, further, except })
    }

    fn further(&self, line: &Line, text: &str, first: &Time) -> Result<(Time, Option<Length>), Wrong> {
        let wrong = |message: &str| Wrong::at(&line.span, "RDATE", message, "write START/END or START/DURATION");
        let period = line.parameter("VALUE").is_some_and(|kind| kind.eq_ignore_ascii_case("PERIOD"));
        match text.split_once('/') {
            Some((start, end)) if period => {
                let start = self.alike(self.time_of(line, start)?, line, first)?;
                let length = match values::duration(end) {
                    Some(duration) => Length::Duration(duration),
                    None => between(&start, &self.time_of(line, end)?).ok_or_else(|| wrong("ends before it starts"))?,
                };
                self.lasts(length, line)?;
                Ok((start, Some(length)))
            }
            None if !period => Ok((self.alike(self.time_of(line, text)?, line, first)?, None)),
            Some(_) | None => Err(wrong("is not the kind of value that it says")),
        }
    }

    fn length(&self, start: &Time) -> Result<Length, Wrong> {
        let (length, line) = match (self.one("DTEND")?, self.one("DURATION")?) {
            (Some(end), None) => {
                // Read in the calendar's own zone, such an end could come hours too early.
                let begins = self.one("DTSTART")?;
                if begins.is_some_and(|begins| is_floating(begins) != is_floating(end)) {
                    let message = "one of DTSTART and DTEND has a zone, and the other has none";
                    return Err(Wrong::at(&end.span, "DTEND", message, "write both with a zone, or both without"));
                }
                let time = self.alike(self.time(end)?, end, start)?;
                if let (Time::Day(first), Time::Day(last)) = (start, &time)
                    && first.civil == last.civil
                {
                    // Some publishers write the last day itself, and not the one after it.
                    return Ok(Length::Duration(Duration { days: 1, seconds: 0 }));
                }
                let help = "write an end after the start";
                let length = between(start, &time);
                (length.ok_or_else(|| Wrong::at(&end.span, "DTEND", "the event ends before it starts", help))?, end)
            }
            (None, Some(line)) => {
                let help = "write a duration such as PT8H or P2D";
                let wrong = |message| Wrong::at(&line.span, "DURATION", message, help);
                let duration = values::duration(line.value.trim()).ok_or_else(|| wrong("is no duration"))?;
                if duration.seconds != 0 && matches!(start, Time::Day(_)) {
                    return Err(wrong("gives hours to an event of whole days"));
                }
                (Length::Duration(duration), line)
            }
            (Some(_), Some(line)) => {
                let message = "the event has both DTEND and DURATION";
                return Err(Wrong::at(&line.span, "DURATION", message, "say in one way when it ends"));
            }
            (None, None) => match start {
                Time::Day(_) => return Ok(Length::Duration(Duration { days: 1, seconds: 0 })),
                Time::At(_) => return Err(self.missing("DTEND", "say when the freeze ends")),
            },
        };
        self.lasts(length, line)?;
        Ok(length)
    }

    fn lasts(&self, length: Length, line: &Line) -> Result<(), Wrong> {
        match length {
            Length::Duration(Duration { days: 0, seconds: 0 }) => {
                Err(Wrong::at(&line.span, &line.name, "lasts no time at all", "write an end after the start"))
            }
            Length::Duration(_) | Length::End { .. } => Ok(()),
        }
    }

    fn key(&self, time: &Time, line: &Line) -> Result<Key, Wrong> {
        let help = "write a time between the years 1 and 9999";
        time.key().ok_or_else(|| Wrong::at(&line.span, &line.name, "is out of range", help))
    }

    fn alike(&self, time: Time, line: &Line, start: &Time) -> Result<Time, Wrong> {
        if time.is_like(start) {
            return Ok(time);
        }
        Err(self.unlike(line, start))
    }

    fn unlike(&self, line: &Line, start: &Time) -> Wrong {
        let message = match start {
            Time::Day(_) => "is a time of day; DTSTART is a date",
            Time::At(_) => "is a date; DTSTART is a time of day",
        };
        Wrong::at(&line.span, &line.name, message, "write both as dates, or both as times")
    }

    fn time(&self, line: &Line) -> Result<Time, Wrong> {
        self.time_of(line, line.value.trim())
    }

    /// Reads one date or time of the property `line`.
    fn time_of(&self, line: &Line, text: &str) -> Result<Time, Wrong> {
        let wrong = |message: String| {
            let help = "write 20261224, 20261224T180000Z, or TZID=Europe/Berlin:20261224T180000";
            Wrong::at(&line.span, &line.name, message, help)
        };
        let kind = line.parameter("VALUE").map(str::to_ascii_uppercase);
        let zone = line.parameter("TZID");
        if let (Some(date), None | Some("DATE")) = (values::date(text), kind.as_deref()) {
            if zone.is_some() {
                return Err(wrong("is a date and has a TZID".into()));
            }
            let zone = self.zones.home(line)?;
            return Ok(Time::Day(Moment { civil: date.to_datetime(civil::Time::midnight()), zone }));
        }
        let kinds = matches!(kind.as_deref(), None | Some("DATE-TIME" | "PERIOD"));
        let (civil, utc) = values::date_time(text)
            .filter(|_| kinds)
            .ok_or_else(|| wrong(format!("{text:?} is no {}", kind.as_deref().unwrap_or("date or time"))))?;
        let zone = match (zone, utc) {
            (None, true) => TimeZone::UTC,
            (None, false) => self.zones.home(line)?,
            (Some(name), false) => self.zones.find(name, line)?,
            (Some(name), true) => return Err(wrong(format!("is in UTC and in zone {name}"))),
        };
        let moment = Moment { civil, zone };
        if moment.earliest().is_none() {
            return Err(wrong("is out of range".into()));
        }
        Ok(Time::At(moment))
    }
}

/// From `start` to `end`; none when that is no time at all.
fn between(start: &Time, end: &Time) -> Option<Length> {
    let (start, end) = (start.moment(), end.moment());
    let (from, to) = (start.standard()?, end.standard()?);
    let exact = to.duration_since(from).as_secs();
    let here = if start.zone == end.zone { end.civil } else { start.zone.to_datetime(to) };
    let clock = here.duration_since(start.civil).as_secs();
    // One of the two may be none where clocks are put forward or back between them.
    let forward = if start.zone == end.zone { clock > 0 } else { exact > 0 };
    forward.then_some(Length::End { exact, clock })
}

/// Whether a time of day says neither its zone nor that it is UTC.
fn is_floating(line: &Line) -> bool {
    let of_day = values::date_time(line.value.trim());
    line.parameter("TZID").is_none() && of_day.is_some_and(|(_, utc)| !utc)
}
