//! `freeze activate`.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::freeze_gate::desk::{
    Desk, FREEZE, OVERRIDE, Told, calm, freeze, red, release_override, reset, with, without,
};

fn activate(desk: &Desk, budget: &Value) -> Told {
    desk.put("budget.json", budget.to_string());
    desk.run(&["activate", "--budget", "budget.json", "--output", "json"])
}

#[test]
fn a_red_budget_freezes_and_the_gate_blocks() {
    let desk = Desk::repository();
    assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 0);
    let told = activate(&desk, &red());
    assert_eq!((told.code, &told.document()["outcome"]), (0, &json!("activated")), "{}", told.stderr);
    assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 1);
    let state = desk.json(FREEZE);
    let keys: Vec<_> = state.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["freeze_mode", "set_at", "reason", "set_by", "tier", "expires_at", "note"]);
    assert_eq!(without(without(state, "set_at"), "note"), without(without(freeze(), "set_at"), "note"));
    let mode = std::fs::metadata(desk.path(FREEZE)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o644, "the gate of another account could not read it");
    assert_eq!(desk.state_folder(), ["freeze_mode.json"]);
}

#[test]
fn an_exhausted_budget_freezes_whatever_the_tier() {
    for (pointer, value) in [
        ("/budgets/rollbacks/exhausted", json!(true)),
        ("/budgets/fails/remaining", json!(0)),
        ("/budgets/warns/consumed", json!(11)),
        ("/exhaustion/any_exhausted", json!(true)),
    ] {
        let desk = Desk::repository();
        let mut budget = with(calm(), "tier", json!("GREEN"));
        *budget.pointer_mut(pointer).unwrap() = value;
        assert_eq!(activate(&desk, &budget).code, 0);
        let reason = desk.json(FREEZE)["reason"].as_str().unwrap().to_owned();
        assert!(reason.starts_with("error_budget_exhausted: "), "{reason}");
        assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 1, "{pointer}");
    }
}

#[test]
fn a_calm_budget_neither_freezes_nor_thaws() {
    let desk = Desk::repository();
    let told = activate(&desk, &calm());
    assert_eq!((told.code, &told.document()["outcome"]), (0, &json!("not-needed")));
    assert!(!desk.path("docs").exists(), "something was made");
    desk.put(FREEZE, freeze().to_string());
    let before = desk.bytes(FREEZE);
    assert_eq!(activate(&desk, &calm()).code, 0);
    assert_eq!(desk.bytes(FREEZE), before);
    assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 1);
}

#[test]
fn an_active_freeze_is_left_as_it_is_byte_for_byte() {
    let desk = Desk::repository();
    let odd = format!("  {}\n\n", with(freeze(), "more", json!("kept")));
    desk.put(FREEZE, &odd);
    let told = activate(&desk, &red());
    assert_eq!((told.code, &told.document()["outcome"]), (0, &json!("already-active")));
    assert_eq!(desk.bytes(FREEZE).unwrap(), odd.as_bytes());
}

#[test]
fn a_freeze_that_a_person_ended_can_be_set_anew_and_an_older_override_does_not_lift_it() {
    let desk = Desk::repository();
    desk.put(FREEZE, reset().to_string());
    desk.put(OVERRIDE, release_override().to_string());
    std::fs::set_permissions(desk.path(FREEZE), std::fs::Permissions::from_mode(0o664)).unwrap();
    let told = activate(&desk, &red());
    assert_eq!((told.code, &told.document()["outcome"]), (0, &json!("activated")));
    assert_eq!(desk.json(FREEZE)["freeze_mode"], true);
    assert_eq!(std::fs::metadata(desk.path(FREEZE)).unwrap().permissions().mode() & 0o777, 0o664);
    let gate = desk.run(&["gate", "--mode", "ga", "--output", "json"]);
    assert_eq!((gate.code, &gate.document()["override"]["why"]), (1, &json!(["not-after-freeze"])));
}

#[test]
fn a_state_that_cannot_be_read_is_not_overwritten() {
    for budget in [red(), calm()] {
        for broken in ["", "{", "[]", "{\"freeze_mode\": \"true\"}", "{\"freeze_mode\":true,\"freeze_mode\":false}"] {
            let desk = Desk::repository();
            desk.put(FREEZE, broken);
            assert_eq!(activate(&desk, &budget).code, 2, "{broken:?}");
            assert_eq!(desk.bytes(FREEZE).unwrap(), broken.as_bytes());
        }
    }
}

#[test]
fn a_budget_that_cannot_be_read_writes_nothing() {
    let desk = Desk::repository();
    for broken in [
        json!(null),
        json!({}),
        without(red(), "exhaustion"),
        with(red(), "tier", json!("EMERGENCY")),
        with(red(), "budgets", json!({"rollbacks": {}})),
    ] {
        let told = activate(&desk, &broken);
        assert_eq!((told.code, &told.document()["outcome"]), (2, &json!("invalid-input")), "{broken}");
    }
    assert_eq!(desk.run(&["activate", "--budget", "none.json"]).code, 2);
    assert_eq!(desk.run(&["activate"]).code, 2);
    assert!(!desk.path("docs").exists(), "something was made");
}

#[test]
fn outside_a_repository_the_file_has_to_be_named() {
    let desk = Desk::bare();
    assert_eq!(activate(&desk, &red()).code, 2);
    assert!(!desk.path("docs").exists(), "something was made");
    let told = desk.run(&["activate", "--budget", "budget.json", "--freeze-file", "a/b/freeze.json"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert_eq!(desk.run(&["gate", "--mode", "ga", "--freeze-file", "a/b/freeze.json"]).code, 1);
}

#[test]
fn of_activations_at_once_one_writes() {
    let desk = Desk::repository();
    desk.put("budget.json", red().to_string());
    let start = || {
        let mut command = desk.command(&["activate", "--budget", "budget.json", "--output", "json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = (0..12).map(|_| start()).collect();
    let told: Vec<Told> = running.into_iter().map(|child| child.wait_with_output().unwrap().into()).collect();
    assert!(told.iter().all(|told| told.code == 0));
    let outcomes: Vec<_> = told.iter().map(|told| told.document()["outcome"].clone()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "activated").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "already-active").count(), 11, "{outcomes:?}");
    assert_eq!(desk.state_folder(), ["freeze_mode.json"]);
}
