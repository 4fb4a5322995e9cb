//! `--commit` under a caller that works on a repository: what a hook inherits from git does not say where the state goes.

use std::path::Path;

use crate::freeze_gate::desk::{Desk, FREEZE, JUSTIFICATION, OVERRIDE, Told, freeze, red};
use crate::freeze_gate::git::{ACTIVATE, git, repository};

/// What to set for the caller, by the name of the case; the folder is the one that the program runs in.
fn callers(other: &Desk, own_git_folder: &str) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let of = |name: &str| other.path(name).display().to_string();
    vec![
        ("its own repository, as a hook of a linked work tree", vec![("GIT_DIR", own_git_folder.to_owned())]),
        ("its own repository, as a hook of the main work tree", vec![("GIT_DIR", ".git".into())]),
        ("another repository", vec![("GIT_DIR", of(".git"))]),
        ("another work tree", vec![("GIT_DIR", of(".git")), ("GIT_WORK_TREE", of(""))]),
        ("another index", vec![("GIT_INDEX_FILE", of(".git/index"))]),
        ("other objects", vec![("GIT_OBJECT_DIRECTORY", of(".git/objects"))]),
        ("other path patterns", vec![("GIT_GLOB_PATHSPECS", "1".into())]),
    ]
}

/// Runs the program in `folder` under a caller.
fn under(desk: &Desk, folder: &Path, caller: &[(&str, String)], arguments: &[&str]) -> Told {
    let caller = caller.iter().map(|(name, value)| (name, value));
    desk.command(arguments).current_dir(folder).envs(caller).output().unwrap().into()
}

#[test]
fn a_caller_that_works_on_a_repository_does_not_move_the_commit() {
    let granting = [
        "override",
        "--justification",
        JUSTIFICATION,
        "--ticket-url=https://tickets.example/INC-7",
        "--duration-hours=2",
        "--approved-by=lead",
        "--commit",
    ];
    for linked in [true, false] {
        for case in 0..callers(&Desk::bare(), "").len() {
            let (desk, other) = (repository(), repository());
            git(&desk, &["commit", "--quiet", "-m", "first"]);
            git(&other, &["commit", "--quiet", "-m", "first"]);
            let before = git(&other, &["status", "--porcelain"]);
            git(&desk, &["worktree", "add", "--quiet", "-b", "linked", "linked"]);
            let folder = if linked { "linked" } else { "" };
            let own = git(&desk, &["-C", &desk.path(folder).display().to_string(), "rev-parse", "--absolute-git-dir"]);
            let (name, caller) = callers(&other, own.trim()).swap_remove(case);
            let folder = desk.path(folder);
            std::fs::write(folder.join("budget.json"), red().to_string()).unwrap();
            let told = under(&desk, &folder, &caller, &ACTIVATE);
            assert_eq!(told.code, 0, "{name}: {}", told.stderr);
            let shown = |what: &str| {
                let folder = folder.display().to_string();
                git(&desk, &["-C", &folder, "show", "--name-only", "--format=", what]).trim().to_owned()
            };
            assert_eq!(shown("HEAD"), FREEZE, "{name}");
            // The freeze is over a second old.
            std::fs::write(folder.join(FREEZE), freeze().to_string()).unwrap();
            let told = under(&desk, &folder, &caller, &granting);
            assert_eq!(told.code, 0, "{name}: {}", told.stderr);
            assert_eq!((shown("HEAD"), shown("HEAD^")), (OVERRIDE.to_owned(), FREEZE.to_owned()), "{name}");
            assert_eq!(git(&other, &["rev-list", "--count", "--all"]).trim(), "1", "{name}");
            assert_eq!(git(&other, &["status", "--porcelain"]), before, "{name}");
            assert_eq!(git(&desk, &["fsck", "--full"]).trim(), "", "{name}");
        }
    }
}
