//! `freeze override`.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::freeze_gate::desk::{Desk, FREEZE, OVERRIDE, freeze, from_now, red, release_override, reset, with};

#[test]
fn an_override_lets_pass_and_leaves_the_freeze_as_it_is() {
    let desk = Desk::frozen();
    let before = desk.bytes(FREEZE);
    let told = desk.grant(&["--output", "json"]);
    assert_eq!((told.code, &told.document()["outcome"]), (0, &json!("granted")), "{}", told.stderr);
    assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 0);
    assert_eq!(desk.run(&["status"]).code, 1, "an override ended the freeze");
    assert_eq!(desk.bytes(FREEZE), before);
    let over = desk.json(OVERRIDE);
    let keys: Vec<_> = over.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = release_override();
    assert_eq!(keys, expected.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(over["approved_via_environment"], "release-override");
    assert_eq!(over["approved_by"], "release.lead");
    assert_eq!(desk.state_folder(), ["freeze_mode.json", "release_override.json"]);
}

#[test]
fn an_override_in_the_second_of_the_freeze_counts() {
    let desk = Desk::repository();
    desk.put("budget.json", red().to_string());
    for _ in 0..5 {
        desk.clear(FREEZE);
        desk.clear(OVERRIDE);
        assert_eq!(desk.run(&["activate", "--budget", "budget.json"]).code, 0);
        let granted = desk.grant(&["--duration-hours", "1"]);
        assert_eq!(granted.code, 0, "{}", granted.stderr);
        assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 0);
    }
}

#[test]
fn an_override_lasts_exactly_the_hours_asked_for() {
    let desk = Desk::frozen();
    for hours in [1, 24] {
        assert_eq!(desk.grant(&["--duration-hours", &hours.to_string()]).code, 0);
        assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 0, "{hours}");
        let over = desk.json(OVERRIDE);
        let at = |key: &str| over[key].as_str().unwrap().parse::<Timestamp>().unwrap();
        assert_eq!(at("expires_at").duration_since(at("set_at")), SignedDuration::from_hours(hours));
        // Readers of the state in other languages do not all know fractions.
        assert_eq!(at("set_at").subsec_nanosecond(), 0);
    }
}

#[test]
fn what_the_rules_do_not_allow_is_not_written() {
    let desk = Desk::frozen();
    let spaces = format!("short{}one", " ".repeat(80));
    for wrong in [
        ["--duration-hours", "0"],
        ["--duration-hours", "25"],
        ["--duration-hours", "256"],
        ["--duration-hours", "-1"],
        ["--duration-hours", "1.5"],
        ["--justification", "too short"],
        ["--justification", &"x".repeat(49)],
        ["--justification", &spaces],
        ["--ticket-url", "INC-7"],
        ["--ticket-url", "https://"],
        ["--ticket-url", "https://me:secret@tickets.example/7"],
        ["--environment", "production"],
        ["--approved-by", " "],
    ] {
        let told = desk.grant(&wrong);
        assert_eq!(told.code, 2, "{wrong:?}: {}{}", told.stdout, told.stderr);
    }
    assert_eq!(desk.bytes(OVERRIDE), None);
    for right in
        [["--duration-hours", "1"], ["--justification", &"x".repeat(50)], ["--environment", "release-override"]]
    {
        assert_eq!(desk.grant(&right).code, 0, "{right:?}");
    }
}

#[test]
fn without_an_active_freeze_there_is_nothing_to_override() {
    let desk = Desk::repository();
    assert_eq!(desk.grant(&[]).code, 1);
    assert!(!desk.path("docs").exists(), "something was made");
    desk.put(FREEZE, reset().to_string());
    let told = desk.grant(&["--output", "json"]);
    assert_eq!((told.code, &told.document()["outcome"]), (1, &json!("refused")));
    assert_eq!(desk.bytes(OVERRIDE), None);
}

#[test]
fn a_freeze_from_the_future_cannot_be_overridden() {
    let desk = Desk::repository();
    desk.put(FREEZE, with(freeze(), "set_at", json!(from_now(60))).to_string());
    assert_eq!(desk.grant(&[]).code, 1);
    assert_eq!(desk.bytes(OVERRIDE), None);
}

#[test]
fn what_cannot_be_read_is_neither_built_upon_nor_overwritten() {
    let desk = Desk::repository();
    desk.put(FREEZE, "{");
    assert_eq!(desk.grant(&[]).code, 2);
    assert_eq!(desk.bytes(OVERRIDE), None);
    desk.put(FREEZE, freeze().to_string());
    desk.put(OVERRIDE, "{");
    assert_eq!(desk.grant(&[]).code, 2);
    assert_eq!(desk.bytes(OVERRIDE).unwrap(), b"{");
    let outside = Desk::bare();
    assert_eq!(outside.grant(&[]).code, 2);
    assert_eq!(outside.grant(&["--freeze-file", "none.json"]).code, 2);
}

#[test]
fn a_new_override_takes_the_place_of_the_old_one() {
    let desk = Desk::frozen();
    desk.put(OVERRIDE, with(release_override(), "expires_at", json!(from_now(-1))).to_string());
    assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 1);
    assert_eq!(desk.grant(&["--duration-hours", "2"]).code, 0);
    assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 0);
}
