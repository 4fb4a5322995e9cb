//! What clocks show by a calendar's own definition of a zone (`VTIMEZONE`).

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

use super::calendar::{Definition, Observance};
use super::lines::Line;
use super::moment::{Moment, Time};
use super::rule::{self, Rule};
use super::zones::HELP;
use super::{Wrong, values};

/// The offsets that one observance begins with and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    from: Offset,
    to: Offset,
}

/// The begin of 1900: no blackout is older.
const FIRST: Timestamp = Timestamp::constant(-2_208_988_800, 0);

/// The zone that `definition` describes up to the clock time `until`; none when it says nothing about clocks.
pub fn zone(definition: &Definition, until: DateTime) -> Result<Option<TimeZone>, Wrong> {
    let mut changes: BTreeMap<Timestamp, Change> = BTreeMap::new();
    let mut left = rule::MOST;
    for observance in &definition.observances {
        for (at, change) in observance.changes(until, &mut left)? {
            // Some programs begin both observances on the first day of 1601, and mean nothing by that.
            if changes.insert(at, change).is_some_and(|other| other.to != change.to) && at >= FIRST {
                return Err(observance.wrong("the zone has two offsets from the same instant on"));
            }
        }
    }
    let Some(first) = definition.observances.first() else { return Ok(None) };
    let zone = tzif(&changes).and_then(|bytes| TimeZone::tzif("VTIMEZONE", &bytes).ok());
    zone.map(Some).ok_or_else(|| first.wrong("the zone cannot be followed"))
}

