//! Clock times in a zone, and which instants they may mean where clocks are put forward or back.

use jiff::civil::{Date, DateTime, Time as Clock};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// What the clocks of a zone show.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The clock time.
    pub civil: DateTime,
    /// Whose clocks.
    pub zone: TimeZone,
}

impl Moment {
    /// The instant by RFC 5545, section 3.3.5: the first of two, and in a gap the offset before it. None outside the years
    /// that are represented.
    pub fn standard(&self) -> Option<Timestamp> {
        match self.offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(self.civil).ok(),
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => {
                before.to_timestamp(self.civil).ok()
            }
        }
    }

    /// The earliest instant that it may mean.
    pub(crate) fn earliest(&self) -> Option<Timestamp> {
        self.both().map(|(a, b)| a.min(b))
    }

    /// The latest instant that it may mean.
    pub fn latest(&self) -> Option<Timestamp> {
        self.both().map(|(a, b)| a.max(b))
    }

    /// The same zone, this many clock seconds later.
    pub fn later(&self, seconds: i64) -> Option<Self> {
        let civil = self.civil.checked_add(SignedDuration::from_secs(seconds)).ok()?;
        Some(Self { civil, zone: self.zone.clone() })
    }

    fn both(&self) -> Option<(Timestamp, Timestamp)> {
        let (a, b) = match self.offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset, offset),
            AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => (before, after),
        };
        Some((a.to_timestamp(self.civil).ok()?, b.to_timestamp(self.civil).ok()?))
    }

    fn offset(&self) -> AmbiguousOffset {
        self.zone.to_ambiguous_timestamp(self.civil).offset()
    }
}

/// A `DATE`, or a `DATE-TIME` with the zone it stands in.
#[derive(Debug, Clone)]
pub enum Time {
    /// A whole day in the calendar's zone.
    Day(Moment),
    /// A time of day.
    At(Moment),
}

/// What makes two starts the same instance of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Day(Date),
    /// An instant, as the standard reads it.
    At(Timestamp),
}

impl Time {
    /// The clock time; midnight for a day.
    pub fn moment(&self) -> &Moment {
        match self {
            Self::Day(moment) | Self::At(moment) => moment,
        }
    }

    /// Of the same kind, on the same clocks, at another time.
    pub fn with(&self, civil: DateTime) -> Self {
        let moment = Moment { civil, zone: self.moment().zone.clone() };
        match self {
            Self::Day(_) => Self::Day(moment),
            Self::At(_) => Self::At(moment),
        }
    }

    /// Whether both are days, or both times of day.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Day(_), Self::Day(_)) | (Self::At(_), Self::At(_)))
    }

    /// The instance of an event that first starts here, where it is named by the other kind of time: a whole day by its midnight,
    /// as Exchange does, and a time of day by its date. None where that names no instance.
    pub(crate) fn instance(&self, named: Key) -> Option<Key> {
        match (self, named) {
            (Self::Day(_), Key::Day(_)) | (Self::At(_), Key::At(_)) => Some(named),
            (Self::Day(moment), Key::At(at)) => {
                let here = moment.zone.to_datetime(at);
                (here.time() == Clock::midnight()).then(|| Key::Day(here.date()))
            }
            (Self::At(moment), Key::Day(date)) => self.with(date.to_datetime(moment.civil.time())).key(),
        }
    }

    /// Which instance starts here.
    pub fn key(&self) -> Option<Key> {
        match self {
            Self::Day(moment) => Some(Key::Day(moment.civil.date())),
            Self::At(moment) => moment.standard().map(Key::At),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(civil: &str, zone: &str) -> Moment {
        Moment { civil: civil.parse().unwrap(), zone: TimeZone::get(zone).unwrap() }
    }

    fn instant(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_skipped_time_may_mean_both_sides_of_the_gap() {
        let skipped = moment("2026-03-08T02:30", "America/New_York");
        assert_eq!(skipped.earliest(), instant("2026-03-08T06:30Z"));
        assert_eq!(skipped.latest(), instant("2026-03-08T07:30Z"));
        assert_eq!(skipped.standard(), skipped.latest());
    }

    #[test]
    fn a_time_shown_twice_may_mean_both() {
        let twice = moment("2026-04-05T01:45", "Australia/Lord_Howe");
        assert_eq!(twice.earliest(), instant("2026-04-04T14:45Z"));
        assert_eq!(twice.latest(), instant("2026-04-04T15:15Z"));
        assert_eq!(twice.standard(), twice.earliest());
    }

    #[test]
    fn a_time_shown_once_means_one_instant() {
        let once = moment("2026-07-01T12:00", "Europe/Berlin");
        assert_eq!((once.earliest(), once.latest()), (once.standard(), once.standard()));
    }
}
