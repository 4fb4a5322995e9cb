//! What is left of evidence that was removed when its time was over: its manifest, and who removed the rest.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::store::{MANIFEST, SEAL};
use crate::model::digest::Digest;
use crate::model::ids::{ChangeId, PersonId, RunId};
use crate::model::time::Instant;

/// Name of the file.
pub(crate) const TOMBSTONE: &str = "tombstone.json";
/// Name of its signed seal.
pub(crate) const TOMBSTONE_SEAL: &str = "tombstone.dsse.json";
/// Version of the shape below.
pub(crate) const TOMBSTONE_SCHEMA: &str = "portal-agent/tombstone/1";

/// `tombstone.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// Version of this shape.
    pub schema: String,
    pub run_id: RunId,
    pub change_id: ChangeId,
    /// How the run had ended.
    pub outcome: Outcome,
    pub finished_at: Instant,
    /// When the rest was removed.
    pub pruned_at: Instant,
    /// Who removed it.
    pub by: PersonId,
    /// How long evidence is kept, in days.
    pub kept_days: u32,
    /// Digest of the manifest, which stays and names every file that was removed.
    pub manifest: Digest,
}

impl Tombstone {
    /// As it stands in its file.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn written(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads the one in `folder`, byte for byte as it is written; none where there is none.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn of(folder: &Path) -> Result<Option<(Self, Vec<u8>)>, String> {
        let bytes = match fs::read(folder.join(TOMBSTONE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot be read: {error}")),
        };
        let stone: Self = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        if stone.schema != TOMBSTONE_SCHEMA {
            return Err(format!("is of schema {:?}", stone.schema));
        }
        match stone.written() {
            Ok(written) if written == bytes => Ok(Some((stone, bytes))),
            Ok(_) | Err(_) => Err("is not written as a tombstone is".to_owned()),
        }
    }
}

/// Removes everything in `folder` but what stays of it. Links are removed, and not followed.
///
/// # Errors
///
/// Whatever the system reports; what is left can be removed another time.
pub fn remove_the_rest(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let stays = [MANIFEST, SEAL, TOMBSTONE, TOMBSTONE_SEAL].iter().any(|name| entry.file_name() == *name);
        match (stays, entry.file_type()?.is_dir()) {
            (true, _) => {}
            (false, true) => fs::remove_dir_all(entry.path())?,
            (false, false) => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}
