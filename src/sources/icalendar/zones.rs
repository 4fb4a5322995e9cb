//! Which zone a name in a calendar means.

use std::collections::BTreeMap;

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::Wrong;
use super::calendar::{Calendar, Definition};
use super::lines::Line;
use super::values;
use super::windows_zones;
use crate::model::time::ChangeWindow;

/// Zones that the settings give for a freeze calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZoneNames {
    /// Zones of names that are neither IANA's nor those of Windows. They go before every other meaning of a name.
    pub aliases: BTreeMap<String, TimeZone>,
    /// Zone of dates and floating times in a calendar that names none by `X-WR-TIMEZONE`.
    pub default: Option<TimeZone>,
}

/// The zones of one calendar.
#[derive(Debug)]
pub struct Zones<'a> {
    names: &'a ZoneNames,
    defined: &'a [Definition],
    own: Option<TimeZone>,
    horizon: ChangeWindow,
}

const HELP: &str = "give the IANA zone of this name in the settings of the freeze calendar";

/// Names that a zone folder may hold and that mean this computer, leap seconds, or nothing.
const NO_PLACES: [&str; 5] = ["localtime", "posixrules", "factory", "etc/unknown", "local"];

impl<'a> Zones<'a> {
    /// Of this calendar.
    pub fn of(names: &'a ZoneNames, calendar: &'a Calendar, horizon: ChangeWindow) -> Result<Self, Wrong> {
        let mut zones = Self { names, defined: &calendar.zones, own: None, horizon };
        let mut named = calendar.properties.iter().filter(|line| line.name == "X-WR-TIMEZONE");
        if let Some(line) = named.next() {
            zones.own = Some(zones.find(line.value.trim(), line)?);
        }
        match named.next() {
            Some(second) => Err(Wrong::at(&second.span, &second.name, "stands here twice", "name one zone")),
            None => Ok(zones),
        }
    }

    /// The zone of dates and floating times.
    pub fn home(&self, line: &Line) -> Result<TimeZone, Wrong> {
        self.own.clone().or_else(|| self.names.default.clone()).ok_or_else(|| {
            let message = "is a date or a time without zone, and the calendar names no zone of its own";
            Wrong::at(&line.span, &line.name, message, "set the default zone of the freeze calendar in the settings")
        })
    }

    /// The zone called `name` in the property `line`.
    pub fn find(&self, name: &str, line: &Line) -> Result<TimeZone, Wrong> {
        if let Some(zone) = self.names.aliases.get(name) {
            return Ok(zone.clone());
        }
        let mut definitions = self.defined.iter().filter(|zone| zone.value("TZID") == Some(name));
        let defined = definitions.next();
        let place = defined.and_then(|zone| zone.value("X-LIC-LOCATION"));
        let known = iana(name).or_else(|| iana(windows_zones::iana(name)?)).or_else(|| iana(place?));
        let Some(zone) = known else {
            let message = match defined {
                Some(_) => format!("zone {name:?} is private to this calendar"),
                None => format!("zone {name:?} is unknown"),
            };
            return Err(Wrong::at(&line.span, &line.name, message, HELP));
        };
        if definitions.next().is_some() {
            let message = format!("zone {name:?} is defined twice in this calendar");
            return Err(Wrong::at(&line.span, &line.name, message, HELP));
        }
        match defined {
            Some(definition) if !self.agrees(definition, &zone) => {
                let message = format!("zone {name:?} has other offsets in this calendar than in the zone database");
                Err(Wrong::at(&line.span, &line.name, message, HELP))
            }
            Some(_) | None => Ok(zone),
        }
    }

    /// Whether the offsets that a calendar defines for a zone are in part those that the zone has around the horizon. That
    /// tells a private zone under a public name from one that is only written down for a season, or with its history.
    fn agrees(&self, definition: &Definition, zone: &TimeZone) -> bool {
        let year = SignedDuration::from_hours(24 * 400);
        let moved = |at: Timestamp, by| at.checked_add(by).unwrap_or(at);
        let from = moved(self.horizon.start.timestamp(), -year);
        let to = moved(self.horizon.end.timestamp(), year);
        let first = std::iter::once(zone.to_offset(from));
        let later = zone.following(from).take_while(|change| change.timestamp() <= to).map(|change| change.offset());
        let real: Vec<Offset> = first.chain(later).collect();
        let mut defined = definition
            .0
            .iter()
            .filter(|line| line.name == "TZOFFSETTO")
            .filter_map(|line| Offset::from_seconds(values::utc_offset(line.value.trim())?).ok())
            .peekable();
        defined.peek().is_none() || defined.any(|offset| real.contains(&offset))
    }
}

impl Definition {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|line| line.name == name).map(|line| line.value.trim())
    }
}

fn iana(name: &str) -> Option<TimeZone> {
    let lower = name.to_ascii_lowercase();
    let is_place = !NO_PLACES.contains(&lower.as_str()) && !lower.starts_with("right/");
    is_place.then(|| TimeZone::get(name).ok()).flatten()
}
