//! Freeze calendars against a second implementation: `recurrences.jsonl`, written by `second_opinion.py`; and their rules
//! against the words of the standard, in `third_opinion.rs`.
//!
//! Our blackouts are the second implementation's instances, to the minute, but for the kinds of [`Difference`]. In each of
//! them ours is the longer blackout, or the one that the other leaves out.

mod third_opinion;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use portal_agent::model::time::ChangeWindow;
use portal_agent::sources::icalendar::{self, ZoneNames};

const TABLE: &str = include_str!("recurrences.jsonl");

#[derive(serde::Deserialize)]
struct Case {
    zone: String,
    from: Timestamp,
    to: Timestamp,
    event: String,
    instances: String,
}

type Span = (Timestamp, Timestamp);

/// How our reading may differ from the other, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// The start is a clock time that is skipped. RFC 5545, 3.3.5, takes the offset before the gap, that is the later
    /// instant; many programs take the other. Ours starts at the earlier and ends no sooner.
    SkippedStart,
    /// Clocks change between start and end, or show the end twice. RFC 5545, 3.8.5.3, keeps the exact duration of a DTEND
    /// or DURATION, 3.3.6 the clock's for days; the other implementation always the clock's, and the first of two ends.
    /// Ours ends at the latest of these.
    LaterEnd,
    /// Clocks change between DTSTART and DTEND themselves. RFC 5545, 3.8.5.3, gives every instance that exact duration, the
    /// other implementation the clock's. Ours ends at the later.
    ExactDurationOfTheFirst,
    /// Two periods of one start. RFC 5545, 3.8.5.3, makes them one instance and does not say which; the other takes the one
    /// that is written last, ours the longer.
    TwoPeriods,
    /// A day that a zone skipped whole. RFC 5545 knows none; the other gives it no length, ours that of the day before.
    SkippedDay,
    /// UNTIL is a date and DTSTART is not, which RFC 5545, 3.3.10, forbids. The other ends with that day's first second in
    /// UTC, ours with the day.
    UntilDay,
    /// UNTIL lies before DTSTART. RFC 5545, 3.8.5.3, has DTSTART be the first instance all the same; the other leaves it out.
    UntilBeforeStart,
    /// The other compares an EXDATE or a RECURRENCE-ID with starts by their digits in UTC and in the zone, whichever match,
    /// and so leaves out a second instance hours away. RFC 5545, 3.8.5.1 and 3.8.4.4, name the instance in the zone alone.
    DigitsTakenForUtc,
    /// A weekly rule picks by position. The other counts in the rest of the first week instead of the whole of it, so that a
    /// DTSTART that the rule does not yield uses up a COUNT.
    RestOfTheFirstWeek,
}

impl Case {
    fn theirs(&self) -> Vec<Span> {
        let read = |instance: &str| {
            let (start, minutes) = instance.split_once('+').unwrap();
            let start = TimeZone::UTC.to_timestamp(start.parse::<DateTime>().unwrap()).unwrap();
            (start, start + SignedDuration::from_mins(minutes.parse().unwrap()))
        };
        self.instances.split_whitespace().map(read).collect()
    }

    fn ours(&self) -> Vec<(String, Span)> {
        let events: String =
            self.event.split("\n\n").map(|event| format!("BEGIN:VEVENT\n{event}\nEND:VEVENT\n")).collect();
        let zone = &self.zone;
        let text = format!("BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-TIMEZONE:{zone}\n{events}END:VCALENDAR\n");
        let horizon = ChangeWindow { start: self.from.into(), end: self.to.into() };
        let read = icalendar::read(Path::new("table.ics"), &text, &ZoneNames::default(), horizon);
        let read = read.unwrap_or_else(|error| panic!("{}\n{error}", self.event));
        let window = |window: ChangeWindow| (window.start.timestamp(), window.end.timestamp());
        read.iter().map(|blackout| (blackout.id.to_string(), window(blackout.window))).collect()
    }

