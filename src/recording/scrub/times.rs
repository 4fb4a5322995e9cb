//! Dates and times as ISO 8601 writes them, and others that stand for them.

use std::ops::Range;
use std::sync::LazyLock;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use regex::Regex;

use super::words::Key;
use crate::model::time::Instant;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    let clock = "[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?";
    let pattern = format!("([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})(?:([Tt ])({clock}))?|([Tt]?)({clock})");
    Regex::new(&pattern).expect("the pattern is a constant and valid")
});

/// Days from 1970 that pseudonyms of dates are drawn from.
const DAYS: u32 = 60 * 365;

/// A date, a time of day, or both, standing in a text.
pub(super) struct Token<'a> {
    /// Where it stands, in bytes.
    pub(super) place: Range<usize>,
    date: Option<Date>,
    separator: &'a str,
    clock: Option<&'a str>,
}

/// The dates and times of `text` that are not part of a longer word.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    // Most texts hold none, and this is asked of every text.
    let joins =
        |three: &[u8]| three[0].is_ascii_digit() && matches!(three[1], b'-' | b':') && three[2].is_ascii_digit();
    if !text.as_bytes().windows(3).any(joins) {
        return Vec::new();
    }
    let found = TOKEN.captures_iter(text).filter_map(|groups| {
        let place = groups.get(0)?.range();
        let joined = text[..place.start].chars().next_back().is_some_and(char::is_alphanumeric)
            || text[place.end..].chars().next().is_some_and(char::is_alphanumeric);
        let group = |number| groups.get(number).map(|found| found.as_str());
        let date = match group(1) {
            Some(date) => Some(date.parse().ok()?),
            None => None,
        };
        let clock = group(3).or(group(5));
        let real = clock.is_none_or(|clock| &clock[..2] < "24" && &clock[3..5] < "60");
        let separator = group(2).or(group(4)).unwrap_or_default();
        (!joined && real).then_some(Token { place, date, separator, clock })
    });
    found.collect()
}

impl Token<'_> {
    /// Whether it is one moment, and lies in `span`. A time without an offset is no moment.
    pub(super) fn within(&self, span: Option<(Instant, Instant)>) -> bool {
        let (Some(date), Some(clock), Some((first, last))) = (self.date, self.clock, span) else { return false };
        let moment = Instant::parse(&format!("{date}T{}", clock.replace(',', ".")));
        moment.is_ok_and(|moment| first <= moment && moment <= last)
    }

    /// Another date or time in the same format. Equal dates give equal dates, with and without a time of day.
    pub(super) fn pseudonym(&self, key: &Key) -> String {
        let date = self.date.map(|date| other_date(date, key)).unwrap_or_default();
        let context = self.date.map(|date| date.to_string()).unwrap_or_default();
        let clock = self.clock.map(|clock| other_clock(&context, clock, key)).unwrap_or_default();
        format!("{date}{}{clock}", self.separator)
    }
}

fn other_date(given: Date, key: &Key) -> String {
    let drawn = key.pick("date", &given.to_string(), DAYS);
    let first = date(1970, 1, 1);
    let day = |offset: u32| first.checked_add(i64::from(offset % DAYS).days()).unwrap_or(first);
    // Of another year, too.
    let other = if day(drawn).year() == given.year() { day(drawn + 366) } else { day(drawn) };
    other.to_string()
}

fn other_clock(context: &str, clock: &str, key: &Key) -> String {
    let minutes = 24 * 60;
    let given = clock[..2].parse::<u32>().unwrap_or(0) * 60 + clock[3..5].parse::<u32>().unwrap_or(0);
    let mut drawn = key.pick("minute", &format!("{context} {}", &clock[..5]), minutes);
    if drawn == given {
        drawn = (drawn + 1) % minutes;
    }
    let mut out = format!("{:02}:{:02}", drawn / 60, drawn % 60);
    let mut rest = &clock[5..];
    if let Some(seconds) = rest.strip_prefix(':') {
        let drawn = key.pick("second", &format!("{context} {}", &clock[..8]), 60);
        out.push_str(&format!(":{drawn:02}"));
        rest = &seconds[2..];
        if rest.starts_with(['.', ',']) {
            let end = rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |place| place + 1);
            out.push_str(&rest[..1]);
            out.push_str(&key.digits(&rest[1..end], 10));
            rest = &rest[end..];
        }
    }
    if rest.starts_with(['+', '-']) {
        let drawn = key.pick("offset", rest, 24);
        let (sign, hours) = if drawn < 12 { ('+', drawn) } else { ('-', drawn - 12) };
        let colon = if rest.contains(':') { ":" } else { "" };
        out.push_str(&format!("{sign}{hours:02}{colon}00"));
    } else {
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Token<'_> {
        let mut found = tokens(text);
        assert_eq!(found.len(), 1, "{text}");
        found.remove(0)
    }

    #[test]
    fn a_time_becomes_another_valid_time_in_the_same_format() {
        let key = Key::new([1; 32]);
        for text in [
            "1984-03-07",
            "2026-11-19T02:00",
            "2026-11-19 02:00",
            "2026-11-19T02:00:30.123Z",
            "2026-11-19T02:00:30-05:00",
            "2026-11-19T02:00:30+0530",
            "02:00",
        ] {
            let other = only(text).pseudonym(&key);
            assert_ne!(other, text);
            assert_eq!(other.len(), text.len(), "{other}");
            let again = only(&other);
            assert_eq!(again.place, 0..text.len());
            assert_eq!(again.date.is_some(), only(text).date.is_some());
        }
        assert_eq!(only("2026-11-19").pseudonym(&key), only("2026-11-19T02:00").pseudonym(&key)[..10]);
    }

    #[test]
    fn what_is_no_date_or_part_of_a_word_is_no_token() {
        for text in ["2026-13-45", "A2026-11-19", "2026-11-190", "99:99", "2026-11", ""] {
            assert!(tokens(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_moment_of_the_run_is_told_from_a_local_time() {
        let at = |text| Instant::parse(text).unwrap();
        let span = Some((at("2026-11-19T00:00:00Z"), at("2026-11-20T00:00:00Z")));
        assert!(only("2026-11-19T02:00:00Z").within(span));
        assert!(only("2026-11-19 02:00:00-05:00").within(span));
        assert!(!only("2026-11-21T02:00:00Z").within(span));
        assert!(!only("2026-11-19T02:00").within(span));
        assert!(!only("2026-11-19T02:00:00Z").within(None));
    }
}
