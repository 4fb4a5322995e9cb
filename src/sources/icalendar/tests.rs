//! What a calendar may say, and everything for which it is refused.

use jiff::tz::TimeZone;

use super::*;

fn window(start: &str, end: &str) -> ChangeWindow {
    ChangeWindow {
        start: start.parse::<jiff::Timestamp>().unwrap().into(),
        end: end.parse::<jiff::Timestamp>().unwrap().into(),
    }
}

fn year() -> ChangeWindow {
    window("2026-01-01T00:00Z", "2027-01-01T00:00Z")
}

fn wrapped(events: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\n{events}END:VCALENDAR\n")
}

/// An event, `lines` being everything beside its UID.
fn event(uid: &str, lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:{uid}\n{lines}\nEND:VEVENT\n")
}

fn in_new_york() -> ZoneNames {
    ZoneNames { default: Some(TimeZone::get("America/New_York").unwrap()), ..ZoneNames::default() }
}

fn try_all(text: &str) -> Result<Vec<Blackout>, Diagnostic> {
    read(Path::new("freeze.ics"), text, &in_new_york(), year())
}

/// Identifiers and windows of one event.
fn shown(lines: &str) -> Vec<String> {
    shown_all(&wrapped(&event("y", lines)))
}

fn shown_all(text: &str) -> Vec<String> {
    let blackouts = try_all(text).unwrap_or_else(|error| panic!("{error}"));
    blackouts.iter().map(|blackout| format!("{} {}", blackout.id, blackout.window)).collect()
}

#[track_caller]
fn refused(text: &str, place: &str, why: &str) {
    let error = try_all(text).expect_err(text).to_string();
    assert!(error.contains(why) && error.contains(place), "{why:?} at {place:?} is not in:\n{error}");
}

const DAY: &str = "DTSTART:20261201T000000Z\nDTEND:20261202T000000Z";

#[test]
fn an_event_is_a_blackout_with_its_categories_and_what_it_admits() {
    let lines = format!(
        "{DAY}\nCATEGORIES:freeze,year end\nCATEGORIES:a\\,b\nX-BLACKOUT-ADMITS:hotfix, security\n\
         X-BLACKOUT-ENVIRONMENTS:production\nTRANSP:TRANSPARENT\nX-BLACKOUT-ID:FRZ-1"
    );
    let read = try_all(&wrapped(&event("y", &lines))).unwrap();
    let [blackout] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!(blackout.id.as_str(), "FRZ-1");
    assert_eq!(blackout.window, window("2026-12-01T00:00Z", "2026-12-02T00:00Z"));
    assert_eq!(blackout.kinds, ["freeze", "year end", "a,b"]);
    assert_eq!(blackout.admits, ["hotfix", "security"]);
    assert_eq!(blackout.environments, ["production"]);
}

#[test]
fn only_what_overlaps_the_horizon_is_given_sorted_by_start() {
    let touching = event("t", "DTSTART:20251231T000000Z\nDTEND:20260101T000000Z");
    let into = event("i", "DTSTART:20251201T000000Z\nDTEND:20260101T000001Z");
    let text = wrapped(&format!("{}{touching}{into}", event("y", DAY)));
    assert_eq!(
        shown_all(&text),
        ["i 2025-12-01T00:00:00Z to 2026-01-01T00:00:01Z", "y 2026-12-01T00:00:00Z to 2026-12-02T00:00:00Z"]
    );
}

#[test]
fn a_repeated_freeze_that_began_before_the_horizon_is_found() {
    let lines = "DTSTART:20251101T000000Z\nDURATION:P40D\nRRULE:FREQ=MONTHLY;INTERVAL=2;COUNT=2";
    assert_eq!(shown(lines), ["y.20260101T000000Z 2026-01-01T00:00:00Z to 2026-02-10T00:00:00Z"]);
    let long = "DTSTART:20251130T000000Z\nDURATION:P40D\nRRULE:FREQ=YEARLY;UNTIL=20251231T000000Z";
    assert_eq!(shown(long), ["y.20251130T000000Z 2025-11-30T00:00:00Z to 2026-01-09T00:00:00Z"]);
}

