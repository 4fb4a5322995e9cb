//! Reads the freeze state and the override from their files: there and whole, not there, or not readable.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{git, read_text};
use crate::diagnostic::Diagnostic;
use crate::freeze_mode::override_file::ReleaseOverride;
use crate::freeze_mode::state_file::FreezeState;
use crate::model::freeze_terms::{FreezeTerms, OverrideTerms, StateReading};

/// Where the freeze state lies, from the root of a repository.
pub(crate) const FREEZE_FILE: &str = "docs/releases/_state/freeze_mode.json";
/// Where the override lies, from the root of a repository.
pub(crate) const OVERRIDE_FILE: &str = "docs/releases/_state/release_override.json";

/// Largest state file, in bytes.
pub(crate) const LIMIT: u64 = 1 << 20;

/// A state file, and what its absence means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatePlace {
    /// The file.
    pub path: PathBuf,
    /// Whether the file may be missing, and what to tell where it may not.
    pub absence: Absence,
}

/// What it means that a state file is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It was never set.
    NeverSet,
    /// It was never set, unless git tracks it: then this checkout leaves it out, and nobody can tell what it says. Nor can
    /// anybody where git does not answer.
    Untracked,
    /// Somebody named it, so it should be there.
    Named,
    /// The place it should be in is no root of a repository.
    NoRepository,
}

impl Absence {
    /// Whether a state that is [`FileReading::Missing`] for this reason may be written anew: not where there may be one
    /// that was not seen.
    pub(crate) fn may_be_written(self) -> bool {
        match self {
            Self::NeverSet | Self::Named => true,
            Self::Untracked | Self::NoRepository => false,
        }
    }
}

impl StatePlace {
    /// The freeze state: the file named, or the default one. The default one may be missing only where `folder` is the root
    /// of a repository that does not track it; elsewhere nobody can tell whether a freeze was set.
    pub fn freeze(named: Option<PathBuf>, folder: &Path) -> Self {
        Self::of(named, folder, FREEZE_FILE, Absence::NoRepository)
    }

    /// The override: the file named, or the default one, which may be missing where no repository tracks it.
    pub fn release_override(named: Option<PathBuf>, folder: &Path) -> Self {
        Self::of(named, folder, OVERRIDE_FILE, Absence::NeverSet)
    }

    fn of(named: Option<PathBuf>, folder: &Path, default: &str, elsewhere: Absence) -> Self {
        match named {
            Some(path) => Self { path, absence: Absence::Named },
            None => {
                // In a linked work tree `.git` is a file.
                let root = std::fs::metadata(folder.join(".git")).is_ok();
                Self { path: folder.join(default), absence: if root { Absence::Untracked } else { elsewhere } }
            }
        }
    }
}

/// What came of reading a state file, with its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileReading<T> {
    /// Not there, and that is in order.
    Absent,
    /// Not there, and it should be.
    Missing(Diagnostic),
    /// There, and it cannot be read.
    Unreadable(Diagnostic),
    /// Read whole.
    Read(T),
}

impl<T> FileReading<T> {
    /// The state, where it was read.
    pub fn state(&self) -> Option<&T> {
        match self {
            Self::Read(state) => Some(state),
            Self::Absent | Self::Missing(_) | Self::Unreadable(_) => None,
        }
    }

    /// What is wrong, where something is.
    pub fn mistake(&self) -> Option<&Diagnostic> {
        match self {
            Self::Missing(mistake) | Self::Unreadable(mistake) => Some(mistake),
            Self::Absent | Self::Read(_) => None,
        }
    }

    fn reading<U>(&self, terms: impl FnOnce(&T) -> U) -> StateReading<U> {
        match self {
            Self::Absent => StateReading::Absent,
            Self::Missing(_) => StateReading::Missing,
            Self::Unreadable(_) => StateReading::Unreadable,
            Self::Read(state) => StateReading::Read(terms(state)),
        }
    }
}

impl FileReading<FreezeState> {
    /// What the gate judges.
    pub fn terms(&self) -> StateReading<FreezeTerms> {
        self.reading(FreezeState::terms)
    }
}

impl FileReading<ReleaseOverride> {
    /// What the gate judges.
    pub fn terms(&self) -> StateReading<OverrideTerms> {
        self.reading(ReleaseOverride::terms)
    }
}

/// Reads the freeze state.
pub(crate) fn read_freeze(place: &StatePlace) -> FileReading<FreezeState> {
    let help = "a freeze state is a JSON object with `freeze_mode`, `set_at`, `reason`, `set_by` and `tier`";
    read(place, "a freeze state in JSON", help, FreezeState::parse)
}

pub(crate) fn read_override(place: &StatePlace) -> FileReading<ReleaseOverride> {
    let help = "an override is a JSON object with `active`, `set_at`, `expires_at`, `justification`, `ticket_url`, \
                `approved_via_environment` and `approved_by`";
    read(place, "an override in JSON", help, ReleaseOverride::parse)
}

