//! Whole pictures, and what no picture may do.

use super::drawing::NARROWEST;
use super::*;

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn window(start: &str, end: &str) -> ChangeWindow {
    ChangeWindow { start: at(start), end: at(end) }
}

fn drawn(id: &str, kind: Kind, start: &str, end: &str) -> Drawn {
    Drawn { id: BlackoutId::parse(id).unwrap(), window: window(start, end), kind }
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn here_and_portal() -> [(&'static str, TimeZone); 2] {
    [("here", zone("Europe/Berlin")), ("portal", zone("America/New_York"))]
}

#[test]
fn a_window_in_its_blackout_that_also_overlaps_another_is_seen_at_a_glance() {
    let blackouts = [
        drawn("LATER", Kind::Elsewhere, "2026-12-10T09:00:00Z", "2026-12-14T10:00:00Z"),
        drawn("TOUCH", Kind::Elsewhere, "2026-12-04T09:00:00Z", "2026-12-04T10:00:00Z"),
        drawn("BF-2026", Kind::Overlapping, "2026-12-04T08:30:00Z", "2026-12-04T09:20:00Z"),
        drawn("YE-2026", Kind::Excepted, "2026-11-25T05:00:00Z", "2027-01-05T05:00:00Z"),
    ];
    let window = window("2026-12-04T07:00:00Z", "2026-12-04T09:00:00Z");
    let text = picture(window, &blackouts, &here_and_portal(), at("2026-12-04T06:12:00Z"), 80);
    let expected = "\
The window lies inside excepted blackout 1, YE-2026.
It OVERLAPS blackout 2, BF-2026, which is not excepted.

here        Fri 06:00             |Fri 08:00             |Fri 10:00    Fri 12:00
portal      Fri 00:00             |Fri 02:00             |Fri 04:00    Fri 06:00
window                            |######################|
1 excepted  <=====================|======================|=====================>
2 OVERLAPS                        |                !!!!!!|!!!!
3 elsewhere                       |                      |-----------
4 elsewhere                       |                      |              after >>
now                      ^        |                      |

window, 2 h
  here    Fri 2026-12-04 08:00 CET +01:00 to Fri 2026-12-04 10:00 CET +01:00
  portal  Fri 2026-12-04 02:00 EST -05:00 to Fri 2026-12-04 04:00 EST -05:00
1 excepted YE-2026, 41 d
  here    Wed 2026-11-25 06:00 CET +01:00 to Tue 2027-01-05 06:00 CET +01:00
  portal  Wed 2026-11-25 00:00 EST -05:00 to Tue 2027-01-05 00:00 EST -05:00
2 OVERLAPS BF-2026, 50 min
  here    Fri 2026-12-04 09:30 CET +01:00 to Fri 2026-12-04 10:20 CET +01:00
  portal  Fri 2026-12-04 03:30 EST -05:00 to Fri 2026-12-04 04:20 EST -05:00
3 elsewhere TOUCH, 1 h
  here    Fri 2026-12-04 10:00 CET +01:00 to Fri 2026-12-04 11:00 CET +01:00
  portal  Fri 2026-12-04 04:00 EST -05:00 to Fri 2026-12-04 05:00 EST -05:00
4 elsewhere LATER, 4 d 1 h
  here    Thu 2026-12-10 10:00 CET +01:00 to Mon 2026-12-14 11:00 CET +01:00
  portal  Thu 2026-12-10 04:00 EST -05:00 to Mon 2026-12-14 05:00 EST -05:00
now, 48 min before the window starts
  here    Fri 2026-12-04 07:12 CET +01:00
  portal  Fri 2026-12-04 01:12 EST -05:00
";
    assert_eq!(text, expected, "{text}");
}

#[test]
fn a_window_that_leaves_its_blackout_over_a_change_of_clocks_is_not_drawn_as_inside() {
    let blackouts = [drawn("WK", Kind::Excepted, "2026-03-08T06:33:20Z", "2026-03-08T07:58:00Z")];
    let window = window("2026-03-08T06:00:00Z", "2026-03-08T08:00:00Z");
    let text = picture(window, &blackouts, &here_and_portal(), at("2026-03-01T06:12:00Z"), 80);
    let expected = "\
The window is only PARTLY inside an excepted blackout.
It overlaps no other blackout.

here       Sun 05:05             |Sun 07:00              |Sun 09:00    Sun 10:54
portal     Sat 23:05             |Sun 01:00              |Sun 04:00    Sun 05:54
window                           |#######################|
1 excepted                       |      .===============.|
clocks                           |           *           |
now        << before             |                       |
* portal: clocks go forward by 1 h and then show Sun 2026-03-08 03:00 EDT -04:00

window, 2 h
  here    Sun 2026-03-08 07:00 CET +01:00 to Sun 2026-03-08 09:00 CET +01:00
  portal  Sun 2026-03-08 01:00 EST -05:00 to Sun 2026-03-08 04:00 EDT -04:00
1 excepted WK, 1 h 24 min
  here    Sun 2026-03-08 07:33:20 CET +01:00 to Sun 2026-03-08 08:58 CET +01:00
  portal  Sun 2026-03-08 01:33:20 EST -05:00 to Sun 2026-03-08 03:58 EDT -04:00
now, 6 d 23 h before the window starts
  here    Sun 2026-03-01 07:12 CET +01:00
  portal  Sun 2026-03-01 01:12 EST -05:00
";
    assert_eq!(text, expected, "{text}");
}

#[test]
fn a_window_of_days_on_a_narrow_terminal_shows_dates_and_breaks_its_lines() {
    let blackouts = [drawn("WK", Kind::Elsewhere, "2026-03-08T06:33:20Z", "2026-03-08T07:58:00Z")];
    let window = window("2026-03-08T06:00:00Z", "2026-03-18T08:00:00Z");
    let text = picture(window, &blackouts, &here_and_portal(), at("2026-04-01T06:12:00Z"), 60);
    let expected = "\
The window is NOT inside any excepted blackout.
It OVERLAPS blackout 1, WK, which is not excepted.

here       02-27 09:28    |03-08 07:00      |03-18 09:00
portal     02-27 03:28    |03-08 01:00      |03-18 04:00
window                    |#################|
1 OVERLAPS                |!                |
clocks                    |*                |
now                       |                 |       after >>
* portal: clocks go forward by 1 h and then show Sun 2026-03-08 03:00 EDT -04:00

window, 10 d 2 h
  here    Sun 2026-03-08 07:00 CET +01:00
          to Wed 2026-03-18 09:00 CET +01:00
  portal  Sun 2026-03-08 01:00 EST -05:00
          to Wed 2026-03-18 04:00 EDT -04:00
1 OVERLAPS WK, 1 h 24 min
  here    Sun 2026-03-08 07:33:20 CET +01:00
          to Sun 2026-03-08 08:58 CET +01:00
  portal  Sun 2026-03-08 01:33:20 EST -05:00
          to Sun 2026-03-08 03:58 EDT -04:00
now, 13 d 22 h AFTER the window ended
  here    Wed 2026-04-01 08:12 CEST +02:00
  portal  Wed 2026-04-01 02:12 EDT -04:00
";
    assert_eq!(text, expected, "{text}");
}

/// The row of the first blackout.
fn row(start: &str, end: &str, kind: Kind) -> String {
    let window = window("2026-12-04T07:00:00Z", "2026-12-04T09:00:00Z");
    let text = picture(window, &[drawn("B", kind, start, end)], &[("here", TimeZone::UTC)], window.start, 80);
    text.lines().find(|line| line.starts_with("1 ")).unwrap().to_owned()
}

#[test]
fn what_touches_the_window_stays_outside_the_bars_and_a_second_more_does_not() {
    let between = |row: &str| row.split('|').nth(1).unwrap().to_owned();
    for (start, end) in
        [("2026-12-04T09:00:00Z", "2026-12-05T00:00:00Z"), ("2026-12-01T00:00:00Z", "2026-12-04T07:00:00Z")]
    {
        assert_eq!(between(&row(start, end, Kind::Overlapping)).trim(), "");
    }
    let late = between(&row("2026-12-04T08:59:59Z", "2026-12-05T00:00:00Z", Kind::Elsewhere));
    assert_eq!(late.trim_start(), "!");
    let early = between(&row("2026-12-01T00:00:00Z", "2026-12-04T07:00:01Z", Kind::Elsewhere));
    assert_eq!(early.trim_end(), "!");
    let short = between(&row("2026-12-01T00:00:00Z", "2026-12-04T08:59:59Z", Kind::Excepted));
    assert!(short.starts_with('=') && short.ends_with('.'), "{short}");
}

#[test]
fn two_excepted_blackouts_may_cover_a_window_together_and_a_gap_between_them_is_told() {
    let window = window("2026-12-04T07:00:00Z", "2026-12-04T09:00:00Z");
    let first_line = |second: &str| {
        let blackouts = [
            drawn("B", Kind::Excepted, second, "2026-12-05T00:00:00Z"),
            drawn("A", Kind::Excepted, "2026-12-01T00:00:00Z", "2026-12-04T08:00:00Z"),
        ];
        let text = picture(window, &blackouts, &here_and_portal(), window.start, 80);
        text.lines().next().unwrap().to_owned()
    };
    assert!(first_line("2026-12-04T08:00:00Z").contains("together"));
    assert!(first_line("2026-12-04T08:00:01Z").contains("PARTLY"));
}

#[test]
fn every_picture_is_ascii_and_no_wider_than_asked_for_whatever_it_is_given() {
    let zones = [("h\u{e9}re", zone("Asia/Kolkata")), ("a label of some length", zone("Pacific/Apia"))];
    let blackouts: Vec<Drawn> = (1..30)
        .map(|day| {
            let start = format!("2026-03-{day:02}T00:00:00Z");
            drawn(&format!("B{day}"), Kind::Elsewhere, &start, &start.replace("T00", "T23"))
        })
        .collect();
    for (end, width) in [("2026-03-08T06:00:01Z", 0), ("2026-03-08T07:00:00Z", 80), ("2036-01-01T00:00:00Z", 200)] {
        let window = window("2026-03-08T06:00:00Z", end);
        let text = picture(window, &blackouts, &zones, at("2026-03-08T06:00:00Z"), width);
        assert!(text.is_ascii());
        for line in text.lines().filter(|line| line.contains('|')) {
            assert!(line.len() <= width.max(NARROWEST), "{line}");
        }
    }
    let backwards = window("2026-03-08T06:00:00Z", "2026-03-07T06:00:00Z");
    assert!(picture(backwards, &blackouts, &zones, at("2026-03-08T06:00:00Z"), 80).contains("ends before it starts"));
}
