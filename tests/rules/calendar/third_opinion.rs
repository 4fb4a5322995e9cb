//! Recurrence rules against RFC 5545, 3.3.10, taken by its words: which days and hours of a range satisfy every part?
//!
//! It knows no masks and jumps nowhere: it asks of every day and hour of the range, sorts those that satisfy the parts into the
//! periods of the rule, picks by position, and counts. The other implementations are of one descent, and their mistakes are alike.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::{Date, DateTime, Weekday, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use portal_agent::model::time::ChangeWindow;
use portal_agent::sources::icalendar::{self, ZoneNames};

const NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// A rule, as parts that are there or not.
#[derive(Debug, Clone, Default)]
struct Plain {
    frequency: &'static str,
    interval: i64,
    count: Option<usize>,
    months: Vec<i64>,
    year_days: Vec<i64>,
    month_days: Vec<i64>,
    /// The number, 0 for every one, and the weekday from Monday.
    weekdays: Vec<(i64, i64)>,
    hours: Vec<i64>,
    positions: Vec<i64>,
    week_start: i64,
}

fn listed(values: &[i64]) -> String {
    values.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

impl Plain {
    fn text(&self) -> String {
        let mut text = format!("FREQ={};INTERVAL={}", self.frequency, self.interval);
        let weekday = |(number, day): &(i64, i64)| match number {
            0 => NAMES[*day as usize].to_owned(),
            number => format!("{number}{}", NAMES[*day as usize]),
        };
        for (name, values) in [
            ("BYMONTH", listed(&self.months)),
            ("BYYEARDAY", listed(&self.year_days)),
            ("BYMONTHDAY", listed(&self.month_days)),
            ("BYDAY", self.weekdays.iter().map(weekday).collect::<Vec<_>>().join(",")),
            ("BYHOUR", listed(&self.hours)),
            ("BYSETPOS", listed(&self.positions)),
            ("COUNT", self.count.map_or_else(String::new, |count| count.to_string())),
        ] {
            if !values.is_empty() {
                text += &format!(";{name}={values}");
            }
        }
        format!("{text};WKST={}", NAMES[self.week_start as usize])
    }

    /// The period that holds `at`, counted from any fixed one.
    fn period(&self, at: DateTime) -> i64 {
        let days = i64::from((at.date() - date(1970, 1, 5)).get_days());
        match self.frequency {
            "YEARLY" => i64::from(at.year()),
            "MONTHLY" => i64::from(at.year()) * 12 + i64::from(at.month()),
            // The fifth of January 1970 is a Monday.
            "WEEKLY" => (days - self.week_start).div_euclid(7),
            "DAILY" => days,
            "HOURLY" => days * 24 + i64::from(at.hour()),
            other => panic!("{other}"),
        }
    }

    /// Whether `at` satisfies every part; what no part says is taken from `start`.
    fn holds(&self, at: DateTime, start: DateTime) -> bool {
        let hour = if self.hours.is_empty() {
            self.frequency == "HOURLY" || at.hour() == start.hour()
        } else {
            self.hours.contains(&i64::from(at.hour()))
        };
        if !hour {
            return false;
        }
        let (day, first) = (at.date(), start.date());
        let from_either_end = |parts: &[i64], number: i64, length: i64| {
            parts.is_empty() || parts.contains(&number) || parts.contains(&(number - length - 1))
        };
        let (of_month, month) = (i64::from(day.day()), i64::from(day.days_in_month()));
        let (of_year, year) = (i64::from(day.day_of_year()), i64::from(day.days_in_year()));
        let days_are_named = !(self.year_days.is_empty() && self.month_days.is_empty() && self.weekdays.is_empty());
        let named = match self.frequency {
            _ if days_are_named => true,
            "YEARLY" if self.months.is_empty() => (day.month(), day.day()) == (first.month(), first.day()),
            "YEARLY" | "MONTHLY" => day.day() == first.day(),
            "WEEKLY" => day.weekday() == first.weekday(),
            _ => true,
        };
        let in_month = self.frequency == "MONTHLY" || !self.months.is_empty();
        let (place, length) = if in_month { (of_month, month) } else { (of_year, year) };
        let weekday = i64::from(day.weekday().to_monday_zero_offset());
        let is_weekday = |(number, name): &(i64, i64)| {
            let forward = (place - 1) / 7 + 1;
            let backward = -((length - place) / 7 + 1);
            *name == weekday && (*number == 0 || *number == forward || *number == backward)
        };
        let in_year = self.months.is_empty() || self.months.contains(&i64::from(day.month()));
        named
            && in_year
            && from_either_end(&self.year_days, of_year, year)
            && from_either_end(&self.month_days, of_month, month)
            && (self.weekdays.is_empty() || self.weekdays.iter().any(is_weekday))
    }

    /// Its starts from `start` on and before `end`.
    fn starts(&self, start: DateTime, end: Date) -> Vec<DateTime> {
        let mut periods: BTreeMap<i64, Vec<DateTime>> = BTreeMap::new();
        // A year before, so that the period of the first start is whole; and after, for that of the last.
        let (first, from) = (self.period(start), date(start.year() - 1, 1, 1));
        // Hours that could not hold are passed over for speed alone.
        let any = self.frequency == "HOURLY" || !self.hours.is_empty();
        let hours = if any { 0..24 } else { start.hour()..start.hour() + 1 };
        for day in from.series(1.day()).take_while(|day| *day < date(end.year() + 2, 1, 1)) {
            for hour in hours.clone() {
                let at = day.at(hour, start.minute(), 0, 0);
                let apart = self.period(at) - first;
                if apart % self.interval == 0 && self.holds(at, start) {
                    periods.entry(apart).or_default().push(at);
                }
            }
        }
        let picked = periods.into_values().flat_map(|found| {
            let length = found.len() as i64;
            let is_picked = |at: &usize| {
                let position = *at as i64 + 1;
                let both = [position, position - length - 1];
                self.positions.is_empty() || both.iter().any(|position| self.positions.contains(position))
            };
            (0..found.len()).filter(is_picked).map(|at| found[at]).collect::<Vec<_>>()
        });
        let counted = picked.filter(|at| *at >= start).take(self.count.unwrap_or(usize::MAX));
        counted.take_while(|at| at.date() < end).collect()
    }
}

/// What our reader makes of a rule: whole hours in UTC.
fn ours(rule: &str, start: DateTime, end: Date) -> Result<Vec<DateTime>, String> {
    let text = format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:y\nDTSTART:{}Z\nDURATION:PT1H\nRRULE:{rule}\nEND:VEVENT\nEND:VCALENDAR\n",
        start.strftime("%Y%m%dT%H%M%S")
    );
    let instant = |civil: DateTime| -> Timestamp { TimeZone::UTC.to_timestamp(civil).unwrap() };
    let horizon = ChangeWindow {
        start: instant(start).into(),
        end: instant(end.to_datetime(jiff::civil::Time::midnight())).into(),
    };
    let read = icalendar::read(Path::new("third.ics"), &text, &ZoneNames::default(), horizon);
    let read = read.map_err(|error| error.to_string())?;
    Ok(read.iter().map(|blackout| TimeZone::UTC.to_datetime(blackout.window.start.timestamp())).collect())
}

