//! Writes a file that others read: one writer at a time, the whole of it or nothing, and readable by those who have to read it.

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::Mode;
use rustix::process::umask;

/// How long one writer waits for another.
const PATIENCE: Duration = Duration::from_secs(30);
/// Permissions of a new file: the gate runs under other accounts than the writer, and a state that it cannot read blocks.
const NEW_FILE: u32 = 0o644;

/// Why a file was not written. What was there before is there still.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("error: {0}: cannot be written: {1}")]
    Io(String, std::io::Error),
    #[error("error: {0}: another process has been writing here for {secs} seconds", secs = PATIENCE.as_secs())]
    Busy(String),
    #[error("error: cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A file that nobody else writes as long as this lives: its folder is locked, which leaves nothing behind.
pub(super) struct Held {
    target: PathBuf,
    folder: PathBuf,
    lock: File,
}

/// Runs `work` with the permissions that are usual in a repository, in place of the private ones of a run's evidence.
pub(super) fn shared<T>(work: impl FnOnce() -> T) -> T {
    let before = umask(Mode::from_raw_mode(0o022));
    let result = work();
    umask(before);
    result
}

/// The folder of a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the folder of `path` if need be, and waits until nobody else writes there. A link is followed.
pub(super) fn hold(path: &Path) -> Result<Held, WriteError> {
    let failed = |error| WriteError::Io(path.display().to_string(), error);
    let target = match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => std::fs::canonicalize(path).map_err(failed)?,
        Ok(_) | Err(_) => path.to_owned(),
    };
    let folder = folder_of(&target).to_owned();
    shared(|| DirBuilder::new().recursive(true).mode(0o755).create(&folder)).map_err(failed)?;
    let lock = File::open(&folder).map_err(failed)?;
    let start = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(Held { target, folder, lock }),
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => return Err(WriteError::Busy(folder.display().to_string())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
}

impl Held {
    /// Puts `state` in place of what the file holds: it survives a crash as a whole, or what was there does.
    pub(super) fn replace(&self, state: &impl serde::Serialize) -> Result<(), WriteError> {
        self.replace_text(&(serde_json::to_string_pretty(state)? + "\n"))
    }

    /// Puts `text` in place of what the file holds, in the same way.
    pub(super) fn replace_text(&self, text: &str) -> Result<(), WriteError> {
        self.put(text.as_bytes()).map_err(|error| WriteError::Io(self.target.display().to_string(), error))
    }

    fn put(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mode = match std::fs::metadata(&self.target) {
            Ok(found) => found.permissions().mode() & 0o7777,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => NEW_FILE,
            Err(error) => return Err(error),
        };
        let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.folder)?;
        new.write_all(bytes)?;
        new.as_file().set_permissions(Permissions::from_mode(mode))?;
        new.as_file().sync_all()?;
        new.persist(&self.target).map_err(|error| error.error)?;
        // The name, too, has to survive.
        self.lock.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_new_state_can_be_read_by_others_and_an_old_one_keeps_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/state.json");
        hold(&path).unwrap().replace(&1).unwrap();
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("1\n", 0o644));
        std::fs::set_permissions(&path, Permissions::from_mode(0o660)).unwrap();
        hold(&path).unwrap().replace(&2).unwrap();
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("2\n", 0o660));
        let names: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "something was left behind: {names:?}");
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_written() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("real")).unwrap();
        let real = folder.path().join("real/state.json");
        std::fs::write(&real, "old").unwrap();
        let link = folder.path().join("link.json");
        std::os::unix::fs::symlink("real/state.json", &link).unwrap();
        hold(&link).unwrap().replace(&3).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "3\n");
    }

    #[test]
    fn one_writes_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let held = hold(&path).unwrap();
        let other = File::open(folder.path()).unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        drop(held);
        assert!(other.try_lock().is_ok());
    }
}
