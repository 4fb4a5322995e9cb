//! Git, for the repository in which a file lies, whatever repository a hook or another caller works on.

use std::path::Path;
use std::process::Command;

/// What leads git to another repository, or to other parts of one, and what makes it take a path for a pattern. A hook
/// inherits some of them. Settings and names of people stay the caller's.
const CALLERS: [&str; 14] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Git, for the repository in which `folder` lies. Paths are taken as they are.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("--literal-pathspecs").arg("-C").arg(folder);
    for name in CALLERS {
        command.env_remove(name);
    }
    command
}
