//! Identifiers of blackouts: short, fit for a record, and the same as long as the event is.

use jiff::tz::TimeZone;

use super::Wrong;
use super::event::Event;
use super::moment::Key;
use crate::model::digest::Digest;
use crate::model::ids::BlackoutId;

/// Longest text of a `UID` that is kept whole, so that the suffix of an instance still fits.
const WHOLE: usize = 60;

/// The identifier of an event, `name` being its `X-BLACKOUT-ID`, or of its instance that first was to start at `instance`.
pub fn id(event: &Event, name: Option<&str>, instance: Option<Key>) -> Result<BlackoutId, Wrong> {
    let base = name.map_or_else(|| of_uid(&event.uid), str::to_owned);
    let text = match instance {
        None => base,
        Some(Key::Day(day)) => format!("{base}.{}", day.strftime("%Y%m%d")),
        Some(Key::At(at)) => format!("{base}.{}", TimeZone::UTC.to_datetime(at).strftime("%Y%m%dT%H%M%SZ")),
    };
    BlackoutId::parse(&text).map_err(|error| {
        Wrong::at(
            &event.span,
            "X-BLACKOUT-ID",
            format!("{text:?}: {error}"),
            "choose a short identifier of 63 characters",
        )
    })
}

/// A `UID` as an identifier: what is not allowed becomes a dash, a long one ends in its digest.
fn of_uid(uid: &str) -> String {
    let digest = || Digest::of(uid.as_bytes()).hex();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let text: String = uid.chars().map(allowed).collect();
    let text = text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    match text.len() {
        0 => format!("uid-{}", &digest()[..12]),
        1..=WHOLE => text.to_owned(),
        // Only ASCII is left.
        _ => format!("{}-{}", &text[..40], &digest()[..12]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_becomes_an_identifier() {
        assert_eq!(of_uid("year-end@example.org"), "year-end-example.org");
        assert_eq!(of_uid("{1F3A}"), "1F3A-");
        assert_eq!(of_uid("\u{e9}\u{e9}"), format!("uid-{}", &Digest::of("\u{e9}\u{e9}".as_bytes()).hex()[..12]));
        let long = "a".repeat(61);
        assert_eq!(of_uid(&long), format!("{}-{}", "a".repeat(40), &Digest::of(long.as_bytes()).hex()[..12]));
        assert_eq!(of_uid(&"a".repeat(60)), "a".repeat(60));
    }
}