#[test]
fn whole_days_and_floating_times_stand_in_the_calendars_zone() {
    assert_eq!(shown("DTSTART;VALUE=DATE:20261224"), ["y 2026-12-24T05:00:00Z to 2026-12-25T05:00:00Z"]);
    assert_eq!(shown("DTSTART:20261224T180000\nDURATION:PT1H"), ["y 2026-12-24T23:00:00Z to 2026-12-25T00:00:00Z"]);
    let own = format!(
        "X-WR-TIMEZONE:Europe/Berlin\n{}",
        event("y", "DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227")
    );
    assert_eq!(shown_all(&wrapped(&own)), ["y 2026-12-23T23:00:00Z to 2026-12-26T23:00:00Z"]);
    for lines in ["DTSTART;VALUE=DATE:20261224", "DTSTART:20261224T180000\nDURATION:PT1H"] {
        let text = wrapped(&event("y", lines));
        let error = read(Path::new("f.ics"), &text, &ZoneNames::default(), year()).unwrap_err();
        assert_eq!(error.field(), Some("DTSTART"));
        assert!(error.to_string().contains("names no zone of its own"), "{error}");
    }
}

#[test]
fn a_change_of_clocks_makes_a_freeze_longer_and_never_shorter() {
    let tz = |property: &str, time: &str| format!("{property};TZID=America/New_York:{time}");
    // In the gap: both sides of it. Over the gap: 24 hours although the clock says 25. In the fold: both times.
    for (start, end, expected) in [
        (
            "20260308T023000",
            "DTEND;TZID=America/New_York:20260308T040000",
            "2026-03-08T06:30:00Z to 2026-03-08T08:00:00Z",
        ),
        ("20260307T120000", "DURATION:PT24H", "2026-03-07T17:00:00Z to 2026-03-08T17:00:00Z"),
        ("20260307T120000", "DURATION:P1D", "2026-03-07T17:00:00Z to 2026-03-08T17:00:00Z"),
        ("20261031T120000", "DURATION:PT24H", "2026-10-31T16:00:00Z to 2026-11-01T17:00:00Z"),
        ("20261101T010000", "DURATION:PT30M", "2026-11-01T05:00:00Z to 2026-11-01T06:30:00Z"),
        (
            "20261101T013000",
            "DTEND;TZID=America/New_York:20261101T014500",
            "2026-11-01T05:30:00Z to 2026-11-01T06:45:00Z",
        ),
    ] {
        let lines = format!("{}\n{end}", tz("DTSTART", start));
        assert_eq!(shown(&lines), [format!("y {expected}")], "{lines}");
    }
}

#[test]
fn a_moved_instance_keeps_its_identifier_and_a_cancelled_one_is_gone() {
    let weekly = event(
        "w",
        "DTSTART;TZID=Europe/Berlin:20261023T200000\nDURATION:PT2H\nRRULE:FREQ=WEEKLY;COUNT=4\nEXDATE;TZID=Europe/Berlin:20261113T200000",
    );
    let moved = event(
        "w",
        "RECURRENCE-ID;TZID=Europe/Berlin:20261030T200000\nDTSTART:20261031T100000Z\nDTEND:20261031T110000Z",
    );
    let gone = event("w", "RECURRENCE-ID:20261106T190000Z\nSTATUS:CANCELLED");
    let expected = [
        "w.20261023T180000Z 2026-10-23T18:00:00Z to 2026-10-23T20:00:00Z",
        "w.20261030T190000Z 2026-10-31T10:00:00Z to 2026-10-31T11:00:00Z",
    ];
    assert_eq!(shown_all(&wrapped(&format!("{weekly}{moved}{gone}"))), expected);
    assert_eq!(shown_all(&wrapped(&format!("{gone}{moved}{weekly}"))), expected);
}

#[test]
fn an_instance_that_was_moved_into_the_horizon_counts() {
    let old = event("w", "DTSTART:20250101T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2");
    let moved = event("w", "RECURRENCE-ID:20250102T000000Z\nDTSTART:20260601T000000Z\nDURATION:PT1H");
    let expected = ["w.20250102T000000Z 2026-06-01T00:00:00Z to 2026-06-01T01:00:00Z"];
    assert_eq!(shown_all(&wrapped(&format!("{old}{moved}"))), expected);
    assert_eq!(shown_all(&wrapped(&moved)), expected, "without the event that it belongs to");
}

