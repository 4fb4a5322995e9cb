//! `freeze status`.

use serde_json::json;

use crate::freeze_gate::desk::{Desk, FREEZE, OVERRIDE, freeze, release_override, reset, with};

#[test]
fn the_exit_code_says_whether_releases_are_frozen() {
    let desk = Desk::repository();
    assert_eq!(desk.run(&["status"]).code, 0);
    desk.put(FREEZE, reset().to_string());
    assert_eq!(desk.run(&["status"]).code, 0);
    desk.put(FREEZE, with(reset(), "set_by", json!("automation")).to_string());
    assert_eq!(desk.run(&["status"]).code, 1);
    desk.put(FREEZE, freeze().to_string());
    assert_eq!(desk.run(&["status"]).code, 1);
    desk.put(OVERRIDE, release_override().to_string());
    assert_eq!(desk.run(&["status"]).code, 1);
    desk.put(OVERRIDE, "{");
    assert_eq!(desk.run(&["status"]).code, 2);
    desk.put(FREEZE, "{");
    assert_eq!(desk.run(&["status"]).code, 2);
    assert_eq!(Desk::bare().run(&["status"]).code, 2);
    assert_eq!(Desk::repository().run(&["status", "--freeze-file", "none.json"]).code, 2);
}

#[test]
fn a_broken_override_is_told_but_matters_only_during_a_freeze() {
    let desk = Desk::repository();
    desk.put(OVERRIDE, "{");
    let told = desk.run(&["status"]);
    assert_eq!(told.code, 0);
    assert!(told.stderr.contains(OVERRIDE), "{}", told.stderr);
}

#[test]
fn people_read_since_when_why_and_what_each_mode_would_meet() {
    let desk = Desk::frozen();
    desk.put(OVERRIDE, with(release_override(), "active", json!(false)).to_string());
    let told = desk.run(&["status"]);
    for part in [
        "frozen\n",
        "error_budget_EMERGENCY",
        "RED",
        "automation",
        "does not count: `active` is false",
        "ga        blocked",
        "hotfix    passes",
    ] {
        assert!(told.stdout.contains(part), "{part:?} is not in\n{}", told.stdout);
    }
}

#[test]
fn programs_read_the_same() {
    let desk = Desk::frozen();
    desk.put(OVERRIDE, release_override().to_string());
    let told = desk.run(&["status", "--output", "json"]);
    let document = told.document();
    assert_eq!(document["state"], "frozen");
    assert_eq!(document["exit"], 1);
    assert_eq!(document["override"]["verdict"], "counts");
    assert_eq!(document["modes"], json!({"ga": "passes", "rc": "passes", "pages": "passes", "hotfix": "passes"}));
    desk.put(FREEZE, "nothing");
    assert_eq!(desk.run(&["status", "--output", "json"]).document()["state"], "unknown");
}
