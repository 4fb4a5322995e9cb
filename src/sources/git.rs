//! Git, asked about the repository in which a file lies, whatever repository a hook or another caller works on.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::model::shown::escape_for_terminal;

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

/// Whether git knows `path`, be it on disk or not: its index lists it, or its last commit holds it. In a clone of which
/// nothing was checked out the index is empty.
///
/// # Errors
///
/// Where git did not say: its own words, or why it could not be asked, on one line that may be shown.
pub fn knows(path: &Path) -> Result<bool, String> {
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let name = path.strip_prefix(folder).unwrap_or(path).as_os_str();
    let listed = ask(folder, &["ls-files", "--error-unmatch", "--"], Some(name));
    match listed.as_ref().map(|listed| listed.status.code()) {
        Ok(Some(0)) => Ok(true),
        Ok(Some(1)) => last_commit_holds(folder, name),
        Ok(_) | Err(_) if is_hollow(folder) => Ok(false),
        Ok(_) | Err(_) => Err(listed.map_or_else(|why| why, |listed| said(&listed))),
    }
}

/// Whether the nearest `.git` is a folder with no `HEAD` in it. Git takes it for no repository, so it holds no commit.
fn is_hollow(folder: &Path) -> bool {
    let Ok(folder) = std::path::absolute(folder) else { return false };
    let nearest = folder.ancestors().map(|above| above.join(".git")).find(|git| git.symlink_metadata().is_ok());
    nearest.is_some_and(|git| git.is_dir() && git.join("HEAD").symlink_metadata().is_err_and(is_absent))
}

fn is_absent(error: std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}

fn last_commit_holds(folder: &Path, name: &OsStr) -> Result<bool, String> {
    // Where nothing was committed yet, there is no last commit.
    if ask(folder, &["rev-parse", "--verify", "--quiet", "HEAD"], None)?.status.code() == Some(1) {
        return Ok(false);
    }
    let held = ask(folder, &["ls-tree", "--name-only", "HEAD", "--"], Some(name))?;
    if held.status.success() { Ok(!held.stdout.is_empty()) } else { Err(said(&held)) }
}

/// Asks git, in a checkout that may be somebody else's, as one that is mounted into a container is. So nothing that its
/// settings name is run: no monitor of files, and nothing that fetches.
fn ask(folder: &Path, arguments: &[&str], name: Option<&OsStr>) -> Result<Output, String> {
    let mut command = command(folder);
    command.args(["-c", "safe.directory=*", "-c", "core.fsmonitor=false"]).args(arguments).args(name);
    command.env("GIT_ALLOW_PROTOCOL", "none").env("LC_ALL", "C").stdin(Stdio::null());
    command.output().map_err(|error| format!("git cannot be started: {error}"))
}

/// What git said is wrong, on one line; warnings and advice may stand before it and behind it.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let wrong = text.lines().find(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
    let line = wrong.or_else(|| text.lines().find(|line| !line.trim().is_empty()));
    line.map_or_else(|| format!("git ended with {}", output.status), escape_for_terminal)
}
