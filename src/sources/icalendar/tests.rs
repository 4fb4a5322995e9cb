//! What a calendar may say.

use jiff::tz::TimeZone;

use super::*;

pub(super) fn window(start: &str, end: &str) -> ChangeWindow {
    ChangeWindow {
        start: start.parse::<jiff::Timestamp>().unwrap().into(),
        end: end.parse::<jiff::Timestamp>().unwrap().into(),
    }
}

pub(super) fn year() -> ChangeWindow {
    window("2026-01-01T00:00Z", "2027-01-01T00:00Z")
}

pub(super) fn wrapped(events: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\n{events}END:VCALENDAR\n")
}

/// An event, `lines` being everything beside its UID.
pub(super) fn event(uid: &str, lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:{uid}\n{lines}\nEND:VEVENT\n")
}

pub(super) fn in_new_york() -> ZoneNames {
    ZoneNames { default: Some(TimeZone::get("America/New_York").unwrap()), ..ZoneNames::default() }
}

pub(super) fn try_all(text: &str) -> Result<Vec<Blackout>, Diagnostic> {
    read(Path::new("freeze.ics"), text, &in_new_york(), year())
}

/// Identifiers and windows of one event.
fn shown(lines: &str) -> Vec<String> {
    shown_all(&wrapped(&event("y", lines)))
}

pub(super) fn shown_all(text: &str) -> Vec<String> {
    let blackouts = try_all(text).unwrap_or_else(|error| panic!("{error}"));
    blackouts.iter().map(|blackout| format!("{} {}", blackout.id, blackout.window)).collect()
}

#[track_caller]
pub(super) fn refused(text: &str, place: &str, why: &str) {
    let error = try_all(text).expect_err(text).to_string();
    assert!(error.contains(why) && error.contains(place), "{why:?} at {place:?} is not in:\n{error}");
}

pub(super) const DAY: &str = "DTSTART:20261201T000000Z\nDTEND:20261202T000000Z";

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
fn an_instance_may_be_named_by_the_other_kind_of_time() {
    // Exchange names a day of whole days by its midnight.
    let days = event("d", "DTSTART;VALUE=DATE:20261120\nRRULE:FREQ=DAILY;COUNT=3");
    let by_time = "RECURRENCE-ID;TZID=W. Europe Standard Time:20261121T000000";
    let moved = event("d", &format!("{by_time}\nDTSTART;VALUE=DATE:20261128"));
    let series = |instance: &str| shown_all(&wrapped(&format!("X-WR-TIMEZONE:Europe/Berlin\n{days}{instance}")));
    let ids =
        |shown: Vec<String>| shown.iter().map(|one| one.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(series(&moved)), ["d.20261120", "d.20261122", "d.20261121"]);
    assert!(series(&moved)[2].contains("2026-11-27T23:00:00Z"), "{:?}", series(&moved));
    assert_eq!(ids(series(&event("d", &format!("{by_time}\nSTATUS:CANCELLED")))), ["d.20261120", "d.20261122"]);
    let kept = event("d", &format!("{by_time}\nDTSTART;VALUE=DATE:20261121\nSUMMARY:Freeze"));
    assert_eq!(ids(series(&kept)), ["d.20261120", "d.20261121", "d.20261122"]);
    let noon = event("d", "RECURRENCE-ID:20261121T110000Z\nSTATUS:CANCELLED");
    refused(&wrapped(&format!("X-WR-TIMEZONE:Europe/Berlin\n{days}{noon}")), "RECURRENCE-ID", "by a time of day");
    // A time of day, by its date.
    let times = "DTSTART;TZID=Europe/Berlin:20261120T090000\nDURATION:PT2H\nRRULE:FREQ=DAILY;COUNT=3";
    assert_eq!(shown(&format!("{times}\nEXDATE;VALUE=DATE:20261121")).len(), 2);
    assert_eq!(shown(&format!("{times}\nEXDATE;VALUE=DATE:20261129")).len(), 3);
}

