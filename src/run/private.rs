//! The private folder of a run: what must exist unmasked for a while (copies of attachments, the browser's profile). It is gone
//! when the run ends, and what a killed run left is swept by the next one.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::process::{alive, me, process, started};
use crate::evidence::claims::{Alive, Holder};

const PREFIX: &str = "portal-agent-run-";
const OWNER: &str = "owner.json";

/// Whose folder it is, and which driver it started.
#[derive(Serialize, Deserialize)]
struct Owner {
    process: Holder,
    /// Process group of the driver, and when its first process started.
    driver: Option<(i32, u64)>,
}

/// A private folder, 0700.
#[derive(Debug)]
pub struct PrivateFolder(TempDir);

impl PrivateFolder {
    /// Makes one, after sweeping what dead runs left.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn new() -> io::Result<Self> {
        sweep(&std::env::temp_dir(), &me());
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        let folder = Self(tempfile::Builder::new().prefix(PREFIX).permissions(mode).tempdir()?);
        folder.write(None)?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A folder in it for one more browser.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub(crate) fn browser_folder(&self) -> io::Result<PathBuf> {
        let folder = tempfile::Builder::new().prefix("browser-").tempdir_in(self.path())?;
        // Deleted with the folder around it.
        Ok(folder.keep())
    }

    /// Remembers the driver's process group, so that it can be ended after a crash.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub(crate) fn remember_driver(&self, group: i32) -> io::Result<()> {
        self.write(started(group).map(|since| (group, since)))
    }

    fn write(&self, driver: Option<(i32, u64)>) -> io::Result<()> {
        // Written aside: a folder whose owner cannot be read would never be swept.
        let mut aside = tempfile::NamedTempFile::new_in(self.path())?;
        io::Write::write_all(&mut aside, &serde_json::to_vec(&Owner { process: me(), driver })?)?;
        aside.persist(self.path().join(OWNER)).map(drop).map_err(|error| error.error)
    }
}

/// Ends the drivers and removes the folders of runs of this host that are dead. A folder that cannot be read is somebody
/// else's.
fn sweep(folder: &Path, here: &Holder) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) || !is_ours(&entry) {
            continue;
        }
        let read = fs::read(entry.path().join(OWNER)).ok();
        let Some(owner) = read.and_then(|bytes| serde_json::from_slice::<Owner>(&bytes).ok()) else { continue };
        if alive(&owner.process, here, process) != Alive::Gone {
            continue;
        }
        if let Some((group, since)) = owner.driver
            && started(group) == Some(since)
            && let Some(group) = Pid::from_raw(group)
        {
            // The driver itself still runs, so that the number is still its group's.
            let _ = kill_process_group(group, Signal::KILL);
        }
        end_those_of(&entry.path());
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// Ends every process that a dead run's driver left: they have its temporary folder below `folder`. A browser whose driver was
/// killed lives on, and its number tells nothing, since the driver's group may be another one by now.
fn end_those_of(folder: &Path) {
    // What a process started while it was looked for is found in the next round.
    for _ in 0..5 {
        let found = processes_of(folder);
        if found.is_empty() {
            return;
        }
        for process in found {
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

/// Processes of this account, other than this one, whose `TMPDIR` is below `folder`.
fn processes_of(folder: &Path) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_below = |number: &i32| {
        // Of another account's process it cannot be read.
        let environment = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        let place = environment.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(b"TMPDIR="));
        place.is_some_and(|place| Path::new(OsStr::from_bytes(place)).starts_with(folder))
    };
    numbers.filter(is_below).filter_map(Pid::from_raw).filter(|pid| *pid != rustix::process::getpid()).collect()
}

/// A folder of this account that nobody else can write to: what others put there is no word of ours.
fn is_ours(entry: &fs::DirEntry) -> bool {
    // Of the entry itself, not of what a link leads to.
    entry.metadata().is_ok_and(|about| {
        about.is_dir() && about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o777 == 0o700
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::DirBuilderExt as _;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use super::*;

    #[test]
    fn the_folder_and_the_driver_of_a_dead_run_are_swept_and_those_of_a_live_one_stay() {
        let root = tempfile::tempdir().unwrap();
        let mut child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let group = i32::try_from(child.id()).unwrap();
        let me = me();
        let folder_of = |name: &str, process: Holder, driver| {
            let folder = root.path().join(format!("{PREFIX}{name}"));
            fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
            let owner = Owner { process, driver };
            fs::write(folder.join(OWNER), serde_json::to_vec(&owner).unwrap()).unwrap();
            folder
        };
        let dead = Holder { started: me.started - 1, ..me.clone() };
        let live = folder_of("live", me.clone(), Some((group, started(group).unwrap())));
        sweep(root.path(), &me);
        assert!(live.is_dir() && child.try_wait().unwrap().is_none());
        // A number that another process has now is left alone.
        let reused = folder_of("reused", dead.clone(), Some((group, started(group).unwrap() + 1)));
        sweep(root.path(), &me);
        assert!(!reused.is_dir() && child.try_wait().unwrap().is_none());
        let left = folder_of("dead", dead.clone(), Some((group, started(group).unwrap())));
        sweep(root.path(), &me);
        assert!(!left.is_dir());
        assert!(!child.wait().unwrap().success());
        // Killed together with its driver, a run leaves a browser of which no number tells anything.
        let orphaned = folder_of("orphaned", dead, None);
        let own = |folder: &Path| {
            let child = Command::new("sleep").arg("600").env("TMPDIR", folder.join("browser-1")).spawn().unwrap();
            // A process has its environment a moment after it was started.
            let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
            while !processes_of(folder).contains(&number) {}
            child
        };
        let (mut browser, mut other) = (own(&orphaned), own(&live));
        sweep(root.path(), &me);
        assert!(!orphaned.is_dir() && !browser.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
