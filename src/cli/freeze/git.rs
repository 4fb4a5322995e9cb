//! Records one file in git, as a commit of its own, by whoever git says is working here.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Stdio;

use crate::cli::write::{folder_of, shared};
use crate::model::shown::escape_for_terminal;
use crate::sources::git::command;

/// Why nothing can be, or was, recorded.
#[derive(Debug, thiserror::Error)]
pub(super) enum GitError {
    /// Nothing was written: there is no repository to record it in.
    #[error(
        "error: {file}: is not in a git work tree that may be used, so it cannot be committed; nothing was written\n  {said}"
    )]
    NoWorkTree {
        /// Which file.
        file: String,
        /// What git said.
        said: String,
    },
    /// Nothing was written: git would record the link, and not what was written through it.
    #[error("error: {0}: is a symbolic link, so it cannot be committed; name the file itself; nothing was written")]
    Link(String),
    /// Git itself cannot be started.
    #[error("error: cannot start git: {0}")]
    NoGit(std::io::Error),
    /// Git refused.
    #[error("error: git {what} failed: {said}")]
    Failed {
        /// Which command.
        what: &'static str,
        /// What it said.
        said: String,
    },
}

/// What git answered: its exit code, and its output, or its complaints where it failed.
struct Answer {
    code: Option<i32>,
    said: String,
}

impl Answer {
    /// What it said, where it did what it was to do.
    fn done(self, what: &'static str) -> Result<String, GitError> {
        match self.code {
            Some(0) => Ok(self.said),
            Some(_) | None => Err(GitError::Failed { what, said: lines(&self.said) }),
        }
    }
}

fn git<S: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Result<Answer, GitError> {
    let mut command = command(folder);
    command.args(arguments);
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_EDITOR", "false").stdin(Stdio::null());
    let output = shared(|| command.output()).map_err(GitError::NoGit)?;
    let said = if output.status.success() { output.stdout } else { output.stderr };
    Ok(Answer { code: output.status.code(), said: String::from_utf8_lossy(&said).trim().to_owned() })
}

/// What git said, as it may be shown.
fn lines(said: &str) -> String {
    said.lines().map(escape_for_terminal).collect::<Vec<_>>().join("\n  ")
}

/// Makes sure, before anything is written, that `path` lies in a work tree.
pub(super) fn ensure_work_tree(path: &Path) -> Result<(), GitError> {
    let name = || escape_for_terminal(&path.display().to_string());
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        return Err(GitError::Link(name()));
    }
    // The folder itself may have to be made first.
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    match git(folder, ["rev-parse", "--is-inside-work-tree"])? {
        Answer { code: Some(0), said } if said == "true" => Ok(()),
        Answer { said, .. } => Err(GitError::NoWorkTree { file: name(), said: lines(&said) }),
    }
}

/// Commits exactly the file at `path`, whatever else is staged.
pub(super) fn commit(path: &Path, message: &str) -> Result<(), GitError> {
    let folder = folder_of(path);
    let name = path.file_name().unwrap_or_default();
    let add = [OsStr::new("add"), OsStr::new("--"), name];
    git(folder, add)?.done("add")?;
    let commit: [&OsStr; 7] = [
        "commit".as_ref(),
        "--quiet".as_ref(),
        "--only".as_ref(),
        "-m".as_ref(),
        message.as_ref(),
        "--".as_ref(),
        name,
    ];
    git(folder, commit)?.done("commit").map(drop)
}

/// Whether the last commit holds the file at `path` just as it lies on disk. What is staged, ignored or not shown makes no
/// difference.
pub(super) fn is_committed(path: &Path) -> Result<bool, GitError> {
    let folder = folder_of(path);
    let name = path.file_name().unwrap_or_default();
    let mut in_commit = OsString::from("HEAD:./");
    in_commit.push(name);
    let held = git(folder, ["rev-parse".as_ref(), "--verify".as_ref(), "--quiet".as_ref(), in_commit.as_os_str()])?;
    if held.code == Some(1) {
        // There is no such file in it, or nothing was committed yet.
        return Ok(false);
    }
    let on_disk = git(folder, ["hash-object".as_ref(), "--".as_ref(), name])?;
    Ok(held.done("rev-parse")? == on_disk.done("hash-object")?)
}
