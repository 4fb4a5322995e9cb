//! Recurrence rules: which are admitted, and the clock times that they yield.

use std::ops::Range;

use icalendar::RRuleSet;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::Wrong;
use super::lines::Line;
use super::moment::{Moment, Time};
use super::values;

/// Most starts that are looked at in one file, so that it takes seconds at worst.
pub const MOST: usize = 2_000_000;

/// One `RRULE`.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The rule without its `UNTIL`.
    text: String,
    until: Option<Until>,
    count: Option<usize>,
    /// Seconds on the clock between its periods, where these are of equal length.
    period: Option<i64>,
    span: Range<usize>,
}

/// The last start that a rule admits.
#[derive(Debug, Clone, Copy)]
enum Until {
    Instant(Timestamp),
    Clock(DateTime),
    Day(Date),
}

const PARTS: [&str; 14] = [
    "FREQ",
    "UNTIL",
    "COUNT",
    "INTERVAL",
    "BYSECOND",
    "BYMINUTE",
    "BYHOUR",
    "BYDAY",
    "BYMONTHDAY",
    "BYYEARDAY",
    "BYWEEKNO",
    "BYMONTH",
    "BYSETPOS",
    "WKST",
];

impl Rule {
    /// Reads the rule of an event that starts at `start`.
    pub fn read(line: &Line, start: &Time) -> Result<Self, Wrong> {
        let wrong = |message: String, help: &str| Wrong::at(&line.span, "RRULE", message, help);
        let mut parts: Vec<(String, String)> = Vec::new();
        for part in line.value.trim().split(';') {
            let Some((name, value)) = part.split_once('=') else {
                return Err(wrong(format!("{part:?} is no part of a rule"), "write NAME=VALUE between semicolons"));
            };
            let name = name.to_ascii_uppercase();
            if !PARTS.contains(&name.as_str()) {
                return Err(wrong(format!("{name} is not read"), "write the rule with the parts of RFC 5545"));
            }
            if parts.iter().any(|(found, _)| *found == name) {
                return Err(wrong(format!("{name} stands in it twice"), "write each part once"));
            }
            parts.push((name, value.to_ascii_uppercase()));
        }
        let part = |name: &str| parts.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let whole = matches!(start, Time::Day(_));
        let by_time = ["BYHOUR", "BYMINUTE", "BYSECOND"].iter().any(|name| part(name).is_some());
        match part("FREQ") {
            Some("YEARLY" | "MONTHLY" | "WEEKLY" | "DAILY") if whole && by_time => {
                return Err(wrong(
                    "names times of day of an event of whole days".into(),
                    "leave out BYHOUR and the like",
                ));
            }
            Some("YEARLY" | "MONTHLY" | "WEEKLY" | "DAILY") => {}
            Some("HOURLY") if !whole => {}
            Some("HOURLY") => return Err(wrong("repeats whole days by the hour".into(), "repeat it daily")),
            Some(finer @ ("MINUTELY" | "SECONDLY")) => {
                return Err(wrong(format!("{finer} is finer than a freeze can be"), "repeat it hourly, or less often"));
            }
            Some(other) => {
                return Err(wrong(format!("{other} is no frequency"), "write FREQ=DAILY, WEEKLY or the like"));
            }
            None => return Err(wrong("has no frequency".into(), "write FREQ=DAILY, WEEKLY or the like")),
        }
        let numbered = part("BYDAY").is_some_and(|days| days.contains(|c: char| c.is_ascii_digit()));
        let counts_days =
            part("FREQ") == Some("MONTHLY") || part("FREQ") == Some("YEARLY") && part("BYWEEKNO").is_none();
        if numbered && !counts_days {
            let help = "write BYDAY without numbers, or FREQ=MONTHLY or YEARLY without BYWEEKNO";
            return Err(wrong("numbers weekdays where there is nothing to count them in".into(), help));
        }
        let positive = |name: &str| match part(name).map(values::digits) {
            None => Ok(None),
            Some(Some(number)) if number > 0 => Ok(usize::try_from(number).ok()),
            Some(_) => Err(wrong(format!("{name} is no positive number"), "write a number from 1")),
        };
        let interval = positive("INTERVAL")?.map_or(Some(1), |interval| i64::try_from(interval).ok());
        let unit = match part("FREQ") {
            Some("HOURLY") => Some(3600),
            Some("DAILY") => Some(24 * 3600),
            Some("WEEKLY") => Some(7 * 24 * 3600),
            Some(_) | None => None,
        };
        let period = unit.and_then(|unit: i64| unit.checked_mul(interval?));
        let count = positive("COUNT")?;
        let until = match part("UNTIL") {
            None => None,
            Some(_) if count.is_some() => {
                return Err(wrong("has both COUNT and UNTIL".into(), "end the rule in one way"));
            }
            Some(text) => {
                let read = Until::read(text);
                Some(read.ok_or_else(|| wrong(format!("UNTIL {text:?} is no time"), "write 20261231T235959Z"))?)
            }
        };
        let text = parts.iter().filter(|(name, _)| name != "UNTIL").map(|(name, value)| format!("{name}={value}"));
        let rule = Self { text: text.collect::<Vec<_>>().join(";"), until, count, period, span: line.span.clone() };
        rule.set(start.moment().civil)?;
        Ok(rule)
    }

