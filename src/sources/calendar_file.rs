//! Reads a freeze calendar from a file: a list of blackouts in TOML or JSON, or iCalendar. Read whole, or not at all.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::icalendar::{self, ZoneNames};
use super::{decoded, read_bytes};
use crate::diagnostic::Diagnostic;
use crate::model::calendar::{Blackout, FreezeCalendar};
use crate::model::ids::BlackoutId;
use crate::model::strict_json::unmarked;
use crate::model::time::{ChangeWindow, Instant};

const LIMIT: u64 = icalendar::LIMIT;

#[derive(Deserialize)]
enum Schema {
    #[serde(rename = "portal-agent/freeze-calendar/1")]
    V1,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<T> {
    #[serde(rename = "schema")]
    _schema: Schema,
    /// IANA zone of times that carry neither offset nor zone.
    zone: Option<T>,
    #[serde(rename = "blackout", default = "Vec::new")]
    blackouts: Vec<RawBlackout<T>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBlackout<T> {
    id: T,
    start: T,
    end: T,
    #[serde(default)]
    admits: Vec<String>,
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    environments: Vec<String>,
}

/// A text and where it stands, in either format.
trait Text {
    fn text(&self) -> &str;
    fn span(&self) -> Option<std::ops::Range<usize>>;
}

impl Text for Spanned<String> {
    fn text(&self) -> &str {
        self.get_ref()
    }
    fn span(&self) -> Option<std::ops::Range<usize>> {
        Some(Self::span(self))
    }
}

impl Text for String {
    fn text(&self) -> &str {
        self
    }
    fn span(&self) -> Option<std::ops::Range<usize>> {
        None
    }
}

/// Reads the calendar at `path`: iCalendar when it is called `*.ics` or begins as one, otherwise the small form.
///
/// Of an iCalendar, whose events may repeat for ever, what overlaps the `horizon` is read; of the other forms everything.
/// `zones` is for iCalendar alone.
///
/// # Errors
///
/// A [`Diagnostic`]: unreadable, unknown keys, no such zone, a time in a daylight-saving gap or overlap, an end before its
/// start, an identifier twice; for iCalendar as [`icalendar::read`] gives it. Never a shorter calendar.
pub fn read_calendar(path: &Path, zones: &ZoneNames, horizon: ChangeWindow) -> Result<FreezeCalendar, Diagnostic> {
    let bytes = read_bytes(path, LIMIT, "a freeze calendar in iCalendar, TOML or JSON")?;
    let text = decoded(path, icalendar::whole_characters(bytes))?;
    read_calendar_text(path, &text, zones, horizon)
}

/// Reads a calendar's `text`; `path` is where it came from, an address as well.
///
/// # Errors
///
/// As [`read_calendar`].
pub(crate) fn read_calendar_text(
    path: &Path,
    text: &str,
    zones: &ZoneNames,
    horizon: ChangeWindow,
) -> Result<FreezeCalendar, Diagnostic> {
    let named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ics"));
    if named || icalendar::begins(text.as_bytes()) {
        return Ok(FreezeCalendar { blackouts: icalendar::read(path, text, zones, horizon)? });
    }
    parse(path, text)
}

/// A calendar of the small form: JSON when it is called `*.json`, TOML otherwise.
fn parse(path: &Path, text: &str) -> Result<FreezeCalendar, Diagnostic> {
    let help = "a calendar has `schema`, `zone` and [[blackout]] entries with `id`, `start`, `end` and `admits`";
    if path.extension().is_some_and(|extension| extension == "json") {
        let text = unmarked(text);
        let file: File<String> = serde_json::from_str(text).map_err(|error| {
            let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
            let at = (line_start + error.column().saturating_sub(1)).min(text.len());
            Diagnostic::at(path, text, at..at, None, error.to_string(), help)
        })?;
        build(path, text, file)
    } else {
        let file: File<Spanned<String>> = toml::from_str(text)
            .map_err(|error| Diagnostic::at(path, text, error.span().unwrap_or(0..0), None, error.message(), help))?;
        build(path, text, file)
    }
}

fn build<T: Text>(path: &Path, source: &str, file: File<T>) -> Result<FreezeCalendar, Diagnostic> {
    let wrong = |at: &T, field: &str, message: String, help: &str| match at.span() {
        Some(span) => Diagnostic::at(path, source, span, Some(field.to_owned()), message, help),
        None => Diagnostic::whole(path, format!("{field}: {message}"), help),
    };
    let zone =
        match &file.zone {
            None => None,
            Some(name) => Some(TimeZone::get(name.text()).map_err(|error| {
                wrong(name, "zone", error.to_string(), "write an IANA zone such as \"Europe/Berlin\"")
            })?),
        };
    let moment = |at: &T, field: &str| {
        // A local time holds digits, 'T', '-' and ':' alone, and no offset behind its 'T'.
        let time = at.text().split_once('T').map_or("", |(_, time)| time);
        let plain = !time.is_empty() && time.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '.'));
        let local = at.text().parse::<DateTime>().ok().filter(|_| plain);
        let parsed = match (&zone, local) {
            (Some(zone), Some(local)) => Instant::from_civil(local, zone),
            (None, _) | (Some(_), None) => Instant::parse(at.text()),
        };
        parsed.map_err(|error| wrong(at, field, error.to_string(), "write a time that exists once, or its offset"))
    };
    let mut seen = BTreeSet::new();
    let mut blackouts = Vec::new();
    for raw in &file.blackouts {
        let id = BlackoutId::parse(raw.id.text())
            .map_err(|error| wrong(&raw.id, "blackout.id", error.to_string(), "rename the blackout"))?;
        if !seen.insert(id.clone()) {
            return Err(wrong(&raw.id, "blackout.id", "stands here twice".into(), "name blackouts apart"));
        }
        let window =
            ChangeWindow { start: moment(&raw.start, "blackout.start")?, end: moment(&raw.end, "blackout.end")? };
        if !window.is_forward() {
            let help = "write an end after the start";
            return Err(wrong(&raw.end, "blackout.end", "the blackout ends before it starts".into(), help));
        }
        blackouts.push(Blackout {
            id,
            window,
            admits: raw.admits.clone(),
            kinds: raw.kinds.clone(),
            environments: raw.environments.clone(),
        });
    }
    Ok(FreezeCalendar { blackouts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(text: &str, name: &str) -> Result<FreezeCalendar, Diagnostic> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        parse(&path, text)
    }

    const HEAD: &str = "schema = \"portal-agent/freeze-calendar/1\"\nzone = \"America/New_York\"\n[[blackout]]\n";

    #[test]
    fn local_times_are_read_in_the_calendars_zone() {
        let text = format!("{HEAD}id = \"Y\"\nstart = \"2026-11-25T00:00:00\"\nend = \"2026-11-25T06:00:00Z\"\n");
        let read = calendar(&text, "c.toml").unwrap();
        assert_eq!(read.blackouts[0].window.start, Instant::parse("2026-11-25T05:00:00Z").unwrap());
        let json = r#"{"schema":"portal-agent/freeze-calendar/1","zone":"America/New_York",
            "blackout":[{"id":"Y","start":"2026-11-25T00:00:00","end":"2026-11-25T06:00:00Z","admits":[]}]}"#;
        assert_eq!(calendar(json, "c.json").unwrap(), read);
    }