    /// Changes of the zone's clocks after `from` and up to `to`, in seconds.
    fn changes(&self, from: Timestamp, to: Timestamp) -> Vec<i32> {
        let zone = TimeZone::get(&self.zone).unwrap();
        let before = from - SignedDuration::from_secs(1);
        let offsets = std::iter::once(zone.to_offset(before))
            .chain(zone.following(before).take_while(|change| change.timestamp() <= to).map(|change| change.offset()))
            .collect::<Vec<_>>();
        offsets.windows(2).map(|pair| pair[1].seconds() - pair[0].seconds()).filter(|change| *change != 0).collect()
    }

    /// Why ours may stand for theirs, if it may.
    fn explained(&self, ours: Span, theirs: Span) -> Option<Difference> {
        let later = ours.1.duration_since(theirs.1).as_secs();
        let earlier = theirs.0.duration_since(ours.0).as_secs();
        if earlier < 0 || later < 0 {
            return None;
        }
        if theirs.0 == theirs.1 && self.event.contains("VALUE=DATE:") {
            return (self.changes(ours.0, theirs.1) == [86_400]).then_some(Difference::SkippedDay);
        }
        let changed: i64 = self.changes(ours.0, ours.1).iter().map(|change| i64::from(change.abs())).sum();
        if earlier > 0 {
            let gap = self.changes(ours.0, theirs.0);
            let same = gap.len() == 1 && i64::from(gap[0]) == earlier;
            return (same && later <= changed).then_some(Difference::SkippedStart);
        }
        if later > 0 && later <= changed {
            return Some(Difference::LaterEnd);
        }
        let periods = self.event.lines().filter_map(|line| Some(line.split_once('/')?.0));
        let mut seen = BTreeSet::new();
        if later > 0 && periods.into_iter().any(|period| !seen.insert(period)) {
            return Some(Difference::TwoPeriods);
        }
        let (first, last) = (self.written("DTSTART")?, self.written("DTEND")?);
        let changed: i64 = self.changes(first, last).iter().map(|change| i64::from(change.abs())).sum();
        (later > 0 && later <= changed).then_some(Difference::ExactDurationOfTheFirst)
    }

    /// The instant of a property of the event itself that is written in the case's zone.
    fn written(&self, property: &str) -> Option<Timestamp> {
        let line = self.event.split("\n\n").next()?.lines().find(|line| line.starts_with(property))?;
        let local = DateTime::strptime("%Y%m%dT%H%M%S", line.rsplit_once(':')?.1).ok()?;
        TimeZone::get(&self.zone).unwrap().to_timestamp(local).ok()
    }

    /// Why the other may leave ours out, if it may.
    fn left_out(&self, id: &str, ours: Span) -> Option<Difference> {
        let zoned = self.event.contains("DTSTART;TZID=");
        let zone = TimeZone::get(&self.zone).unwrap();
        let digits = |text: &str| DateTime::strptime("%Y%m%dT%H%M%S", text.trim_end_matches('Z')).ok();
        let start = id.rsplit_once('.').and_then(|(_, instance)| digits(instance));
        let mut named = self
            .event
            .lines()
            .filter(|line| line.starts_with("EXDATE;TZID=") || line.starts_with("RECURRENCE-ID;TZID="))
            .filter_map(|line| digits(line.rsplit_once(':')?.1));
        if let Some(utc) = start.filter(|_| zoned) {
            let local = zone.to_datetime(TimeZone::UTC.to_timestamp(utc).unwrap());
            let in_utc = |there| TimeZone::UTC.to_datetime(zone.to_timestamp(there).unwrap());
            if named.any(|there| there == utc || in_utc(there) == local) {
                return Some(Difference::DigitsTakenForUtc);
            }
        }
        let until = self.event.split("UNTIL=").nth(1).unwrap_or_default();
        let until = until.split([';', '\n']).next().unwrap_or_default();
        let day = zone.to_datetime(ours.0).date().strftime("%Y%m%d").to_string();
        if zoned && until.len() == 8 && day == until {
            return Some(Difference::UntilDay);
        }
        let until = digits(until).map(|until| TimeZone::UTC.to_timestamp(until).unwrap());
        if until < Some(ours.0) && self.written("DTSTART") == Some(ours.0) {
            return Some(Difference::UntilBeforeStart);
        }
        let has = |part| self.event.contains(part);
        (has("FREQ=WEEKLY") && has("BYSETPOS=") && has("COUNT=")).then_some(Difference::RestOfTheFirstWeek)
    }
}