    /// Starts of an event that first starts at `first`, from about `from` to about `to` on the same clocks, never fewer.
    /// `left` is how many starts may still be looked at.
    pub fn starts(&self, first: &Time, from: DateTime, to: DateTime, left: &mut usize) -> Result<Vec<DateTime>, Wrong> {
        let to = self.until.and_then(Until::day_after).map_or(to, |last| to.min(last));
        let zone = &first.moment().zone;
        let (mut starts, mut seen) = (Vec::new(), 0);
        for found in self.set(self.near(first.moment().civil, from))?.into_iter() {
            let civil = Timestamp::from_second(found.timestamp()).ok().map(|at| TimeZone::UTC.to_datetime(at));
            let Some(civil) = civil.filter(|civil| *civil <= to) else { return Ok(starts) };
            seen += 1;
            let Some(fewer) = left.checked_sub(1) else {
                let message = format!("and the rules before it yield more than {MOST} starts");
                return Err(Wrong::at(&self.span, "RRULE", message, "let the events start later"));
            };
            *left = fewer;
            let moment = Moment { civil, zone: zone.clone() };
            if civil >= from && self.until.is_none_or(|until| until.admits(&moment, first)) {
                starts.push(civil);
            }
        }
        // The library also ends when it has looked for long enough, and does not say so.
        match self.count {
            Some(count) if count == seen => Ok(starts),
            Some(_) | None => {
                let help = "write a rule that yields starts in every few years";
                Err(Wrong::at(&self.span, "RRULE", "cannot be followed to the end of the time that is asked for", help))
            }
        }
    }

    /// A start of the same phase shortly before `from`: what a rule yields there depends on its first start by that alone,
    /// unless it counts.
    fn near(&self, first: DateTime, from: DateTime) -> DateTime {
        let (Some(period), None) = (self.period, self.count) else { return first };
        // Two periods earlier, so that the first one is whole.
        let periods = from.duration_since(first).as_secs() / period - 2;
        let moved = periods.checked_mul(period).filter(|seconds| *seconds > 0);
        moved.and_then(|seconds| first.checked_add(SignedDuration::from_secs(seconds)).ok()).unwrap_or(first)
    }

    /// The rule on clocks that are never changed: in UTC, which stands for any zone.
    fn set(&self, first: DateTime) -> Result<RRuleSet, Wrong> {
        let text = format!("DTSTART:{}Z\nRRULE:{}", first.strftime("%Y%m%dT%H%M%S"), self.text);
        let help = "write a rule as in RFC 5545, section 3.3.10";
        let set: RRuleSet =
            text.parse().map_err(|error| Wrong::at(&self.span, "RRULE", format!("is not read: {error}"), help))?;
        Ok(set.limit())
    }
}

impl Until {
    fn read(text: &str) -> Option<Self> {
        if let Some(day) = values::date(text) {
            return Some(Self::Day(day));
        }
        match values::date_time(text)? {
            (civil, true) => TimeZone::UTC.to_timestamp(civil).ok().map(Self::Instant),
            (civil, false) => Some(Self::Clock(civil)),
        }
    }

    /// Whether an event may still start at `moment`. Where the standard forbids the combination, the later end counts.
    fn admits(self, moment: &Moment, first: &Time) -> bool {
        match (self, first) {
            (Self::Instant(last), Time::At(_)) => moment.earliest().is_some_and(|start| start <= last),
            (Self::Instant(last), Time::Day(_)) => {
                let (here, utc) = (moment.zone.to_datetime(last).date(), TimeZone::UTC.to_datetime(last).date());
                moment.civil.date() <= here.max(utc)
            }
            (Self::Clock(last), Time::At(_)) => moment.civil <= last,
            (Self::Clock(last), Time::Day(_)) => moment.civil.date() <= last.date(),
            (Self::Day(last), Time::At(_) | Time::Day(_)) => moment.civil.date() <= last,
        }
    }

    /// A clock time, in any zone, by which it is over.
    fn day_after(self) -> Option<DateTime> {
        let last = match self {
            Self::Instant(last) => TimeZone::UTC.to_datetime(last),
            Self::Clock(last) => last,
            Self::Day(last) => last.to_datetime(jiff::civil::Time::midnight()),
        };
        last.checked_add(3.days()).ok()
    }
}