fn read<T>(
    place: &StatePlace,
    what: &str,
    help: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> FileReading<T> {
    let path = &place.path;
    if is_absent(path) {
        let missing = |help: &str| FileReading::Missing(Diagnostic::whole(path, "is not there", help));
        match place.absence {
            Absence::NeverSet => return FileReading::Absent,
            Absence::Named => return missing("it was named, so it has to be there"),
            Absence::NoRepository => return missing("run this in the root of the repository, or name the file"),
            Absence::Untracked => {
                let known = git::knows(path);
                // Somebody may have written it since it was looked for; then it says itself what it says.
                if is_absent(path) {
                    return match known {
                        Ok(false) => FileReading::Absent,
                        Ok(true) => FileReading::Missing(left_out(path)),
                        Err(said) => FileReading::Unreadable(untold(path, &said)),
                    };
                }
            }
        }
    }
    let text = match read_json(path, what) {
        Ok(text) => text,
        Err(mistake) => return FileReading::Unreadable(mistake),
    };
    match parse(&text) {
        Ok(state) => FileReading::Read(state),
        Err(why) => FileReading::Unreadable(Diagnostic::whole(path, why, help)),
    }
}

/// Reads the text of a state or a budget.
///
/// # Errors
///
/// A [`Diagnostic`] when it is not there, no file, larger than [`LIMIT`], or no text.
pub(crate) fn read_json(path: &Path, what: &str) -> Result<String, Diagnostic> {
    // A pipe would keep whoever opens it waiting.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(Diagnostic::whole(path, "is not a file", format!("name {what}")));
    }
    read_text(path, LIMIT, what)
}

/// Whether nothing at all is there. A link that leads nowhere is something: what it should lead to is not known.
fn is_absent(path: &Path) -> bool {
    match std::fs::symlink_metadata(path) {
        Ok(_) => false,
        Err(error) if error.kind() == ErrorKind::NotFound => match path.parent() {
            // The path was relative, and the current folder is there.
            None => true,
            Some(folder) if folder.as_os_str().is_empty() => true,
            Some(folder) => folder.is_dir() || is_absent(folder),
        },
        Err(_) => false,
    }
}

fn left_out(path: &Path) -> Diagnostic {
    let folder = path.parent().unwrap_or(path).display();
    let help = format!(
        "check it out: `git sparse-checkout add {folder}` in a sparse checkout, `git restore --staged --worktree \
         {}` where it was deleted or never checked out",
        path.display()
    );
    Diagnostic::whole(path, "is tracked by git, but is not on disk, so what it says is not known", help)
}

fn untold(path: &Path, said: &str) -> Diagnostic {
    let message = format!("is not on disk, and git does not say whether this checkout leaves it out: {said}");
    Diagnostic::whole(path, message, "git has to be installed, and `git status` to work here")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn named(path: &Path) -> FileReading<FreezeState> {
        read_freeze(&StatePlace { path: path.to_owned(), absence: Absence::Named })
    }

    #[test]
    fn a_default_state_may_be_missing_only_in_the_root_of_a_repository() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(StatePlace::freeze(None, folder.path()).absence, Absence::NoRepository);
        assert_eq!(StatePlace::release_override(None, folder.path()).absence, Absence::NeverSet);
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        assert_eq!(StatePlace::freeze(None, folder.path()).absence, Absence::Untracked);
        assert_eq!(StatePlace::freeze(Some("x".into()), folder.path()).absence, Absence::Named);
        assert_eq!(StatePlace::release_override(None, folder.path()).absence, Absence::Untracked);
        assert_eq!(StatePlace::release_override(Some("x".into()), folder.path()).absence, Absence::Named);
        assert_eq!(StatePlace::freeze(None, Path::new("")).path, Path::new(FREEZE_FILE));
    }

    #[test]
    fn a_default_state_that_git_tracks_is_missing_and_not_absent() {
        let folder = tempfile::tempdir().unwrap();
        let done = |arguments: &[&str]| git::command(folder.path()).args(arguments).status().unwrap().success();
        assert!(done(&["init", "--quiet"]));
        let place = StatePlace::freeze(None, folder.path());
        assert_eq!(read_freeze(&place), FileReading::Absent);
        std::fs::create_dir_all(place.path.parent().unwrap()).unwrap();
        std::fs::write(&place.path, r#"{"freeze_mode":true}"#).unwrap();
        assert!(done(&["add", FREEZE_FILE]));
        for left in [&place.path, &folder.path().join("docs")] {
            // First the file alone, then the folders above it, too.
            if left.is_dir() { std::fs::remove_dir_all(left) } else { std::fs::remove_file(left) }.unwrap();
            let reading = read_freeze(&place);
            assert!(matches!(reading, FileReading::Missing(_)), "{reading:?}");
            assert_eq!(read_override(&StatePlace::release_override(None, folder.path())), FileReading::Absent);
        }
    }

    #[test]
    fn nothing_there_is_told_from_something_that_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(matches!(named(&at("none.json")), FileReading::Missing(_)));
        assert!(matches!(named(&at("no/such/folder/none.json")), FileReading::Missing(_)));
        symlink("nowhere", at("dangling")).unwrap();
        symlink("loop", at("loop")).unwrap();
        std::fs::write(at("file"), "{}").unwrap();
        for unreadable in ["dangling", "dangling/state.json", "loop", "loop/state.json", "file/state.json", "."] {
            let reading = named(&at(unreadable));
            assert!(matches!(reading, FileReading::Unreadable(_)), "{unreadable}: {reading:?}");
            let may_miss = StatePlace { path: at(unreadable), absence: Absence::NeverSet };
            assert_ne!(read_freeze(&may_miss), FileReading::Absent, "{unreadable}");
        }
    }

    #[test]
    fn a_file_of_more_than_a_megabyte_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let state = r#"{"freeze_mode":true}"#;
        let fits = state.to_owned() + &" ".repeat(usize::try_from(LIMIT).unwrap() - state.len());
        std::fs::write(&path, &fits).unwrap();
        assert!(matches!(named(&path), FileReading::Read(_)));
        std::fs::write(&path, fits + " ").unwrap();
        assert!(matches!(named(&path), FileReading::Unreadable(_)));
    }

    #[test]
    fn a_pipe_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(matches!(named(&path), FileReading::Unreadable(_)));
    }
}
