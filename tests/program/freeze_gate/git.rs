//! `--commit`: exactly one file, as a commit of its own.

use std::process::Command;

use crate::freeze_gate::desk::{Desk, FREEZE, OVERRIDE, freeze, red};

/// Runs git in the folder, and gives what it said.
pub fn git(desk: &Desk, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(desk.path("")).args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GIT_")) {
        command.env_remove(name);
    }
    let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A repository in which something else is staged.
pub fn repository() -> Desk {
    let desk = Desk::repository();
    git(&desk, &["config", "user.name", "Night Operator"]);
    git(&desk, &["config", "user.email", "night@ops.example"]);
    desk.put("other.txt", "staged, and none of our business");
    git(&desk, &["add", "other.txt"]);
    desk.put("budget.json", red().to_string());
    desk
}

pub const ACTIVATE: [&str; 4] = ["activate", "--budget", "budget.json", "--commit"];

#[test]
fn exactly_one_file_is_committed_with_what_and_why_and_by_whom() {
    let desk = repository();
    let told = desk.run(&ACTIVATE);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert_eq!(git(&desk, &["show", "--name-only", "--format=", "HEAD"]).trim(), FREEZE);
    let message = git(&desk, &["log", "-1", "--format=%an <%ae>%n%B"]);
    for part in ["Night Operator <night@ops.example>", "activate change freeze mode", "error_budget_EMERGENCY", "RED"] {
        assert!(message.contains(part), "{part:?} is not in\n{message}");
    }
    assert_eq!(git(&desk, &["diff", "--cached", "--name-only"]).trim(), "other.txt");
    // Again: nothing is written, and nothing is committed.
    assert_eq!(desk.run(&ACTIVATE).code, 0);
    assert_eq!(git(&desk, &["rev-list", "--count", "HEAD"]).trim(), "1");
    std::thread::sleep(std::time::Duration::from_millis(5));
    let told = desk.grant(&["--commit"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert_eq!(git(&desk, &["show", "--name-only", "--format=", "HEAD"]).trim(), OVERRIDE);
    let message = git(&desk, &["log", "-1", "--format=%B"]);
    for part in ["override change freeze mode until", "Approved by: release.lead", "https://tickets.example/INC-7"] {
        assert!(message.contains(part), "{part:?} is not in\n{message}");
    }
    assert_eq!(git(&desk, &["diff", "--cached", "--name-only"]).trim(), "other.txt");
}

#[test]
fn outside_a_work_tree_nothing_is_written() {
    let desk = Desk::bare();
    desk.put("budget.json", red().to_string());
    let file = ["--freeze-file", FREEZE];
    let told = desk.run(&[&ACTIVATE[..], &file].concat());
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("is not in a git work tree"), "{}", told.stderr);
    assert!(!desk.path("docs").exists(), "something was made");
    desk.put(FREEZE, freeze().to_string());
    let told = desk.grant(&["--freeze-file", FREEZE, "--commit"]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("is not in a git work tree"), "{}", told.stderr);
    assert_eq!(desk.bytes(OVERRIDE), None);
}

#[test]
fn a_file_name_is_never_taken_for_an_option_or_a_pattern() {
    let desk = repository();
    for name in ["--all", ":(glob)x", "-m"] {
        let file = format!("--freeze-file=./{name}");
        let told = desk.run(&["activate", "--budget", "budget.json", "--commit", &file]);
        assert_eq!(told.code, 0, "{name}: {}", told.stderr);
        assert_eq!(git(&desk, &["show", "--name-only", "--format=", "HEAD"]).trim(), name);
    }
}

#[test]
fn of_activations_at_once_one_commits() {
    let desk = repository();
    let running: Vec<_> = (0..6).map(|_| desk.command(&ACTIVATE).spawn().unwrap()).collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(git(&desk, &["rev-list", "--count", "HEAD"]).trim(), "1");
}