#[test]
fn a_cancelled_event_is_skipped_and_an_instance_that_still_holds_is_not() {
    let gone = event("w", "STATUS:CANCELLED\nDTSTART:20260101T000000Z\nRRULE:FREQ=DAILY");
    assert!(shown_all(&wrapped(&gone)).is_empty());
    let kept = event("w", "RECURRENCE-ID:20260102T000000Z\nDTSTART:20260601T000000Z\nDURATION:PT1H");
    assert_eq!(shown_all(&wrapped(&format!("{gone}{kept}"))).len(), 1);
}

#[test]
fn an_exception_that_matches_no_start_takes_nothing_out() {
    let lines =
        "DTSTART;TZID=Europe/Berlin:20261023T200000\nDURATION:PT2H\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20261023T200000Z";
    assert_eq!(shown(lines).len(), 2);
}

#[test]
fn further_dates_and_periods_are_blackouts_too() {
    let lines = "DTSTART:20261201T000000Z\nDURATION:PT1H\nRDATE:20261203T000000Z,20261204T000000Z\n\
                 RDATE;VALUE=PERIOD:20261205T000000Z/20261206T000000Z,20261203T000000Z/PT3H";
    assert_eq!(
        shown(lines),
        [
            "y.20261201T000000Z 2026-12-01T00:00:00Z to 2026-12-01T01:00:00Z",
            "y.20261203T000000Z 2026-12-03T00:00:00Z to 2026-12-03T03:00:00Z",
            "y.20261204T000000Z 2026-12-04T00:00:00Z to 2026-12-04T01:00:00Z",
            "y.20261205T000000Z 2026-12-05T00:00:00Z to 2026-12-06T00:00:00Z",
        ]
    );
}

#[test]
fn two_rules_are_joined_and_the_first_start_always_counts() {
    let lines = "DTSTART;VALUE=DATE:20261201\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=1\nRRULE:FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24;COUNT=1";
    let ids: Vec<String> = shown(lines).iter().map(|line| line[..10].to_owned()).collect();
    assert_eq!(ids, ["y.20261201", "y.20261224", "y.20261231"]);
}

#[test]
fn a_daily_rule_since_2001_is_followed_into_the_horizon() {
    let lines = "DTSTART;TZID=Europe/Berlin:20010101T020000\nDURATION:PT1H\nRRULE:FREQ=DAILY";
    assert_eq!(shown(lines).len(), 365);
    let hourly = lines.replace("DAILY", "HOURLY;BYHOUR=3;BYDAY=SU");
    assert_eq!(shown(&hourly).len(), 52);
}

#[test]
fn zones_go_by_iana_windows_and_the_names_in_the_settings() {
    let lines = |zone: &str| format!("DTSTART;TZID=\"{zone}\":20260701T120000\nDURATION:PT1H");
    let expected = ["y 2026-07-01T10:00:00Z to 2026-07-01T11:00:00Z"];
    assert_eq!(shown(&lines("Europe/Berlin")), expected);
    assert_eq!(shown(&lines("W. Europe Standard Time")), expected);
    let text = wrapped(&event("y", &lines("Head office")));
    refused(&text, "freeze.ics:5", "DTSTART: zone \"Head office\" is unknown");
    let mut names = in_new_york();
    names.aliases.insert("Head office".into(), TimeZone::get("Europe/Berlin").unwrap());
    assert_eq!(
        read(Path::new("f"), &text, &names, year()).unwrap()[0].window,
        window("2026-07-01T10:00Z", "2026-07-01T11:00Z")
    );
    for not_a_place in ["localtime", "right/UTC", "posixrules", "Factory", "../etc/passwd", ""] {
        refused(&wrapped(&event("y", &lines(not_a_place))), "freeze.ics:5", "unknown");
    }
}

#[test]
fn a_zone_that_the_calendar_defines_is_followed_where_it_is_a_known_one() {
    let zone = |id: &str, place: &str, offset: &str| {
        let place = if place.is_empty() { String::new() } else { format!("X-LIC-LOCATION:{place}\n") };
        format!(
            "BEGIN:VTIMEZONE\nTZID:{id}\n{place}BEGIN:STANDARD\nDTSTART:19701025T030000\nTZOFFSETFROM:+0200\n\
             TZOFFSETTO:{offset}\nEND:STANDARD\nEND:VTIMEZONE\n"
        )
    };
    let with = |definition: &str, id: &str| {
        wrapped(&format!("{definition}{}", event("y", &format!("DTSTART;TZID={id}:20260701T120000\nDURATION:PT1H"))))
    };
    let expected = ["y 2026-07-01T10:00:00Z to 2026-07-01T11:00:00Z"];
    assert_eq!(shown_all(&with(&zone("Europe/Berlin", "", "+0100"), "Europe/Berlin")), expected);
    assert_eq!(shown_all(&with(&zone("/x/Berlin", "Europe/Berlin", "+0100"), "/x/Berlin")), expected);
    refused(&with(&zone("Private", "", "+0100"), "Private"), "DTSTART", "private to this calendar");
    refused(&with(&zone("Europe/Berlin", "", "+0530"), "Europe/Berlin"), "DTSTART", "other offsets");
}

