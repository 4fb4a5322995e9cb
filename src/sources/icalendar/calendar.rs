//! The components of an iCalendar stream: which lines belong to which event, and that none is cut off.

use std::ops::Range;

use super::Wrong;
use super::lines::Line;

/// One `VCALENDAR`.
#[derive(Debug, Default)]
pub struct Calendar {
    /// Its own properties.
    pub properties: Vec<Line>,
    /// Time zones that it defines.
    pub zones: Vec<Definition>,
    /// Its events, alarms left out.
    pub events: Vec<Component>,
}

/// One `VTIMEZONE`.
#[derive(Debug, Default)]
pub(crate) struct Definition {
    /// Its own properties.
    pub lines: Vec<Line>,
    /// Its times of one offset.
    pub observances: Vec<Observance>,
}

impl Definition {
    /// Whether another definition is the same, to the letter.
    pub(crate) fn says_the_same_as(&self, other: &Self) -> bool {
        let lines = |a: &[Line], b: &[Line]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.says_the_same_as(b));
        let parts = |all: &Self| all.observances.len();
        lines(&self.lines, &other.lines)
            && parts(self) == parts(other)
            && self.observances.iter().zip(&other.observances).all(|(a, b)| lines(&a.lines, &b.lines))
    }
}

/// One `STANDARD` or `DAYLIGHT`.
#[derive(Debug)]
pub(crate) struct Observance {
    /// Where it begins.
    pub begin: Range<usize>,
    /// Its properties.
    pub lines: Vec<Line>,
}

/// One `VEVENT`.
#[derive(Debug)]
pub(crate) struct Component {
    /// Where it begins.
    pub begin: Range<usize>,
    /// Its own properties.
    pub lines: Vec<Line>,
}

/// Takes the lines of a file of `length` bytes apart.
pub fn calendars(lines: Vec<Line>, length: usize) -> Result<Vec<Calendar>, Wrong> {
    let mut done = Vec::new();
    let mut calendar = Calendar::default();
    let mut open: Vec<(String, Range<usize>)> = Vec::new();
    for line in lines {
        match line.name.as_str() {
            "BEGIN" => {
                let name = line.value.trim_end().to_ascii_uppercase();
                begin(&line, &name, &open)?;
                match name.as_str() {
                    "VEVENT" => {
                        calendar.events.push(Component { begin: line.span.clone(), lines: Vec::new() });
                    }
                    "VTIMEZONE" => calendar.zones.push(Definition::default()),
                    "STANDARD" | "DAYLIGHT" => {
                        if let ([_, (inner, _)], Some(zone)) = (open.as_slice(), calendar.zones.last_mut())
                            && inner == "VTIMEZONE"
                        {
                            zone.observances.push(Observance { begin: line.span.clone(), lines: Vec::new() });
                        }
                    }
                    _ => {}
                }
                open.push((name, line.span));
            }
            "END" => {
                let name = line.value.trim_end().to_ascii_uppercase();
                match open.pop() {
                    Some((opened, _)) if opened == name => {}
                    Some((opened, _)) => {
                        let message = format!("{opened} is still open where {name} ends");
                        return Err(Wrong::at(
                            &line.span,
                            "END",
                            message,
                            "publish the calendar anew: lines are missing",
                        ));
                    }
                    None => return Err(Wrong::at(&line.span, "END", format!("no {name} is open here"), OUTSIDE)),
                }
                if open.is_empty() {
                    check(&calendar)?;
                    done.push(std::mem::take(&mut calendar));
                }
            }
            _ => place(&mut calendar, &open, line)?,
        }
    }
    if let Some((name, span)) = open.last() {
        let message = format!("{name} has no end: the file is cut off");
        return Err(Wrong::at(span, "BEGIN", message, "fetch the whole calendar: it ends with END:VCALENDAR"));
    }
    if done.is_empty() {
        let help = "name a file that starts with BEGIN:VCALENDAR";
        return Err(Wrong::at(&(0..length.min(1)), "BEGIN", "there is no calendar in this file", help));
    }
    Ok(done)
}

const OUTSIDE: &str = "keep nothing but BEGIN:VCALENDAR to END:VCALENDAR";

/// Whether the component `name` may begin here.
fn begin(line: &Line, name: &str, open: &[(String, Range<usize>)]) -> Result<(), Wrong> {
    let wrong = |message: String, help: &str| Err(Wrong::at(&line.span, "BEGIN", message, help));
    match (name, open) {
        ("VCALENDAR", []) => Ok(()),
        ("VCALENDAR", [.., (outer, _)]) => wrong(format!("a calendar begins inside {outer}"), OUTSIDE),
        (_, []) => wrong(format!("{name} stands outside a calendar"), OUTSIDE),
        ("VEVENT" | "VTIMEZONE", [_]) => Ok(()),
        ("VEVENT" | "VTIMEZONE", [.., (outer, _)]) => {
            wrong(format!("{name} begins inside {outer}"), "end the one before the other begins")
        }
        // Busy times carry no identifier to except; passing over them would shorten the calendar.
        ("VFREEBUSY" | "VAVAILABILITY", _) => {
            wrong(format!("{name} says when, but not which blackout"), "publish freezes as events (VEVENT)")
        }
        _ => Ok(()),
    }
}

/// Puts a property where it belongs. Those of alarms, to-dos, journals and unknown components belong nowhere.
fn place(calendar: &mut Calendar, open: &[(String, Range<usize>)], line: Line) -> Result<(), Wrong> {
    match open {
        [] => {
            let message = format!("{} stands outside a calendar", line.name);
            return Err(Wrong::at(&line.span, &line.name, message, OUTSIDE));
        }
        [_] => calendar.properties.push(line),
        [_, (inner, _)] if inner == "VEVENT" => {
            if let Some(event) = calendar.events.last_mut() {
                event.lines.push(line);
            }
        }
        [_, (inner, _)] if inner == "VTIMEZONE" => {
            if let Some(zone) = calendar.zones.last_mut() {
                zone.lines.push(line);
            }
        }
        [_, (outer, _), (inner, _)] if outer == "VTIMEZONE" && matches!(inner.as_str(), "STANDARD" | "DAYLIGHT") => {
            if let Some(observance) = calendar.zones.last_mut().and_then(|zone| zone.observances.last_mut()) {
                observance.lines.push(line);
            }
        }
        [_, ..] => {}
    }
    Ok(())
}

/// Refuses calendars that mean something else than "these events hold".
fn check(calendar: &Calendar) -> Result<(), Wrong> {
    for line in &calendar.properties {
        let value = line.value.trim().to_ascii_uppercase();
        let wrong = |message: String, help: &str| Err(Wrong::at(&line.span, &line.name, message, help));
        match (line.name.as_str(), value.as_str()) {
            ("VERSION", "2.0") | ("CALSCALE", "GREGORIAN") | ("METHOD", "PUBLISH" | "REQUEST" | "ADD") => {}
            ("VERSION", _) => {
                return wrong(format!("version {value} is not read"), "publish iCalendar 2.0 (RFC 5545)")?;
            }
            ("CALSCALE", _) => {
                return wrong(format!("calendar scale {value} is not read"), "publish CALSCALE:GREGORIAN")?;
            }
            ("METHOD", _) => {
                let message = format!("{value} is an answer in a scheduling exchange, not a calendar");
                return wrong(message, "publish METHOD:PUBLISH")?;
            }
            _ => {}
        }
    }
    Ok(())
}