#[test]
fn a_whole_day_may_end_on_itself() {
    let expected = ["y 2026-11-19T23:00:00Z to 2026-11-20T23:00:00Z"];
    let day = event("y", "DTSTART;VALUE=DATE:20261120\nDTEND;VALUE=DATE:20261120");
    assert_eq!(shown_all(&wrapped(&format!("X-WR-TIMEZONE:Europe/Berlin\n{day}"))), expected);
}

#[test]
fn a_zone_may_be_defined_again_and_not_otherwise() {
    let berlin = defined("Europe/Berlin", "", &BERLIN);
    let event = event("y", "DTSTART;TZID=Europe/Berlin:20260701T120000\nDURATION:PT1H");
    assert_eq!(shown_all(&wrapped(&format!("{berlin}{berlin}{event}"))).len(), 1);
    let other = berlin.replace("TZOFFSETTO:+0200", "TZOFFSETTO:+0300");
    assert_ne!(berlin, other);
    refused(&wrapped(&format!("{berlin}{other}{event}")), "DTSTART", "is defined in two ways");
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
    let ancient = "DTSTART;VALUE=DATE:16010101\nRRULE:FREQ=WEEKLY;INTERVAL=52;BYDAY=WE";
    assert_eq!(shown(ancient), ["y.20260722 2026-07-22T04:00:00Z to 2026-07-23T04:00:00Z"]);
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

/// A zone's definition: its name and place, and of each observance the kind, the offsets before and from then on, its start
/// and what repeats it.
fn defined(id: &str, place: &str, observances: &[[&str; 5]]) -> String {
    let place = if place.is_empty() { String::new() } else { format!("X-LIC-LOCATION:{place}\n") };
    let observance = |[kind, from, to, start, rule]: &[&str; 5]| {
        let rule = if rule.is_empty() { String::new() } else { format!("RRULE:{rule}\n") };
        format!("BEGIN:{kind}\nDTSTART:{start}\n{rule}TZOFFSETFROM:{from}\nTZOFFSETTO:{to}\nEND:{kind}\n")
    };
    let observances: String = observances.iter().map(observance).collect();
    format!("BEGIN:VTIMEZONE\nTZID:{id}\n{place}{observances}END:VTIMEZONE\n")
}

const BERLIN: [[&str; 5]; 2] = [
    ["STANDARD", "+0200", "+0100", "16010101T030000", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"],
    ["DAYLIGHT", "+0100", "+0200", "16010101T020000", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"],
];

#[test]
fn a_zone_that_the_calendar_defines_is_followed_where_it_is_a_known_one() {
    let with = |id: &str, place: &str| {
        let event = event("y", &format!("DTSTART;TZID={id}:20260701T120000\nDURATION:PT1H"));
        wrapped(&format!("{}{event}", defined(id, place, &BERLIN)))
    };
    let expected = ["y 2026-07-01T10:00:00Z to 2026-07-01T11:00:00Z"];
    assert_eq!(shown_all(&with("Europe/Berlin", "")), expected);
    assert_eq!(shown_all(&with("W. Europe Standard Time", "")), expected);
    assert_eq!(shown_all(&with("/x/Berlin", "Europe/Berlin")), expected);
    assert_eq!(shown_all(&with("Customized Time Zone", "")), expected);
    assert_eq!(shown_all(&with("W. Europe Standard Time 1", "")), expected);
    let event = event("y", "DTSTART;TZID=Private:20260701T120000\nDURATION:PT1H");
    refused(&wrapped(&format!("{}{event}", defined("Private", "", &[]))), "DTSTART", "private to this calendar");
    refused(&with("Asia/Kolkata", ""), "freeze.ics:18", "TZID: y lasts from 2026-07-01T06:30:00Z");
}

#[test]
fn a_blackout_that_the_calendars_own_zone_puts_elsewhere_is_refused() {
    let zone = "America/New_York";
    // As Outlook writes it for a computer that does not follow daylight saving.
    let winter = defined(zone, "", &[["STANDARD", "-0500", "-0500", "16010101T000000", ""]]);
    let with = |definition: &str, lines: &str| wrapped(&format!("{definition}{}", event("y", lines)));
    let at = |start: &str| format!("DTSTART;TZID={zone}:{start}\nDURATION:PT1H");
    refused(&with(&winter, &at("20260701T120000")), "TZID", "y lasts from 2026-07-01T16:00:00Z");
    let expected = ["y 2026-12-01T17:00:00Z to 2026-12-01T18:00:00Z"];
    assert_eq!(shown_all(&with(&winter, &at("20261201T120000"))), expected, "in winter both agree");
    // With the rules before 2007, which end daylight saving a week before November.
    let old = [
        ["STANDARD", "-0400", "-0500", "19671029T020000", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"],
        ["DAYLIGHT", "-0500", "-0400", "19870405T020000", "FREQ=YEARLY;BYDAY=1SU;BYMONTH=4"],
    ];
    let old = defined(zone, "", &old);
    assert_eq!(shown_all(&with(&old, &at("20261201T120000"))), expected);
    assert_eq!(shown_all(&with(&old, &at("20260701T120000"))).len(), 1);
    refused(&with(&old, &at("20261026T120000")), "TZID", "by the zone database, but not by the zones");
    let weekly = format!("{}\nRRULE:FREQ=WEEKLY;COUNT=8", at("20260901T120000"));
    assert_eq!(shown_all(&with(&old, &weekly)).len(), 8);
    refused(&with(&old, &weekly.replace("COUNT=8", "COUNT=9")), "TZID", "y.20261027T160000Z lasts");
    // A blackout of the calendar's zone alone, and an exception that its zone does not name.
    let late = "DTSTART;TZID=America/New_York:20251231T183000\nDURATION:PT30M";
    let shifted = defined(zone, "", &[["STANDARD", "-0600", "-0600", "16010101T000000", ""]]);
    refused(&with(&shifted, late), "TZID", "by the zones that this calendar defines, but not by the zone database");
    let except = "DTSTART:20260701T160000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE;TZID=America/New_York:20260701T120000";
    refused(&with(&winter, except), "TZID", "y.20260701T160000Z lasts");
    // A name in the settings goes before both.
    let mut names = in_new_york();
    names.aliases.insert(zone.into(), TimeZone::get(zone).unwrap());
    assert_eq!(read(Path::new("f"), &with(&winter, &at("20260701T120000")), &names, year()).unwrap().len(), 1);
}

#[test]
fn a_definition_for_one_season_does_for_the_blackouts_of_that_season() {
    let summer = defined("Europe/Berlin", "", &[["DAYLIGHT", "+0100", "+0200", "20260329T020000", ""]]);
    let with = |start: &str| {
        let event = event("y", &format!("DTSTART;TZID=Europe/Berlin:{start}\nDURATION:PT1H"));
        wrapped(&format!("{summer}{event}"))
    };
    assert_eq!(shown_all(&with("20260701T120000")), ["y 2026-07-01T10:00:00Z to 2026-07-01T11:00:00Z"]);
    refused(&with("20261201T120000"), "TZID", "y lasts from 2026-12-01T11:00:00Z");
    let empty = summer.replace("BEGIN:DAYLIGHT", "BEGIN:X-ODD").replace("END:DAYLIGHT", "END:X-ODD");
    let unsaid = with("20261201T120000").replace(&summer, &empty);
    assert_eq!(shown_all(&unsaid).len(), 1, "without an observance it says nothing");
    refused(&with("20260701T120000").replace("TZOFFSETTO:+0200", "TZOFFSETTO:2"), "VTIMEZONE", "no TZOFFSETTO");
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
fn a_long_uid_leaves_room_for_the_instance() {
    let text = wrapped(&event(&"u".repeat(500), &format!("{DAY}\nRRULE:FREQ=DAILY;COUNT=1")));
    let read = try_all(&text).unwrap();
    assert_eq!(read[0].id.as_str().len(), 40 + 1 + 12 + 17);
}