#[test]
fn what_is_no_event_is_passed_over() {
    let alarm = "BEGIN:VALARM\nTRIGGER:-PT15M\nDURATION:soon\nDTSTART:never\nEND:VALARM";
    let others =
        "BEGIN:VTODO\nUID:t\nDTSTART:bad\nEND:VTODO\nBEGIN:VJOURNAL\nEND:VJOURNAL\nBEGIN:X-NEW\nA:b\nEND:X-NEW\n";
    let text =
        wrapped(&format!("X-WR-CALNAME:Freezes\n{others}{}", event("y", &format!("{DAY}\nX-ODD;A=b:c\n{alarm}"))));
    assert_eq!(shown_all(&text).len(), 1);
}

#[test]
fn two_calendars_in_one_file_are_both_read_each_in_its_zone() {
    let one = |zone: &str, uid: &str| {
        wrapped(&format!("X-WR-TIMEZONE:{zone}\n{}", event(uid, "DTSTART;VALUE=DATE:20261224")))
    };
    let text = format!("\u{feff}{}{}", one("Asia/Tokyo", "a"), one("UTC", "b"));
    assert_eq!(
        shown_all(&text.replace('\n', "\r\n")),
        ["a 2026-12-23T15:00:00Z to 2026-12-24T15:00:00Z", "b 2026-12-24T00:00:00Z to 2026-12-25T00:00:00Z"]
    );
    refused(&format!("{}{}", one("UTC", "a"), one("UTC", "a")), "UID", "a second event");
}

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
        ("DTSTART:20261201T000000Z\nDURATION:PT1H\nEXDATE;VALUE=DATE:20261202", "freeze.ics:7", "EXDATE: is a date"),
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
        ("FREQ=WEEKLY;BYDAY=XX", "is not read"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "is not read"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "cannot be followed"),
        ("daily", "no part of a rule"),
    ] {
        refused(&wrapped(&event("y", &format!("{DAY}\nRRULE:{rule}"))), "RRULE", why);
    }
    let whole = |rule: &str| wrapped(&event("y", &format!("DTSTART;VALUE=DATE:20261201\nRRULE:{rule}")));
    refused(&whole("FREQ=HOURLY"), "RRULE", "by the hour");
    refused(&whole("FREQ=DAILY;BYHOUR=3"), "RRULE", "times of day");
    let ancient = "DTSTART:16010101T000000Z\nDURATION:PT1H\nRRULE:FREQ=HOURLY";
    refused(&wrapped(&event("y", ancient)), "RRULE", "more than 1000000 starts");
}

#[test]
fn a_rule_ends_with_the_last_moment_that_it_names() {
    let count =
        |start: &str, until: &str| shown(&format!("{start}\nDURATION:P1D\nRRULE:FREQ=DAILY;UNTIL={until}")).len();
    let timed = "DTSTART;TZID=America/New_York:20261201T200000";
    // Eight in the evening in New York is one in the morning in UTC.
    assert_eq!(count(timed, "20261204T010000Z"), 3);
    assert_eq!(count(timed, "20261204T005959Z"), 2);
    assert_eq!(count(timed, "20261203T200000"), 3);
    assert_eq!(count(timed, "20261203"), 3);
    assert_eq!(count("DTSTART;VALUE=DATE:20261201", "20261203"), 3);
    assert_eq!(count("DTSTART;VALUE=DATE:20261201", "20261203T000000Z"), 3);
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
fn a_long_uid_leaves_room_for_the_instance() {
    let text = wrapped(&event(&"u".repeat(500), &format!("{DAY}\nRRULE:FREQ=DAILY;COUNT=1")));
    let read = try_all(&text).unwrap();
    assert_eq!(read[0].id.as_str().len(), 40 + 1 + 12 + 17);
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
