//! Instants and windows: half-open, in UTC, whatever zone they were written in.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// A moment in UTC.
///
/// Written as RFC 3339 with an offset (`2026-12-04T02:00:00-05:00`), as RFC 9557 with offset and zone, or as a local time
/// with its zone in brackets (`2026-12-04T02:00:00[America/New_York]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Instant(Timestamp);

/// Why a text is not one moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstantError {
    /// Neither RFC 3339 nor RFC 9557, or an offset that contradicts the zone.
    #[error("{0:?} is not a time with an offset or an IANA zone: {1}")]
    Unreadable(String, String),
    /// A local time that the zone's clocks skip.
    #[error("{0} does not exist in {1}: clocks are put forward over it")]
    Gap(DateTime, String),
    /// A local time that the zone's clocks show twice.
    #[error("{0} happens twice in {1}: write the offset as well")]
    Fold(DateTime, String),
}

impl Instant {
    /// Reads one of the forms above. A local time in a daylight-saving gap or overlap is refused, never guessed.
    ///
    /// # Errors
    ///
    /// [`InstantError`], naming the text and, for gaps and overlaps, the zone.
    pub fn parse(text: &str) -> Result<Self, InstantError> {
        let unreadable = |error: jiff::Error| InstantError::Unreadable(text.to_owned(), error.to_string());
        if let Some((local, zone)) = text.strip_suffix(']').and_then(|t| t.split_once('[')) {
            if Timestamp::from_str(local).is_ok() {
                return Zoned::from_str(text).map(|z| Self(z.timestamp())).map_err(unreadable);
            }
            if !local.contains('T') {
                return Err(InstantError::Unreadable(text.to_owned(), "a time of day is missing".into()));
            }
            let civil = DateTime::from_str(local).map_err(unreadable)?;
            let zone = TimeZone::get(zone).map_err(unreadable)?;
            return Self::from_civil(civil, &zone);
        }
        Timestamp::from_str(text).map(Self).map_err(unreadable)
    }

    /// The moment at which clocks in `zone` show `civil`.
    ///
    /// # Errors
    ///
    /// [`InstantError::Gap`] or [`InstantError::Fold`] when there is none, or there are two.
    pub(crate) fn from_civil(civil: DateTime, zone: &TimeZone) -> Result<Self, InstantError> {
        let name = || zone.iana_name().unwrap_or("the given offset").to_owned();
        let ambiguous = zone.to_ambiguous_timestamp(civil);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => ambiguous
                .unambiguous()
                .map(Self)
                .map_err(|error| InstantError::Unreadable(civil.to_string(), error.to_string())),
            AmbiguousOffset::Gap { .. } => Err(InstantError::Gap(civil, name())),
            AmbiguousOffset::Fold { .. } => Err(InstantError::Fold(civil, name())),
        }
    }

    /// The instant as a `jiff` timestamp.
    pub fn timestamp(self) -> Timestamp {
        self.0
    }

    /// What clocks in `zone` show at this instant.
    pub(crate) fn in_zone(self, zone: &TimeZone) -> Zoned {
        self.0.to_zoned(zone.clone())
    }

    /// This instant without its fraction of a second, as people read it.
    pub(crate) fn whole_seconds(self) -> Self {
        let floor = jiff::TimestampRound::new().smallest(jiff::Unit::Second).mode(jiff::RoundMode::Floor);
        // Rounding fails only beyond the year 9999.
        self.0.round(floor).map_or(self, Self)
    }

    /// Whole seconds from `earlier` to this instant; negative when `earlier` is in fact later.
    pub(crate) fn seconds_since(self, earlier: Self) -> i64 {
        self.0.duration_since(earlier.0).as_secs()
    }
}

/// A length of time for people, in one unit that suits it; `seconds` may not be negative.
pub(crate) fn duration(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..120 => (seconds, "s"),
        120..7200 => (seconds / 60, "min"),
        7200..345_600 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit}")
}

/// How far away a window is, for people.
pub(crate) fn countdown(window: ChangeWindow, now: Instant) -> String {
    let (opens, closes) = (window.start.seconds_since(now), window.end.seconds_since(now));
    match (opens, closes) {
        (_, ..0) => format!("closed {} ago", duration(closes.saturating_neg())),
        (..0, 0..) => format!("open, closes in {}", duration(closes)),
        (0.., 0..) => format!("opens in {}, closes in {}", duration(opens), duration(closes)),
    }
}

impl From<Timestamp> for Instant {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::model::parsed::parsed(deserializer, Self::parse)
    }
}

impl JsonSchema for Instant {
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "RFC 3339 with an offset, or a local time followed by its IANA zone in brackets",
        })
    }
}

/// A deployment or blackout window: half-open, so the start is inside and the end is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeWindow {
    /// First moment inside.
    pub start: Instant,
    /// First moment after.
    pub end: Instant,
}

impl ChangeWindow {
    /// Whether the window has a positive length.
    pub(crate) fn is_forward(&self) -> bool {
        self.start < self.end
    }

    /// Whether the two share at least one moment. Windows that merely touch do not.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether every moment of `inner` lies in this window.
    pub fn covers(&self, inner: &Self) -> bool {
        self.start <= inner.start && inner.end <= self.end
    }
}

impl fmt::Display for ChangeWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    #[test]
    fn three_spellings_of_one_moment_are_equal() {
        let utc = at("2026-12-04T07:00:00Z");
        assert_eq!(utc, at("2026-12-04T02:00:00-05:00"));
        assert_eq!(utc, at("2026-12-04T02:00:00[America/New_York]"));
        assert_eq!(utc, at("2026-12-04T02:00:00-05:00[America/New_York]"));
    }

    #[test]
    fn a_local_time_in_a_daylight_saving_gap_or_overlap_is_refused() {
        assert!(matches!(Instant::parse("2026-03-08T02:30:00[America/New_York]"), Err(InstantError::Gap(..))));
        assert!(matches!(Instant::parse("2026-11-01T01:30:00[America/New_York]"), Err(InstantError::Fold(..))));
        assert!(Instant::parse("2026-03-08T03:00:00[America/New_York]").is_ok());
    }

    #[test]
    fn a_time_without_zone_or_with_a_contradicting_offset_is_refused() {
        for bad in ["2026-12-04T02:00:00", "2026-12-04", "2026-12-04T02:00:00-04:00[America/New_York]", "tomorrow"] {
            assert!(Instant::parse(bad).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn a_length_of_time_is_told_in_the_unit_that_suits_it() {
        for (seconds, told) in [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (259_200, "72 h")] {
            assert_eq!(duration(seconds), told);
        }
        assert_eq!(duration(864_000), "10 days");
    }

    #[test]
    fn windows_that_touch_do_not_overlap() {
        let first = ChangeWindow { start: at("2026-12-01T00:00:00Z"), end: at("2026-12-02T00:00:00Z") };
        let second = ChangeWindow { start: first.end, end: at("2026-12-03T00:00:00Z") };
        assert!(!first.overlaps(&second));
        assert!(first.overlaps(&ChangeWindow { start: at("2026-12-01T23:59:59Z"), end: second.end }));
        assert!(first.covers(&first));
    }
}