    #[test]
    fn a_calendar_with_one_bad_entry_is_an_error_and_not_a_shorter_calendar() {
        let entry = |start: &str, end: &str| format!("{HEAD}id = \"Y\"\nstart = \"{start}\"\nend = \"{end}\"\n");
        for (start, end) in [
            ("2026-03-08T02:30:00", "2026-03-09T00:00:00"),
            ("2026-11-01T01:30:00", "2026-11-02T00:00:00"),
            ("2026-12-02T00:00:00", "2026-12-01T00:00:00"),
            ("soon", "2026-12-01T00:00:00"),
        ] {
            assert!(calendar(&entry(start, end), "c.toml").is_err(), "{start} to {end} was accepted");
        }
        let good = entry("2026-12-01T00:00:00", "2026-12-02T00:00:00");
        assert!(calendar(&good, "c.toml").is_ok());
        assert!(calendar(&format!("{good}note = \"x\"\n"), "c.toml").is_err());
        assert!(calendar(&good.replace("America/New_York", "America/Nowhere"), "c.toml").is_err());
        let twice = format!("{good}{}", &good[good.find("[[").unwrap()..]);
        assert!(calendar(&twice, "c.toml").unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn a_calendar_is_read_as_icalendar_by_its_name_or_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let at = |text| Instant::parse(text).unwrap();
        let horizon = ChangeWindow { start: at("2026-01-01T00:00:00Z"), end: at("2027-01-01T00:00:00Z") };
        let try_read = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            read_calendar(&path, &ZoneNames::default(), horizon)
        };
        let events = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:Y\r\nDTSTART:20261201T000000Z\r\nDURATION:P1D\r\n\
                      END:VEVENT\r\nEND:VCALENDAR\r\n";
        for (name, text) in [("c.ics", events.to_owned()), ("c", events.to_owned()), ("d", format!("\u{feff}{events}"))]
        {
            assert_eq!(try_read(name, &text).unwrap().blackouts.len(), 1, "{name}");
        }
        let toml = format!("{HEAD}id = \"Y\"\nstart = \"2028-11-25T00:00:00\"\nend = \"2028-11-26T00:00:00\"\n");
        assert_eq!(try_read("c.toml", &toml).unwrap(), calendar(&toml, "c.toml").unwrap());
        assert!(try_read("toml.ics", &toml).is_err(), "TOML was read as iCalendar");
        // A fold between the two bytes of a letter, which is legal.
        let split = [b"BEGIN:VCALENDAR\r\nX-WR-CALNAME:Gel\xc3\r\n \xb6st\r\n", &events.as_bytes()[17..]].concat();
        std::fs::write(folder.path().join("split"), &split).unwrap();
        let read = read_calendar(&folder.path().join("split"), &ZoneNames::default(), horizon);
        assert_eq!(read.unwrap().blackouts.len(), 1);
        let path = folder.path().join("split.toml");
        std::fs::write(&path, [toml.as_bytes(), b"# \xc3\r\n \xb6"].concat()).unwrap();
        let error = read_calendar(&path, &ZoneNames::default(), horizon).unwrap_err().to_string();
        assert!(error.contains("is not UTF-8 text"), "{error}");
        assert!(try_read("cut.ics", &events[..80]).is_err(), "a calendar that is cut off was accepted");
    }
}