fn cases() -> Vec<Case> {
    TABLE.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn no_blackout_is_missing_or_shorter_and_every_longer_one_is_explained() {
    let (mut same, mut found) = (0, BTreeMap::<Difference, usize>::new());
    for case in cases() {
        let (mut ours, mut theirs) = (case.ours(), case.theirs());
        // Equal ones first, so that a difference is never between two that have their equals.
        ours.retain(|(_, span)| {
            let equal = theirs.iter().position(|other| other == span);
            equal.map(|at| theirs.remove(at)).inspect(|_| same += 1).is_none()
        });
        let all = case.ours();
        let mut used = BTreeSet::new();
        for other in theirs {
            let mut candidates = ours.iter().chain(&all);
            let explained = candidates.find_map(|(id, span)| Some((id, case.explained(*span, other)?)));
            match explained {
                Some((id, why)) => {
                    used.insert(id.clone());
                    *found.entry(why).or_default() += 1;
                }
                // What the margin of a day holds beside the horizon is there for the pairs above alone.
                None => assert!(
                    other.1 <= case.from || case.to <= other.0,
                    "missing: {other:?}\n{}\n{:?} {}\n{all:?}",
                    case.event,
                    (case.from, case.to),
                    case.zone
                ),
            }
        }
        for (id, span) in ours.iter().filter(|(id, _)| !used.contains(id)) {
            let why = case.left_out(id, *span);
            let why = why.unwrap_or_else(|| panic!("{id} {span:?} is ours alone in {}\n{}", case.zone, case.event));
            *found.entry(why).or_default() += 1;
        }
    }
    let expected = BTreeMap::from([
        (Difference::SkippedStart, 35),
        (Difference::LaterEnd, 71),
        (Difference::ExactDurationOfTheFirst, 14),
        (Difference::TwoPeriods, 1),
        (Difference::SkippedDay, 1),
        (Difference::UntilDay, 4),
        (Difference::UntilBeforeStart, 1),
        (Difference::DigitsTakenForUtc, 12),
        (Difference::RestOfTheFirstWeek, 1),
    ]);
    assert_eq!((same, found), (11_947, expected));
}

#[test]
fn the_table_holds_every_kind_of_recurrence() {
    let cases = cases();
    assert!(cases.len() >= 2_000, "{}", cases.len());
    for kind in [
        "FREQ=HOURLY",
        "FREQ=DAILY",
        "FREQ=WEEKLY",
        "FREQ=MONTHLY",
        "FREQ=YEARLY",
        "INTERVAL=",
        "BYDAY=-1FR",
        "BYDAY=2TU",
        "BYMONTHDAY=-1",
        "BYMONTHDAY=31",
        "BYMONTH=",
        "BYSETPOS=",
        "BYYEARDAY=",
        "BYHOUR=",
        "WKST=",
        "COUNT=",
        "UNTIL=",
        "EXDATE",
        "RDATE",
        "VALUE=PERIOD",
        "RECURRENCE-ID",
        "STATUS:CANCELLED",
        "VALUE=DATE",
        "DURATION:",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/Havana",
        "Asia/Kolkata",
        "Africa/Nairobi",
    ] {
        let count = cases.iter().filter(|case| case.event.contains(kind)).count();
        assert!(count >= 5, "{kind}: {count}");
    }
}
