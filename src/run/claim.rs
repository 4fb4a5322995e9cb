//! One run at a time for a portal and a change: a file that is created only if it is absent.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::ids::{ChangeId, RunId};
use crate::model::time::Instant;

/// What a claim says of its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The run.
    pub run_id: RunId,
    /// Its process.
    pub pid: u32,
    /// Since when.
    pub since: Instant,
}

/// A claim that this run holds.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
}

/// What came of claiming.
#[derive(Debug)]
pub enum Claimed {
    /// It is ours.
    Ours(Claim),
    /// Another run holds it; described as far as its claim can be read.
    Held(String),
}

/// Claims `change` at the portal `host` in the evidence folder `root`.
///
/// # Errors
///
/// Whatever creating the file reports, except that it exists.
pub fn claim(root: &Path, host: &str, change: &ChangeId, holder: &Holder) -> io::Result<Claimed> {
    let folder = root.join(".claims");
    DirBuilder::new().mode(0o700).recursive(true).create(&folder)?;
    let host: String = host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' }).collect();
    let path = folder.join(format!("{host}--{change}.json"));
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            file.write_all(&serde_json::to_vec(holder)?)?;
            file.sync_all()?;
            Ok(Claimed::Ours(Claim { path }))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = fs::read(&path).unwrap_or_default();
            Ok(Claimed::Held(match serde_json::from_slice::<Holder>(&text) {
                Ok(holder) => format!("run {} (process {}) since {}", holder.run_id, holder.pid, holder.since),
                Err(_) => "a run whose claim cannot be read".to_owned(),
            }))
        }
        Err(error) => Err(error),
    }
}

impl Claim {
    /// Gives the claim back.
    ///
    /// # Errors
    ///
    /// Whatever removing the file reports.
    pub fn free(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_can_be_claimed_once_until_it_is_freed() {
        let root = tempfile::tempdir().unwrap();
        let change = ChangeId::parse("CHG1").unwrap();
        let holder = Holder {
            run_id: RunId::parse("r1").unwrap(),
            pid: 7,
            since: Instant::parse("2026-12-01T00:00:00Z").unwrap(),
        };
        let Claimed::Ours(claim) = super::claim(root.path(), "h:1", &change, &holder).unwrap() else { panic!() };
        let Claimed::Held(by) = super::claim(root.path(), "h:1", &change, &holder).unwrap() else { panic!() };
        assert!(by.contains("run r1 (process 7)"), "{by}");
        assert!(matches!(super::claim(root.path(), "other", &change, &holder).unwrap(), Claimed::Ours(_)));
        claim.free().unwrap();
        assert!(matches!(super::claim(root.path(), "h:1", &change, &holder).unwrap(), Claimed::Ours(_)));
    }
}
