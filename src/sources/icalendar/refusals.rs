//! Everything for which a calendar is refused, with its line and property.

use super::tests::{DAY, event, in_new_york, refused, shown_all, try_all, wrapped, year};
use super::*;

#[test]
fn a_calendar_that_is_cut_off_or_followed_by_something_is_refused() {
    let whole = wrapped(&event("y", DAY));
    for (at, _) in whole.match_indices('\n').filter(|(at, _)| *at + 1 < whole.len()) {
        assert!(try_all(&whole[..at]).is_err(), "accepted up to byte {at}");
    }
    refused(&whole.replace("END:VCALENDAR\n", ""), "freeze.ics:1", "BEGIN: VCALENDAR has no end");
    refused(&whole.replace("END:VEVENT\n", ""), "freeze.ics:7", "END: VEVENT is still open");
    refused(&format!("{whole}<html>"), "freeze.ics:9", "neither a property");
    refused(&format!("{whole}X:1\n"), "freeze.ics:9", "outside a calendar");
    refused(&format!("{whole}{}", event("z", DAY)), "freeze.ics:9", "outside a calendar");
    refused("", "freeze.ics", "no calendar in this file");
    refused(&whole.replace("UID:y", "UID:y\0"), "NUL", "no NUL byte");
}

#[test]
fn components_that_would_hide_a_freeze_are_refused() {
    let busy = "BEGIN:VFREEBUSY\nUID:f\nFREEBUSY:20261201T000000Z/PT8H\nEND:VFREEBUSY\n";
    refused(&wrapped(busy), "freeze.ics:3", "VFREEBUSY says when");
    refused(&wrapped(&busy.replace("VFREEBUSY", "VAVAILABILITY")), "freeze.ics:3", "publish freezes as events");
    refused(&wrapped(&format!("BEGIN:X-FOLDER\n{}END:X-FOLDER\n", event("y", DAY))), "freeze.ics:4", "inside X-FOLDER");
    refused(&wrapped(&wrapped("")), "freeze.ics:3", "inside VCALENDAR");
    refused(&wrapped("METHOD:CANCEL\n"), "METHOD", "not a calendar");
    refused(&wrapped("CALSCALE:HEBREW\n"), "CALSCALE", "not read");
    refused("BEGIN:VCALENDAR\nVERSION:1.0\nEND:VCALENDAR\n", "VERSION", "not read");
}

#[test]
fn an_event_that_cannot_be_read_is_an_error_that_names_line_and_property() {
    for (lines, place, why) in [
        ("DTEND:20261202T000000Z", "freeze.ics:3", "DTSTART: the event has no DTSTART"),
        ("DTSTART:20261201T000000Z", "freeze.ics:3", "DTEND: the event has no DTEND"),
        ("DTSTART:20261201T000000Z\nDTEND:soon", "freeze.ics:6", "DTEND: \"soon\" is no date or time"),
        ("DTSTART:20261201T000000Z\nDURATION:8 hours", "freeze.ics:6", "DURATION: is no duration"),
        ("DTSTART:20261201T000000Z\nDURATION:-PT1H", "freeze.ics:6", "DURATION: is no duration"),
        ("DTSTART:20261201T000000Z\nDURATION:PT0S", "freeze.ics:6", "DURATION: lasts no time"),
        ("DTSTART:20261202T000000Z\nDTEND:20261201T000000Z", "freeze.ics:6", "DTEND: the event ends before it starts"),
        ("DTSTART:20261202T000000Z\nDTEND:20261202T000000Z", "freeze.ics:6", "ends before it starts"),
        ("DTSTART;VALUE=DATE:20261202\nDTEND:20261203T000000Z", "freeze.ics:6", "DTEND: is a time of day"),
        ("DTSTART:20261202T000000Z\nDTEND;VALUE=DATE:20261203", "freeze.ics:6", "DTEND: is a date"),
        ("DTSTART;VALUE=DATE:20261202\nDURATION:PT5H", "freeze.ics:6", "DURATION: gives hours"),
        (
            "DTSTART;TZID=America/New_York:20261202T090000\nDTEND:20261202T170000",
            "freeze.ics:6",
            "DTEND: one of DTSTART",
        ),
        ("DTSTART:20261202T090000\nDTEND:20261202T150000Z", "freeze.ics:6", "DTEND: one of DTSTART"),
        ("DTSTART;VALUE=DATE:20261202T000000Z", "freeze.ics:5", "is no DATE"),
        ("DTSTART;VALUE=PERIOD:20261202", "freeze.ics:5", "is no PERIOD"),
        ("DTSTART;TZID=UTC:20261202T000000Z\nDURATION:PT1H", "freeze.ics:5", "is in UTC and in zone"),
        ("DTSTART;TZID=UTC;VALUE=DATE:20261202", "freeze.ics:5", "is a date and has a TZID"),
        ("DTSTART;TZID=Mars/Base:20261202T000000\nDURATION:PT1H", "freeze.ics:5", "zone \"Mars/Base\" is unknown"),
        ("DTSTART:20261201T000000Z\nDURATION:PT1H\nDTEND:20261201T010000Z", "freeze.ics:6", "both DTEND and DURATION"),
        (
            "DTSTART:20261201T000000Z\nDTSTART:20261202T000000Z\nDURATION:PT1H",
            "freeze.ics:6",
            "DTSTART: stands here twice",
        ),
        ("DTSTART;VALUE=DATE:20261201\nEXDATE:20261202T110000Z", "freeze.ics:6", "EXDATE: is a time of day"),
        ("DTSTART:20261201T000000Z\nDURATION:PT1H\nRDATE:20261202", "freeze.ics:7", "RDATE: is a date"),
        ("DTSTART:20261201T000000Z\nDURATION:PT1H\nRDATE:20261202T000000Z/PT1H", "freeze.ics:7", "not the kind"),
        (
            "DTSTART:20261201T000000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20261202T000000Z/PT0S",
            "freeze.ics:7",
            "no time",
        ),
        ("DTSTART:20261201T000000Z\nDURATION:PT1H\nEXRULE:FREQ=DAILY", "freeze.ics:7", "EXRULE: is deprecated"),
        ("DTSTART:20261201T000000Z\nDURATION:PT1H\nX-BLACKOUT-ID:a b", "freeze.ics:3", "X-BLACKOUT-ID: \"a b\""),
        (
            "RECURRENCE-ID;RANGE=THISANDFUTURE:20261201T000000Z\nDTSTART:20261201T000000Z",
            "freeze.ics:5",
            "RANGE=THISANDFUTURE",
        ),
        (
            "RECURRENCE-ID:20261201T000000Z\nDTSTART:20261201T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY",
            "freeze.ics:5",
            "repeats itself",
        ),
    ] {
        refused(&wrapped(&event("y", lines)), place, why);
    }
    refused(&wrapped(&event("y", DAY).replace("UID:y\n", "")), "freeze.ics:3", "UID: the event has no UID");
}