/// Pseudo-random numbers, the same in every run (SplitMix64).
struct Draw(u64);

impl Draw {
    fn number(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.number(100) < percent
    }

    /// From one to `most` of `from`.
    fn some(&mut self, from: &[i64], most: usize) -> Vec<i64> {
        let mut found: Vec<i64> = (0..=self.number(most)).map(|_| from[self.number(from.len())]).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn rule(&mut self) -> (Plain, DateTime, Date) {
        let frequency =
            ["MONTHLY", "YEARLY", "MONTHLY", "YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"][self.number(8)];
        let mut rule = Plain { frequency, interval: 1, ..Plain::default() };
        if self.chance(35) {
            rule.interval = 2 + self.number(4) as i64;
        }
        rule.week_start = [0, 6, 2][self.number(3)];
        let counts = frequency == "MONTHLY" || frequency == "YEARLY";
        if self.chance(35) {
            rule.months = self.some(&(1..=12).collect::<Vec<_>>(), 4);
        }
        if frequency == "YEARLY" && self.chance(25) {
            rule.year_days = self.some(&[1, 59, 60, 61, 100, 200, 365, 366, -1, -2, -306, -307, -365, -366], 5);
        }
        if frequency != "WEEKLY" && self.chance(30) {
            rule.month_days =
                self.some(&[1, 2, 7, 8, 13, 15, 28, 29, 30, 31, -1, -2, -3, -7, -15, -28, -29, -30, -31], 8);
        }
        if self.chance(if counts { 70 } else { 40 }) {
            let numbers: &[i64] = match (frequency, rule.months.is_empty()) {
                ("YEARLY", true) => &[1, 2, 10, 20, 52, 53, -1, -2, -30, -52],
                ("YEARLY", false) => &[1, 2, 3, 4, 5, -1, -2, -4, -5],
                ("MONTHLY", _) => &[1, 2, 3, 4, 5, -1, -2, -3, -4],
                _ => &[0],
            };
            for _ in 0..=self.number(4) {
                let number = if self.chance(40) { 0 } else { numbers[self.number(numbers.len())] };
                let found = (number, self.number(7) as i64);
                if !rule.weekdays.contains(&found) {
                    rule.weekdays.push(found);
                }
            }
        }
        if self.chance(25) {
            rule.hours = self.some(&(0..24).collect::<Vec<_>>(), 3);
        }
        let limited = !(rule.months.is_empty() && rule.month_days.is_empty() && rule.weekdays.is_empty());
        if limited && self.chance(30) {
            rule.positions = match frequency {
                "YEARLY" => self.some(&[1, 2, 5, 20, -1, -2, -5], 3),
                "MONTHLY" => self.some(&[1, 2, 5, -1, -2, -3], 3),
                "WEEKLY" => self.some(&[1, 2, -1, -2], 2),
                _ => self.some(&[1, -1], 1),
            };
        }
        if self.chance(35) {
            rule.count = Some(1 + self.number(30));
        }
        let day = date(2023, 1, 1) + (self.number(500) as i64).days();
        let span = match frequency {
            "YEARLY" => 2500,
            "MONTHLY" => 1000,
            "WEEKLY" | "DAILY" => 400,
            _ => 60,
        };
        (rule, day.at(self.number(24) as i8, 30, 0, 0), day + span.days())
    }
}

#[test]
fn every_rule_yields_the_days_and_hours_that_satisfy_its_parts() {
    let mut draw = Draw(5545);
    let (mut compared, mut shapes) = (0, BTreeMap::<&str, usize>::new());
    while compared < 400 {
        let (rule, day, end) = draw.rule();
        // The first start is one that the rule yields, as RFC 5545 asks: of others it says nothing.
        let uncounted = Plain { count: None, ..rule.clone() };
        let Some(start) = uncounted.starts(day, end).first().copied() else { continue };
        let expected = rule.starts(start, end);
        assert_eq!(expected.first(), Some(&start), "{}", rule.text());
        assert_eq!(ours(&rule.text(), start, end), Ok(expected), "{} from {start}", rule.text());
        compared += 1;
        let plain = rule.weekdays.iter().any(|(number, _)| *number == 0);
        let numbered = rule.weekdays.iter().any(|(number, _)| *number != 0);
        for (shape, is_there) in [
            ("plain and numbered", plain && numbered),
            ("plain and numbered, counted", plain && numbered && rule.count.is_some()),
            ("plain and numbered, by position", plain && numbered && !rule.positions.is_empty()),
            ("days from the end of a month", rule.month_days.iter().any(|day| *day < 0)),
            ("days of a year", !rule.year_days.is_empty()),
            ("positions", !rule.positions.is_empty()),
            ("yearly weekdays in months", rule.frequency == "YEARLY" && numbered && !rule.months.is_empty()),
            ("yearly weekdays", rule.frequency == "YEARLY" && numbered && rule.months.is_empty()),
            ("hours", !rule.hours.is_empty()),
        ] {
            *shapes.entry(shape).or_default() += usize::from(is_there);
        }
    }
    for (shape, count) in shapes {
        assert!(count >= 5, "{shape}: {count}");
    }
}

#[test]
fn weekdays_that_two_implementations_lose_are_there() {
    let start = date(2026, 1, 5).at(9, 30, 0, 0);
    let weekday = |day: Weekday| i64::from(day.to_monday_zero_offset());
    let (monday, tuesday, friday) = (weekday(Weekday::Monday), weekday(Weekday::Tuesday), weekday(Weekday::Friday));
    for (frequency, weekdays, expected) in [
        ("MONTHLY", vec![(0, monday), (0, tuesday), (1, monday)], 104),
        ("MONTHLY", vec![(1, monday), (0, friday)], 12 + 52 - 1),
        ("YEARLY", vec![(1, monday), (0, friday)], 1 + 52 - 1),
    ] {
        let rule = Plain { frequency, interval: 1, weekdays, ..Plain::default() };
        let (found, end) = (rule.starts(start, date(2027, 1, 1)), date(2027, 1, 1));
        assert_eq!(ours(&rule.text(), start, end).unwrap(), found, "{}", rule.text());
        assert_eq!(found.len(), expected, "{}", rule.text());
    }
}

#[test]
fn positions_count_in_the_whole_of_the_first_week() {
    // The first start, a Saturday, is the second of its week from Wednesday; the rest of that week has but two.
    let (start, end) = (date(2023, 7, 29).at(7, 30, 0, 0), date(2023, 10, 1));
    for (positions, count) in [(vec![-1, 2], Some(7)), (vec![3], None), (vec![2, 3], None), (vec![2], Some(3))] {
        let weekdays = vec![(0, 1), (0, 3), (0, 5)];
        let rule =
            Plain { frequency: "WEEKLY", interval: 2, count, weekdays, positions, week_start: 2, ..Plain::default() };
        let mut expected = rule.starts(start, end);
        if expected[0] != start {
            expected.insert(0, start);
        }
        assert_eq!(ours(&rule.text(), start, end).unwrap(), expected, "{}", rule.text());
    }
}

#[test]
fn the_fifth_last_weekday_of_a_month_and_the_53rd_last_of_a_year_are_found() {
    let end = date(2075, 1, 1);
    for (frequency, number, first) in
        [("MONTHLY", -5, date(2026, 1, 2)), ("YEARLY", -53, date(2027, 1, 1)), ("YEARLY", 53, date(2027, 12, 31))]
    {
        for interval in 1..4 {
            let rule = Plain { frequency, interval, weekdays: vec![(number, 4)], ..Plain::default() };
            let start = first.at(9, 30, 0, 0);
            let found = rule.starts(start, end);
            assert!(found.len() > 1 && found[0] == start, "{} {found:?}", rule.text());
            assert_eq!(ours(&rule.text(), start, end).unwrap(), found, "{}", rule.text());
        }
    }
}
