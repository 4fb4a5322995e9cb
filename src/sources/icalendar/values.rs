//! Values of properties: dates, times, durations, lists of texts.

use jiff::civil::{Date, DateTime};

/// Reads `YYYYMMDD`.
pub fn date(text: &str) -> Option<Date> {
    if text.len() != 8 {
        return None;
    }
    let number = |from, to| digits(text.get(from..to)?);
    Date::new(number(0, 4)?.try_into().ok()?, number(4, 6)?.try_into().ok()?, number(6, 8)?.try_into().ok()?).ok()
}

/// Reads `YYYYMMDDTHHMMSS`, and whether a `Z` follows.
pub(crate) fn date_time(text: &str) -> Option<(DateTime, bool)> {
    let (local, utc) = text.strip_suffix('Z').map_or((text, false), |local| (local, true));
    let (day, time) = local.split_once('T')?;
    if time.len() != 6 {
        return None;
    }
    let number = |from, to| digits(time.get(from..to)?)?.try_into().ok();
    let civil = date(day)?.to_datetime(jiff::civil::Time::new(number(0, 2)?, number(2, 4)?, number(4, 6)?, 0).ok()?);
    Some((civil, utc))
}

/// A `DURATION`: days are days on the clock, however long; hours, minutes and seconds are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration {
    /// Days, weeks included.
    pub days: i64,
    /// Seconds, hours and minutes included.
    pub seconds: i64,
}

/// Longest duration that is read, in days: longer than any freeze, and short of what arithmetic could not hold.
const LONGEST: i64 = 36_525;

/// Reads `P7W`, `P1DT2H`, `PT30M` and the like. A negative one is none, nor is one of more than a century.
pub fn duration(text: &str) -> Option<Duration> {
    let read = any_duration(text)?;
    (read.days <= LONGEST && read.seconds / 86_400 <= LONGEST).then_some(read)
}

fn any_duration(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text).strip_prefix('P')?;
    if let Some(weeks) = text.strip_suffix('W') {
        return Some(Duration { days: digits(weeks)?.checked_mul(7)?, seconds: 0 });
    }
    let (days, time) = match text.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None if text.is_empty() => return None,
        None => (text, ""),
    };
    let days = if days.is_empty() { 0 } else { digits(days.strip_suffix('D')?)? };
    let mut seconds = 0_i64;
    let mut rest = time;
    for (unit, length) in [('H', 3600), ('M', 60), ('S', 1)] {
        if let Some((number, behind)) = rest.split_once(unit) {
            seconds = seconds.checked_add(digits(number)?.checked_mul(length)?)?;
            rest = behind;
        }
    }
    rest.is_empty().then_some(Duration { days, seconds })
}

/// Seconds of `+HHMM` or `-HHMMSS`.
pub(crate) fn utc_offset(text: &str) -> Option<i32> {
    let (sign, number) = match text.split_at_checked(1)? {
        ("+", number) => (1, number),
        ("-", number) => (-1, number),
        _ => return None,
    };
    let part = |from, to| digits(number.get(from..to)?);
    let seconds = match number.len() {
        4 => 0,
        6 => part(4, 6)?,
        _ => return None,
    };
    i32::try_from(sign * (part(0, 2)? * 3600 + part(2, 4)? * 60 + seconds)).ok()
}

/// Texts between commas, escapes taken out. Empty ones are left out.
pub fn texts(value: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        let plain = match c {
            ',' => {
                found.push(String::new());
                continue;
            }
            '\\' => match characters.next() {
                Some('n' | 'N') => '\n',
                Some(escaped) => escaped,
                None => '\\',
            },
            c => c,
        };
        if let Some(last) = found.last_mut() {
            last.push(plain);
        }
    }
    found.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// A number of at most nine digits and nothing else.
pub fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_keeps_days_apart_from_hours() {
        let of = |days, seconds| Some(Duration { days, seconds });
        assert_eq!(duration("P2W"), of(14, 0));
        assert_eq!(duration("P1DT2H3M4S"), of(1, 7_384));
        assert_eq!(duration("+PT90M"), of(0, 5_400));
        for bad in
            ["", "P", "PT", "1D", "-PT1H", "P1H", "PT1D", "P1W2D", "PT1M1H", "PT1.5H", "P1DT", "PT1H ", "P999999999W"]
        {
            assert_eq!(duration(bad), None, "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_time_that_no_clock_shows_is_refused() {
        assert!(date_time("20260228T235959").is_some_and(|(_, utc)| !utc));
        assert!(date_time("20260228T235959Z").is_some_and(|(_, utc)| utc));
        let bad =
            ["20260229T000000", "20260228T240000", "20260228T2359", "20260228", "2026-02-28T00:00:00", "soon", ""];
        for bad in bad {
            assert_eq!(date_time(bad), None, "{bad:?} was accepted");
        }
        assert!(date("20260228").is_some() && date("20261301").is_none() && date("2026022").is_none());
    }

    #[test]
    fn a_list_is_split_at_commas_that_are_not_escaped() {
        assert_eq!(texts(r"year end, a\,b\;c\\,,x\ny"), ["year end", r"a,b;c\", "x\ny"]);
    }

    #[test]
    fn offsets_are_signed_and_may_have_seconds() {
        assert_eq!(utc_offset("-0330"), Some(-12_600));
        assert_eq!(utc_offset("+005328"), Some(3_208));
        assert_eq!((utc_offset("0100"), utc_offset("+1"), utc_offset("é100")), (None, None, None));
    }
}
