//! Default states that are not on disk, where git does not know them, or does not say.

use crate::freeze_gate::desk::{Desk, FREEZE, OVERRIDE, Told, freeze, red};
use crate::freeze_gate::git::{git, repository};

const GATE: [&str; 3] = ["gate", "--mode", "ga"];
/// Makes git take every repository for somebody else's; its own tests use it.
const NOT_MINE: (&str, &str) = ("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");

/// A repository with a committed file, and a committed freeze where one is asked for.
fn committed(frozen: bool) -> Desk {
    let desk = repository();
    if frozen {
        desk.put(FREEZE, freeze().to_string());
        git(&desk, &["add", FREEZE]);
    }
    git(&desk, &["commit", "--quiet", "-m", "first"]);
    desk
}

/// The same, with everything but the files in the root left out by a sparse checkout.
fn sparse(frozen: bool) -> Desk {
    let desk = committed(frozen);
    git(&desk, &["sparse-checkout", "init", "--cone"]);
    assert!(!desk.path("docs").exists(), "nothing is left out");
    desk
}

fn gate_as_a_stranger(desk: &Desk) -> Told {
    desk.command(&GATE).env(NOT_MINE.0, NOT_MINE.1).output().unwrap().into()
}

/// The gate with a `git` that is this script.
fn gate_with(desk: &Desk, script: &str) -> Told {
    desk.put_program("bin/git", &format!("#!/bin/sh\n{script}\n"));
    let path = format!("{}:{}", desk.path("bin").display(), std::env::var("PATH").unwrap());
    desk.command(&GATE).env("PATH", path).output().unwrap().into()
}

fn check_blocked(told: &Told, parts: &[&str]) {
    assert_eq!(told.code, 2, "{}{}", told.stdout, told.stderr);
    for part in parts {
        assert!(told.stderr.contains(part), "{part:?} is not in\n{}", told.stderr);
    }
}

#[test]
fn a_checkout_that_somebody_else_owns_is_judged_like_ones_own() {
    check_blocked(&gate_as_a_stranger(&sparse(true)), &[FREEZE, "tracked by git"]);
    let told = gate_as_a_stranger(&sparse(false));
    assert_eq!(told.code, 0, "{}", told.stderr);
    // Where this account may, the same with a checkout that really is somebody else's.
    for (frozen, expected) in [(true, 2), (false, 0)] {
        let desk = sparse(frozen);
        if std::os::unix::fs::chown(desk.path(".git"), Some(4_321), None).is_ok() {
            std::os::unix::fs::chown(desk.path(""), Some(4_321), None).unwrap();
            let told = desk.run(&GATE);
            assert_eq!(told.code, expected, "{}", told.stderr);
        }
    }
}

#[test]
fn no_setting_of_a_repository_that_somebody_else_owns_runs_a_program() {
    for frozen in [true, false] {
        let desk = sparse(frozen);
        let proof = desk.path("run");
        git(&desk, &["config", "core.fsmonitor", &format!("touch {}; false", proof.display())]);
        gate_as_a_stranger(&desk);
        assert!(!proof.exists(), "its file monitor was run");
    }
    // Trees that are still to be fetched are fetched by programs that the settings name.
    let from = committed(true);
    git(&from, &["config", "uploadpack.allowFilter", "true"]);
    let desk = Desk::bare();
    let url = format!("file://{}", from.path("").display());
    git(&desk, &["clone", "--quiet", "--no-checkout", "--filter=tree:0", &url, "clone"]);
    let proof = desk.path("run");
    let program = format!("touch {}; git-upload-pack", proof.display());
    git(&desk, &["-C", "clone", "config", "remote.origin.uploadpack", &program]);
    let gate = |desk: &Desk| desk.command(&GATE).current_dir(desk.path("clone")).output().unwrap().into();
    check_blocked(&gate(&desk), &[FREEZE, "fatal: "]);
    assert!(!proof.exists(), "something was fetched");
}

