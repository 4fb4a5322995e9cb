//! `--commit` where git refuses: the state stands, and the next run commits it.

use crate::freeze_gate::desk::{Desk, FREEZE, Told, calm, freeze, red, reset};
use crate::freeze_gate::git::{ACTIVATE, git, repository};

fn activate(desk: &Desk) -> Told {
    desk.run(&[&ACTIVATE[..], &["--output", "json"]].concat())
}

/// A repository whose hook refuses every commit.
fn refusing() -> Desk {
    let desk = repository();
    desk.put_program(".git/hooks/pre-commit", "#!/bin/sh\necho 'not today' >&2\nexit 1\n");
    desk
}

#[test]
fn where_the_commit_fails_the_freeze_stays() {
    let desk = refusing();
    let told = activate(&desk);
    assert_eq!(told.code, 4);
    for part in ["not today", "not committed", FREEZE] {
        assert!(told.stderr.contains(part), "{part:?} is not in\n{}", told.stderr);
    }
    assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 1);
}

#[test]
fn a_freeze_that_was_not_committed_is_committed_by_the_next_run_and_not_written_again() {
    let desk = refusing();
    assert_eq!(activate(&desk).code, 4);
    let before = desk.bytes(FREEZE);
    // As long as git refuses, no run says that all is well.
    let told = activate(&desk);
    assert_eq!((told.code, told.document()["outcome"].as_str()), (4, Some("already-active")), "{}", told.stderr);
    assert!(told.stderr.contains("not committed"), "{}", told.stderr);
    // Without `--commit` nobody asked for one.
    assert_eq!(desk.run(&["activate", "--budget", "budget.json"]).code, 0);
    desk.clear(".git/hooks/pre-commit");
    let told = activate(&desk);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let document = told.document();
    assert_eq!((document["outcome"].as_str(), document["committed"].as_bool()), (Some("already-active"), Some(true)));
    assert_eq!(desk.bytes(FREEZE), before);
    assert_eq!(git(&desk, &["show", "--name-only", "--format=", "HEAD"]).trim(), FREEZE);
    let message = git(&desk, &["log", "-1", "--format=%B"]);
    for part in ["activate change freeze mode", "error_budget_EMERGENCY", "RED"] {
        assert!(message.contains(part), "{part:?} is not in\n{message}");
    }
    // And once only.
    let document = activate(&desk).document();
    assert_eq!((document["outcome"].as_str(), document["committed"].as_bool()), (Some("already-active"), Some(false)));
    assert_eq!(git(&desk, &["rev-list", "--count", "HEAD"]).trim(), "1");
}

#[test]
fn a_budget_that_asks_for_nothing_any_more_leaves_no_freeze_uncommitted() {
    let desk = refusing();
    assert_eq!(activate(&desk).code, 4);
    desk.put("budget.json", calm().to_string());
    assert_eq!(activate(&desk).code, 4);
    desk.clear(".git/hooks/pre-commit");
    let document = activate(&desk).document();
    assert_eq!((document["outcome"].as_str(), document["committed"].as_bool()), (Some("not-needed"), Some(true)));
    assert_eq!(git(&desk, &["show", "--name-only", "--format=", "HEAD"]).trim(), FREEZE);
}

#[test]
fn an_active_freeze_that_git_would_pass_over_is_still_to_be_committed() {
    let desk = repository();
    git(&desk, &["config", "status.showUntrackedFiles", "no"]);
    desk.put(FREEZE, freeze().to_string());
    assert!(activate(&desk).document()["committed"].as_bool().unwrap());
    // The commit holds another state than the file.
    desk.put(FREEZE, reset().to_string());
    git(&desk, &["commit", "--quiet", "-m", "over", FREEZE]);
    desk.put(FREEZE, freeze().to_string());
    git(&desk, &["update-index", "--assume-unchanged", FREEZE]);
    assert!(activate(&desk).document()["committed"].as_bool().unwrap());
    // An ignored file is none that git commits.
    let desk = repository();
    desk.put(".gitignore", "docs/\n");
    for _ in 0..2 {
        let told = activate(&desk);
        assert_eq!(told.code, 4, "{}", told.stderr);
        assert!(told.stderr.contains("not committed"), "{}", told.stderr);
    }
}

#[test]
fn a_freeze_that_is_committed_is_not_committed_again_whatever_is_staged() {
    let desk = repository();
    desk.put(FREEZE, freeze().to_string());
    git(&desk, &["add", FREEZE]);
    git(&desk, &["commit", "--quiet", "-m", "freeze"]);
    let state = desk.bytes(FREEZE).unwrap();
    desk.put(FREEZE, reset().to_string());
    git(&desk, &["add", FREEZE]);
    desk.put(FREEZE, state);
    desk.put("budget.json", red().to_string());
    let told = activate(&desk);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(!told.document()["committed"].as_bool().unwrap());
    assert_eq!(git(&desk, &["rev-list", "--count", "HEAD"]).trim(), "1");
}