#[test]
fn a_rule_that_cannot_be_followed_whole_is_an_error() {
    for (rule, why) in [
        ("FREQ=MINUTELY", "MINUTELY is finer than a freeze can be"),
        ("FREQ=SECONDLY;COUNT=1", "SECONDLY is finer"),
        ("FREQ=FORTNIGHTLY", "no frequency"),
        ("COUNT=3", "has no frequency"),
        ("FREQ=DAILY;COUNT=0", "COUNT is no positive number"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20261231T000000Z", "both COUNT and UNTIL"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL \"SOON\" is no time"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL is no positive number"),
        ("FREQ=DAILY;FREQ=WEEKLY", "FREQ stands in it twice"),
        ("FREQ=DAILY;BYEASTER=1", "BYEASTER is not read"),
        ("RSCALE=CHINESE;FREQ=YEARLY", "RSCALE is not read"),
        ("FREQ=WEEKLY;BYDAY=2TU", "numbers weekdays"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY \"XX\" is no weekday"),
        ("FREQ=WEEKLY;BYDAY=MO\u{200b}", "is no weekday"),
        ("FREQ=MONTHLY;BYDAY=1MO, 3MO", "BYDAY \" 3MO\" is no weekday"),
        ("FREQ=MONTHLY;BYDAY=1 MO", "BYDAY \"1 MO\" is no weekday"),
        ("FREQ=MONTHLY;BYDAY=", "BYDAY \"\" is no weekday"),
        ("FREQ=MONTHLY;BYMONTH=", "BYMONTH \"\" is no list of numbers"),
        ("FREQ=MONTHLY;BYDAY=-5FR,1MO", "give this weekday an RRULE of its own"),
        ("FREQ=YEARLY;WKST=SU;BYWEEKNO=52;BYDAY=SU,MO", "BYWEEKNO is not read"),
        ("FREQ=YEARLY;BYWEEKNO=20", "list the dates, or use BYMONTH and BYDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "is not read"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "cannot be followed"),
        ("daily", "no part of a rule"),
    ] {
        refused(&wrapped(&event("y", &format!("{DAY}\nRRULE:{rule}"))), "RRULE", why);
    }
    let whole = |rule: &str| wrapped(&event("y", &format!("DTSTART;VALUE=DATE:20261201\nRRULE:{rule}")));
    refused(&whole("FREQ=HOURLY"), "RRULE", "by the hour");
    refused(&whole("FREQ=DAILY;BYHOUR=3"), "RRULE", "times of day");
    let counted = "DTSTART:16010101T000000Z\nDURATION:PT1H\nRRULE:FREQ=HOURLY;COUNT=9000000";
    refused(&wrapped(&event("y", counted)), "RRULE", "more than 2000000 starts");
}

#[test]
fn identifiers_that_collide_are_an_error() {
    let text = wrapped(&format!("{}{}", event("a b", DAY), event("a@b", DAY)));
    refused(&text, "UID", "a second blackout would be called a-b");
    let named = format!("{DAY}\nX-BLACKOUT-ID:FRZ");
    refused(&wrapped(&format!("{}{}", event("a", &named), event("b", &named))), "UID", "called FRZ");
    refused(&wrapped(&format!("{}{}", event("a", DAY), event("a", DAY))), "freeze.ics:8", "a second event of the UID");
    let instance = event("a", &format!("RECURRENCE-ID:20261201T000000Z\n{DAY}"));
    refused(&wrapped(&instance.repeat(2)), "RECURRENCE-ID", "has this instance twice");
}

#[test]
fn more_than_fits_is_refused() {
    let hourly = event("y", "DTSTART:20240101T000000Z\nDURATION:PT1H\nRRULE:FREQ=HOURLY");
    assert_eq!(shown_all(&wrapped(&hourly)).len(), 365 * 24);
    let twice = format!("{hourly}{}", hourly.replace("UID:y", "UID:z"));
    refused(&wrapped(&twice), "VEVENT", "more than 10000 blackouts");
    let padding = format!("X-PAD:{}\n", "x".repeat(4 << 20));
    refused(&wrapped(&padding), "freeze.ics", "larger than 4194304 bytes");
    let backwards = ChangeWindow { start: year().end, end: year().start };
    assert!(read(Path::new("f"), &wrapped(""), &in_new_york(), backwards).is_err());
}
