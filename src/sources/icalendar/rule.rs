//! Recurrence rules: which are admitted, and the clock times that they yield.

use std::ops::Range;

use icalendar::RRuleSet;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::Wrong;
use super::lines::Line;
use super::moment::{Moment, Time};
use super::parts::{Fault, Parts};
use super::{values, weekdays};

/// Most starts that are looked at in one file, so that it takes seconds at worst.
pub(crate) const MOST: usize = 2_000_000;

/// One `RRULE`.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// The rule without its end, as the library reads it.
    text: String,
    until: Option<Until>,
    count: Option<usize>,
    /// The first day of its weeks, where the library has to be given the first week whole.
    week_start: Option<Weekday>,
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

impl Rule {
    /// Reads the rule of an event that starts at `start`.
    pub fn read(line: &Line, start: &Time) -> Result<Self, Wrong> {
        let wrong = |message: String, help: &str| Wrong::at(&line.span, "RRULE", message, help);
        let fault = |Fault { message, help }: Fault| wrong(message, help);
        let parts = Parts::read(&line.value).map_err(fault)?;
        let part = |name: &str| parts.get(name);
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
        let interval = parts.positive("INTERVAL").map_err(fault)?.unwrap_or(1);
        let unit = match part("FREQ") {
            Some("HOURLY") => Some(3600),
            Some("DAILY") => Some(24 * 3600),
            Some("WEEKLY") => Some(7 * 24 * 3600),
            Some(_) | None => None,
        };
        let period = unit.and_then(|unit: i64| unit.checked_mul(interval));
        let count = parts.positive("COUNT").map_err(fault)?.and_then(|count| usize::try_from(count).ok());
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
        let mut text = parts.for_library().map_err(fault)?;
        let mut week_start = None;
        if part("FREQ") == Some("WEEKLY") && part("BYSETPOS").is_some() {
            week_start = weekdays::named(part("WKST").unwrap_or("MO"));
            if part("BYDAY").is_none() {
                text = format!("{text};BYDAY={}", weekdays::name(start.moment().civil.weekday()));
            }
        }
        let rule = Self { text, until, count, week_start, period, span: line.span.clone() };
        rule.set(start.moment().civil)?;
        Ok(rule)
    }

    /// Starts of an event that first starts at `first`, from about `from` to about `to` on the same clocks, never fewer.
    /// `left` is how many starts may still be looked at.
    pub fn starts(&self, first: &Time, from: DateTime, to: DateTime, left: &mut usize) -> Result<Vec<DateTime>, Wrong> {
        let to = self.until.and_then(Until::day_after).map_or(to, |last| to.min(last));
        let Moment { civil: first_start, zone } = first.moment();
        let is_within = |civil: DateTime| {
            let moment = Moment { civil, zone: zone.clone() };
            civil >= from && civil <= to && self.until.is_none_or(|until| until.admits(&moment, first))
        };
        let (mut starts, mut counted) = (self.rest_of_the_first_week(*first_start)?, 0);
        starts.retain(|civil| is_within(*civil));
        for civil in self.expanded(self.week_of(self.near(*first_start, from)))? {
            let Some(civil) = civil.filter(|civil| *civil <= to) else { return Ok(starts) };
            let Some(fewer) = left.checked_sub(1) else {
                let message = format!("and the rules before it yield more than {MOST} starts");
                return Err(Wrong::at(&self.span, "RRULE", message, "let the events start later"));
            };
            *left = fewer;
            if civil < *first_start {
                continue;
            }
            if is_within(civil) {
                starts.push(civil);
            }
            counted += 1;
            if self.count == Some(counted) {
                return Ok(starts);
            }
        }
        // The library ends when it has looked for long enough, and does not say so.
        let help = "write a rule that yields starts in every few years";
        Err(Wrong::at(&self.span, "RRULE", "cannot be followed to the end of the time that is asked for", help))
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

    /// The same time on the first day of the week, where positions in that week count: the library takes those of the rest
    /// of the week for them.
    fn week_of(&self, first: DateTime) -> DateTime {
        let days = self.week_start.map_or(0, |start| first.weekday().since(start));
        first.checked_sub(i64::from(days).days()).ok().filter(|moved| moved.year() > 0).unwrap_or(first)
    }

    /// What the rule yields in the first week if positions count in the rest of it. RFC 5545 leaves open what a rule means
    /// that does not yield its own first start, and programs differ: so that is held as well.
    fn rest_of_the_first_week(&self, first: DateTime) -> Result<Vec<DateTime>, Wrong> {
        let week = self.week_of(first);
        let (Some(_), Ok(end)) = (self.week_start, week.checked_add(7.days())) else { return Ok(Vec::new()) };
        if self.expanded(week)?.map_while(|civil| civil.filter(|civil| *civil <= first)).last() == Some(first) {
            return Ok(Vec::new());
        }
        Ok(self.expanded(first)?.map_while(|civil| civil.filter(|civil| *civil < end)).collect())
    }

    /// What the rule yields from `first` on, without its end; none for what cannot be represented.
    fn expanded(&self, first: DateTime) -> Result<impl Iterator<Item = Option<DateTime>>, Wrong> {
        let civil = |seconds| Some(TimeZone::UTC.to_datetime(Timestamp::from_second(seconds).ok()?));
        Ok(self.set(first)?.into_iter().map(move |found| civil(found.timestamp())))
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