impl Observance {
    fn wrong(&self, message: &str) -> Wrong {
        Wrong::at(&self.begin, "VTIMEZONE", message, HELP)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    fn offset(&self, name: &str) -> Result<Offset, Wrong> {
        let line = self.all(name).next();
        let read = line.and_then(|line| Offset::from_seconds(values::utc_offset(line.value.trim())?).ok());
        read.ok_or_else(|| self.wrong(&format!("the zone has no {name} that can be read")))
    }

    /// When it begins, each time.
    fn changes(&self, until: DateTime, left: &mut usize) -> Result<Vec<(Timestamp, Change)>, Wrong> {
        let change = Change { from: self.offset("TZOFFSETFROM")?, to: self.offset("TZOFFSETTO")? };
        let clock = |text: &str| values::date_time(text).and_then(|(civil, utc)| (!utc).then_some(civil));
        let start = self.all("DTSTART").next().and_then(|line| clock(line.value.trim()));
        let start = start.ok_or_else(|| self.wrong("the zone has no DTSTART that can be read"))?;
        let mut starts = vec![start];
        for line in self.all("RDATE") {
            for text in line.value.trim().split(',') {
                starts.push(clock(text).ok_or_else(|| self.wrong("the zone has an RDATE that is no clock time"))?);
            }
        }
        // It begins on the clocks that it ends.
        let first = Time::At(Moment { civil: start, zone: TimeZone::fixed(change.from) });
        for line in self.all("RRULE") {
            starts.extend(Rule::read(line, &first)?.starts(&first, start, until, left)?);
        }
        let instants = starts.into_iter().map(|civil| change.from.to_timestamp(civil).ok().map(|at| (at, change)));
        instants.collect::<Option<_>>().ok_or_else(|| self.wrong("the zone begins out of range"))
    }
}

/// The changes as a file of the zone database (RFC 9636), which is what the time library reads; none for more offsets than one
/// can hold.
fn tzif(changes: &BTreeMap<Timestamp, Change>) -> Option<Vec<u8>> {
    // Before the first change the first offset counts.
    let mut offsets = vec![changes.values().next()?.from];
    let mut indices = Vec::new();
    for change in changes.values() {
        let at = offsets.iter().position(|offset| *offset == change.to).unwrap_or_else(|| {
            offsets.push(change.to);
            offsets.len() - 1
        });
        indices.push(u8::try_from(at).ok()?);
    }
    let header = |times: usize, types: usize| -> Option<Vec<u8>> {
        let counts = [0, 0, 0, times, types, NAME.len()].map(u32::try_from);
        let counts = counts.into_iter().collect::<Result<Vec<u32>, _>>().ok()?;
        Some(
            [b"TZif2".as_slice(), &[0; 15], &counts.into_iter().flat_map(u32::to_be_bytes).collect::<Vec<_>>()]
                .concat(),
        )
    };
    let kind = |offset: &Offset| [offset.seconds().to_be_bytes().as_slice(), &[0, 0]].concat();
    let times: Vec<u8> = changes.keys().flat_map(|at| at.as_second().to_be_bytes()).collect();
    let kinds: Vec<u8> = offsets.iter().flat_map(kind).collect();
    // The first of the two parts is for readers of 32 bits, and holds nothing.
    let old = [header(0, 1)?, kind(&Offset::UTC), NAME.to_vec()].concat();
    Some([old, header(changes.len(), offsets.len())?, times, indices, kinds, NAME.to_vec(), b"\n\n".to_vec()].concat())
}

/// What the zone calls each of its offsets; nobody reads it.
const NAME: &[u8] = b"ZONE\0";

/// So far the definition is followed behind the end of a horizon: for freezes that last beyond it.
pub fn until(end: Timestamp) -> DateTime {
    TimeZone::UTC.to_datetime(end).checked_add(10.years()).unwrap_or(DateTime::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::calendar::calendars;
    use super::super::lines::lines;
    use super::*;

    fn observance(kind: &str, from: &str, to: &str, lines: &str) -> String {
        format!("BEGIN:{kind}\nTZOFFSETFROM:{from}\nTZOFFSETTO:{to}\n{lines}\nEND:{kind}\n")
    }

    fn read(observances: &str) -> Result<Option<TimeZone>, Wrong> {
        let text = format!("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:x\n{observances}END:VTIMEZONE\nEND:VCALENDAR\n");
        let calendars = calendars(lines(&text).unwrap(), text.len()).unwrap();
        zone(&calendars[0].zones[0], "2035-01-01T00:00".parse().unwrap())
    }

    #[test]
    fn a_definition_with_the_rules_of_a_zone_is_that_zone() {
        let day =
            observance("DAYLIGHT", "-0500", "-0400", "DTSTART:20070311T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU");
        let standard =
            observance("STANDARD", "-0400", "-0500", "DTSTART:20071104T020000\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU");
        let (ours, real) =
            (read(&format!("{standard}{day}")).unwrap().unwrap(), TimeZone::get("America/New_York").unwrap());
        let changes = |zone: &TimeZone| {
            let from = "2007-06-01T00:00Z".parse().unwrap();
            let until: Timestamp = "2034-01-01T00:00Z".parse().unwrap();
            zone.following(from)
                .take_while(|change| change.timestamp() < until)
                .map(|change| (change.timestamp(), change.offset()))
                .collect::<Vec<_>>()
        };
        assert_eq!(changes(&ours), changes(&real));
        assert_eq!(changes(&ours).len(), 53);
        let skipped: DateTime = "2026-03-08T02:30".parse().unwrap();
        let offset = |zone: &TimeZone| zone.to_ambiguous_timestamp(skipped).offset();
        assert_eq!(offset(&ours), offset(&real));
    }

    #[test]
    fn an_observance_begins_at_every_rdate_and_ends_with_the_next() {
        let one = observance("STANDARD", "+0000", "+0100", "DTSTART:20200101T000000\nRDATE:20220101T000000");
        let two = observance("DAYLIGHT", "+0100", "+0200", "DTSTART:20210101T000000");
        let zone = read(&format!("{one}{two}")).unwrap().unwrap();
        for (at, hours) in [("2019", 0), ("2020", 1), ("2021", 2), ("2022", 1), ("2034", 1)] {
            let at: Timestamp = format!("{at}-06-01T00:00Z").parse().unwrap();
            assert_eq!(zone.to_offset(at), Offset::constant(hours), "{at}");
        }
        assert!(read("").unwrap().is_none());
    }

    #[test]
    fn a_definition_that_cannot_be_followed_is_refused() {
        let start = "DTSTART:20200101T000000";
        for bad in [
            observance("STANDARD", "+0000", "1 hour", start),
            observance("STANDARD", "", "+0100", start),
            observance("STANDARD", "+0000", "+0100", "DTSTART:20200101T000000Z"),
            observance("STANDARD", "+0000", "+0100", "TZNAME:x"),
            observance("STANDARD", "+0000", "+0100", "DTSTART:20200101T000000\nRDATE:20210101"),
            observance("STANDARD", "+0000", "+0100", "DTSTART:20200101T000000\nRRULE:FREQ=YEARLY;BYDAY=XX"),
            observance("STANDARD", "+0000", "+0100", start) + &observance("DAYLIGHT", "+0000", "+0200", start),
        ] {
            assert!(read(&bad).is_err(), "{bad} was accepted");
        }
        assert!(read(&observance("STANDARD", "+0000", "+0100", start).repeat(2)).is_ok());
    }
}
