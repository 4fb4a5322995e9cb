//! The times between which a key counts, in the forms that OpenSSH reads.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::model::time::Instant;

/// Reads `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, in UTC when `Z` or `UTC` follows, otherwise on the clocks of `zone`.
///
/// # Errors
///
/// What is wrong with it, for people; also a local time that the zone's clocks skip or show twice, and one in daylight-saving
/// time: OpenSSH reads that as if the clocks stood on standard time, an hour from what they show.
pub(super) fn parse(text: &str, zone: &TimeZone) -> Result<Instant, String> {
    let lower = text.to_ascii_lowercase();
    let utc = lower.strip_suffix("utc").or_else(|| lower.strip_suffix('z'));
    let digits = utc.unwrap_or(&lower);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 8 | 12 | 14) {
        return Err("a time is written YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z behind it for UTC".into());
    }
    let two = |at: usize| digits.get(at..at + 2).map_or(Ok(0), str::parse::<i8>);
    let parts = || -> Option<DateTime> {
        let year = digits[..4].parse().ok()?;
        DateTime::new(year, two(4).ok()?, two(6).ok()?, two(8).ok()?, two(10).ok()?, two(12).ok()?, 0).ok()
    };
    let civil = parts().ok_or_else(|| format!("{text} is no day or time of day that exists"))?;
    let zone = if utc.is_some() { &TimeZone::UTC } else { zone };
    let moment = Instant::from_civil(civil, zone).map_err(|error| error.to_string())?;
    if zone.to_offset_info(moment.timestamp()).dst().is_dst() {
        return Err(format!(
            "{text} lies in daylight-saving time, where OpenSSH is an hour off: write it in UTC, with Z"
        ));
    }
    // OpenSSH takes the first second of 1970 for "no time given", and refuses what lies before.
    if moment.timestamp().as_second() > 0 { Ok(moment) } else { Err(format!("{text} lies before 1970")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, zone: &TimeZone) -> String {
        parse(text, zone).unwrap().to_string()
    }

    #[test]
    fn a_time_without_z_is_read_in_the_zone() {
        let zone = TimeZone::get("America/New_York").unwrap();
        assert_eq!(shown("20261204", &zone), "2026-12-04T05:00:00Z");
        assert_eq!(shown("20261204Z", &zone), "2026-12-04T00:00:00Z");
        assert_eq!(shown("202612040130utc", &zone), "2026-12-04T01:30:00Z");
        assert_eq!(shown("20261204013015", &zone), "2026-12-04T06:30:15Z");
    }

    #[test]
    fn a_local_time_that_openssh_reads_an_hour_off_is_refused() {
        let zone = TimeZone::get("America/New_York").unwrap();
        assert!(parse("202607041200", &zone).unwrap_err().contains("with Z"));
        assert_eq!(shown("202607041200Z", &zone), "2026-07-04T12:00:00Z");
    }

    #[test]
    fn a_time_that_does_not_exist_or_exists_twice_is_refused() {
        let zone = TimeZone::get("America/New_York").unwrap();
        for bad in [
            "",
            "Z",
            "2026",
            "20261304",
            "20260231",
            "2026120425",
            "202612042500Z",
            "2026-12-04",
            "+2026120",
            "19700101Z",
            "19691231Z",
            "202603080230",
            "202611010130",
            "20261204 ",
            "20261204ZZ",
        ] {
            assert!(parse(bad, &zone).is_err(), "{bad:?} was accepted");
        }
    }
}