#[test]
fn a_clone_that_nothing_was_checked_out_of_has_the_states_of_its_commit() {
    for (frozen, expected) in [(true, 2), (false, 0)] {
        let from = committed(frozen);
        let desk = Desk::bare();
        let url = from.path("").display().to_string();
        git(&desk, &["clone", "--quiet", "--no-checkout", &url, "clone"]);
        for there_already in [None, Some("clone/docs/releases"), Some("clone/docs/releases/_state")] {
            if let Some(folder) = there_already {
                std::fs::create_dir_all(desk.path(folder)).unwrap();
            }
            let told: Told = desk.command(&GATE).current_dir(desk.path("clone")).output().unwrap().into();
            assert_eq!(told.code, expected, "{there_already:?}: {}", told.stderr);
            assert_eq!(told.stderr.contains("tracked by git"), frozen, "{}", told.stderr);
        }
        // What the message advises helps.
        git(&desk, &["-C", "clone", "restore", "--staged", "--worktree", "."]);
        let told: Told = desk.command(&GATE).current_dir(desk.path("clone")).output().unwrap().into();
        assert_eq!(told.code, i32::from(frozen), "{}", told.stderr);
    }
}

#[test]
fn in_a_repository_without_a_commit_no_state_was_ever_set() {
    for desk in [Desk::repository(), repository()] {
        let told = desk.run(&GATE);
        assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    }
}

#[test]
fn where_git_does_not_say_nobody_can_tell() {
    for exit in [2, 128, 129] {
        // Git warns first, and says what is wrong later.
        let script =
            format!("printf 'warning: so what\\nfatal: the moon is in \\033[2J the way\\nmore\\n' >&2\nexit {exit}");
        let told = gate_with(&sparse(true), &script);
        check_blocked(&told, &[FREEZE, "fatal: the moon is in", "git status"]);
        assert!(!told.stderr.contains('\u{1b}') && !told.stderr.contains("more"), "{:?}", told.stderr);
    }
    check_blocked(&gate_with(&sparse(true), "kill -9 $$"), &[FREEZE, "signal"]);
    // The commit cannot be looked into, though the index can.
    let told = gate_with(&sparse(true), "case \"$*\" in *ls-files*) exit 1;; *rev-parse*) exit 0;; esac\nexit 128");
    check_blocked(&told, &[FREEZE, "128"]);
}

#[test]
fn a_repository_that_is_damaged_or_none_at_all_says_nothing() {
    let desk = sparse(true);
    desk.put(".git/index", "no index");
    check_blocked(&desk.run(&GATE), &[FREEZE, "fatal: "]);
    let desk = sparse(true);
    desk.clear(".git/index");
    desk.put(".git/HEAD", "0123456789012345678901234567890123456789\n");
    check_blocked(&desk.run(&GATE), &[FREEZE, "fatal: "]);
    // What is no repository to git, and holds nothing, holds no freeze.
    let desk = Desk::bare();
    std::fs::create_dir(desk.path(".git")).unwrap();
    assert_eq!(desk.run(&GATE).code, 0);
    // A linked work tree whose repository is elsewhere.
    let desk = Desk::bare();
    desk.put(".git", "gitdir: /no/such/repository\n");
    check_blocked(&desk.run(&GATE), &[FREEZE, "fatal: not a git repository"]);
}

#[test]
fn without_git_a_state_that_is_not_on_disk_may_be_anything() {
    let without = |desk: &Desk, arguments: &[&str]| -> Told {
        desk.command(arguments).env("PATH", desk.path("no-such-folder")).output().unwrap().into()
    };
    check_blocked(&without(&sparse(true), &GATE), &[FREEZE, "git cannot be started"]);
    // What is on disk needs no git.
    let desk = committed(true);
    let over = ["--override-file", "over.json"];
    desk.put("over.json", r#"{"active": false}"#);
    assert_eq!(without(&desk, &[&GATE[..], &over].concat()).code, 1);
    let told = without(&desk, &["gate", "--mode", "hotfix"]);
    assert_eq!((told.code, told.stderr.contains("warning: ")), (0, true), "{}", told.stderr);
}

#[test]
fn what_git_does_not_say_is_neither_built_upon_nor_overwritten() {
    let desk = Desk::bare();
    desk.put("budget.json", red().to_string());
    desk.put(".git", "gitdir: /no/such/repository\n");
    check_blocked(&desk.run(&["activate", "--budget", "budget.json"]), &["fatal: not a git repository"]);
    assert!(!desk.path("docs").exists(), "something was made");
    desk.put(FREEZE, freeze().to_string());
    check_blocked(&desk.grant(&[]), &["fatal: not a git repository"]);
    assert_eq!(desk.bytes(OVERRIDE), None);
}
