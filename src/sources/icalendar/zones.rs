//! Which zone a name in a calendar means.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::calendar::{Calendar, Definition};
use super::lines::Line;
use super::{Wrong, definition, windows_zones};
use crate::model::time::ChangeWindow;

/// Zones that the settings give for a freeze calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZoneNames {
    /// Zones of names that are neither IANA's nor those of Windows. They go before every other meaning of a name.
    pub aliases: BTreeMap<String, TimeZone>,
    /// Zone of dates and floating times in a calendar that names none by `X-WR-TIMEZONE`.
    pub default: Option<TimeZone>,
}

/// Who says what the clocks of a known zone show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authority {
    /// The zone database.
    Database,
    /// The calendar, where it defines the zone.
    Calendar,
}

/// The zones of one calendar.
#[derive(Debug)]
pub(crate) struct Zones<'a> {
    names: &'a ZoneNames,
    defined: &'a [Definition],
    own: Option<TimeZone>,
    horizon: ChangeWindow,
    authority: Authority,
    /// Definitions that were followed already, by name.
    followed: RefCell<BTreeMap<String, TimeZone>>,
}

/// What to do about a zone that is not read.
pub(crate) const HELP: &str = "give the IANA zone of this name in the settings of the freeze calendar";

/// Names that a zone folder may hold and that mean this computer, leap seconds, or nothing.
const NO_PLACES: [&str; 5] = ["localtime", "posixrules", "factory", "etc/unknown", "local"];

impl<'a> Zones<'a> {
    /// Of this calendar.
    pub fn of(
        names: &'a ZoneNames,
        calendar: &'a Calendar,
        horizon: ChangeWindow,
        authority: Authority,
    ) -> Result<Self, Wrong> {
        let (defined, followed) = (calendar.zones.as_slice(), RefCell::default());
        let mut zones = Self { names, defined, own: None, horizon, authority, followed };
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
        // Some programs repeat a zone for every event.
        if defined.is_some_and(|first| definitions.any(|other| !other.says_the_same_as(first))) {
            let message = format!("zone {name:?} is defined in two ways in this calendar");
            return Err(Wrong::at(&line.span, &line.name, message, HELP));
        }
        let place = defined.and_then(|zone| zone.value("X-LIC-LOCATION"));
        let known = iana(name).or_else(|| iana(windows_zones::iana(name)?)).or_else(|| iana(place?));
        let wrong = |message: String| Wrong::at(&line.span, &line.name, message, HELP);
        match (known, defined, self.authority) {
            (Some(zone), Some(definition), Authority::Calendar) => Ok(self.followed(name, definition)?.unwrap_or(zone)),
            (Some(zone), Some(_), Authority::Database) | (Some(zone), None, _) => Ok(zone),
            // A zone of the calendar's own: nobody else knows it.
            (None, Some(definition), _) => {
                let silent = || wrong(format!("zone {name:?} is private to this calendar, which does not define it"));
                self.followed(name, definition)?.ok_or_else(silent)
            }
            (None, None, _) => Err(wrong(format!("zone {name:?} is unknown"))),
        }
    }

    /// The zone as the calendar defines it; none where its definition says nothing.
    fn followed(&self, name: &str, definition: &Definition) -> Result<Option<TimeZone>, Wrong> {
        if let Some(zone) = self.followed.borrow().get(name) {
            return Ok(Some(zone.clone()));
        }
        let until = definition::until(self.horizon.end.timestamp());
        let zone = definition::zone(definition, until)?;
        if let Some(zone) = &zone {
            self.followed.borrow_mut().insert(name.to_owned(), zone.clone());
        }
        Ok(zone)
    }
}

impl Definition {
    fn value(&self, name: &str) -> Option<&str> {
        self.lines.iter().find(|line| line.name == name).map(|line| line.value.trim())
    }
}

fn iana(name: &str) -> Option<TimeZone> {
    let lower = name.to_ascii_lowercase();
    let is_place = !NO_PLACES.contains(&lower.as_str()) && !lower.starts_with("right/");
    is_place.then(|| TimeZone::get(name).ok()).flatten()
}
