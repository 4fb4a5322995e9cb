//! States that git tracks and that are not on disk: nobody can tell what they say.

use crate::freeze_gate::desk::{Desk, FREEZE, OVERRIDE, Told, freeze, from_now, red, release_override, reset, with};
use crate::freeze_gate::git::{git, repository};

/// A repository with a freeze and an override, both committed and on disk.
fn committed() -> Desk {
    let desk = repository();
    desk.put(FREEZE, freeze().to_string());
    desk.put(OVERRIDE, release_override().to_string());
    git(&desk, &["add", FREEZE, OVERRIDE]);
    git(&desk, &["commit", "--quiet", "-m", "freeze"]);
    desk
}

/// As above, with everything but the files in the root left out by a sparse checkout.
fn sparse(index: &str) -> Desk {
    let desk = committed();
    git(&desk, &["sparse-checkout", "init", "--cone", index]);
    assert!(!desk.path("docs").exists(), "nothing is left out");
    desk
}

/// The program with a `git` that notes each call and knows of nothing; and what it noted.
fn with_git(desk: &Desk, arguments: &[&str]) -> (Told, String) {
    desk.put_program("bin/git", "#!/bin/sh\necho \"$@\" >> bin/calls\nexit 1\n");
    desk.clear("bin/calls");
    let told = desk.command(arguments).env("PATH", desk.path("bin")).output().unwrap().into();
    let calls = String::from_utf8(desk.bytes("bin/calls").unwrap_or_default()).unwrap();
    (told, calls)
}

#[test]
fn a_freeze_that_a_sparse_checkout_leaves_out_blocks_everything_but_a_hotfix() {
    for index in ["--no-sparse-index", "--sparse-index"] {
        let desk = sparse(index);
        for mode in ["ga", "rc", "pages"] {
            let told = desk.run(&["gate", "--mode", mode, "--output", "json"]);
            assert_eq!((told.code, told.document()["why"].as_str()), (2, Some("freeze-missing")), "{}", told.stderr);
            for part in [FREEZE, "tracked by git", "not on disk", "git sparse-checkout add docs/releases/_state"] {
                assert!(told.stderr.contains(part), "{part:?} is not in\n{}", told.stderr);
            }
        }
        let told = desk.run(&["gate", "--mode", "hotfix"]);
        assert_eq!((told.code, told.stderr.contains("warning: ")), (0, true), "{}", told.stderr);
        assert_eq!(desk.run(&["status"]).code, 2);
        // What the message advises helps.
        git(&desk, &["sparse-checkout", "add", "docs/releases/_state"]);
        assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 0);
    }
}

#[test]
fn a_state_deleted_without_git_blocks_and_one_that_git_no_longer_tracks_does_not() {
    let desk = committed();
    desk.clear(FREEZE);
    assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 2);
    git(&desk, &["restore", FREEZE]);
    assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 0);
    // The removal is no more than asked for until it is committed.
    git(&desk, &["rm", "--quiet", FREEZE]);
    let told = desk.run(&["gate", "--mode", "ga"]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains(&format!("git restore --staged --worktree {FREEZE}")), "{}", told.stderr);
    git(&desk, &["commit", "--quiet", "-m", "removed"]);
    assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 0);
}

#[test]
fn an_override_that_is_left_out_is_missing_and_matters_only_during_a_freeze() {
    let desk = committed();
    desk.clear(OVERRIDE);
    let told = desk.run(&["gate", "--mode", "ga", "--output", "json"]);
    assert_eq!((told.code, told.document()["why"].as_str()), (2, Some("override-missing")), "{}", told.stderr);
    assert!(told.stderr.contains("tracked by git"), "{}", told.stderr);
    desk.put(FREEZE, reset().to_string());
    assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 0);
}

#[test]
fn what_is_left_out_is_neither_built_upon_nor_overwritten() {
    let desk = sparse("--no-sparse-index");
    desk.put("budget.json", red().to_string());
    for told in [desk.run(&["activate", "--budget", "budget.json"]), desk.grant(&[])] {
        assert_eq!(told.code, 2, "{}", told.stderr);
        assert!(told.stderr.contains("tracked by git"), "{}", told.stderr);
    }
    assert!(!desk.path("docs").exists(), "something was made");
    let desk = committed();
    desk.clear(OVERRIDE);
    let told = desk.grant(&[]);
    assert_eq!((told.code, desk.bytes(OVERRIDE)), (2, None), "{}", told.stderr);
}

#[test]
fn a_caller_that_works_on_another_repository_does_not_change_the_answer() {
    let (desk, other) = (sparse("--no-sparse-index"), repository());
    for (name, value) in [
        ("GIT_DIR", other.path(".git")),
        ("GIT_DIR", ".git".into()),
        ("GIT_INDEX_FILE", other.path(".git/index")),
        ("GIT_WORK_TREE", other.path("")),
    ] {
        let told: Told = desk.command(&["gate", "--mode", "ga"]).env(name, value).output().unwrap().into();
        assert_eq!(told.code, 2, "{name}: {}", told.stderr);
    }
}

#[test]
fn a_state_that_is_committed_while_git_is_asked_is_read() {
    // Whatever git then says of it: it may have been asked too early.
    for (state, expected, said) in [(reset(), 0, 0), (freeze(), 1, 0), (freeze(), 1, 1), (freeze(), 1, 128)] {
        let desk = Desk::repository();
        desk.put("new.json", state.to_string());
        let script = format!("#!/bin/sh\nmkdir -p docs/releases/_state\ncp new.json {FREEZE}\nexit {said}\n");
        desk.put_program("bin/git", &script);
        let path = format!("{}:{}", desk.path("bin").display(), std::env::var("PATH").unwrap());
        // The override is on disk, so that git is asked about the freeze alone.
        desk.put("over.json", with(release_override(), "active", false.into()).to_string());
        let gate = ["gate", "--mode", "ga", "--override-file", "over.json"];
        let told: Told = desk.command(&gate).env("PATH", path).output().unwrap().into();
        assert_eq!(told.code, expected, "{}", told.stderr);
    }
}

#[test]
fn git_is_asked_only_of_a_default_state_that_is_not_on_disk_in_a_root() {
    let desk = Desk::repository();
    let gate = ["gate", "--mode", "ga"];
    let asked_of = |told: &str, file: &str| told.lines().any(|call| call.ends_with(file));
    let calls = with_git(&desk, &gate).1;
    assert!(asked_of(&calls, FREEZE) && asked_of(&calls, OVERRIDE), "{calls}");
    desk.put(FREEZE, freeze().to_string());
    let calls = with_git(&desk, &gate).1;
    assert!(!asked_of(&calls, "freeze_mode.json") && asked_of(&calls, "release_override.json"), "{calls}");
    desk.put(OVERRIDE, with(release_override(), "expires_at", from_now(-1).into()).to_string());
    assert_eq!(with_git(&desk, &gate).1, "");
    let named = ["gate", "--mode", "ga", "--freeze-file", "none.json", "--override-file", "none.json"];
    assert_eq!(with_git(&desk, &named).1, "");
    let outside = Desk::bare();
    let (told, calls) = with_git(&outside, &gate);
    assert_eq!((told.code, calls.as_str()), (2, ""), "{}", told.stderr);
}
