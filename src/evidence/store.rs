//! The evidence folder of one run: create-only files, 0600, written aside and renamed.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::mask::masked::Masked;
use crate::mask::picture::MaskedPicture;
use crate::model::digest::Digest;
use crate::model::ids::{ChangeId, RunId};

/// Why evidence could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The system refused.
    #[error("cannot write {path}: {source}")]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A document holds what may not be shown.
    #[error("{0} holds a value that may not be shown, and was withheld")]
    Withheld(String),
    /// A document cannot be serialised.
    #[error("{0} cannot be written as JSON")]
    Json(String),
    /// An event may not follow the one before it.
    #[error("journal: {0}")]
    IllegalEvent(String),
}

/// Digest and length of a file in the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileDigest {
    /// SHA-256.
    pub sha256: Digest,
    /// Length in bytes.
    pub size: u64,
}

/// The evidence folder of one run.
#[derive(Debug)]
pub struct EvidenceFolder {
    folder: PathBuf,
    lines: BTreeMap<String, File>,
    pictures: u32,
}

impl EvidenceFolder {
    /// Creates `root/CHANGE/RUN`.
    ///
    /// # Errors
    ///
    /// [`EvidenceError::Write`] when a folder cannot be created, or the run's exists already.
    pub fn create(root: &Path, change: &ChangeId, run: &RunId) -> Result<Self, EvidenceError> {
        let parent = root.join(change.as_str());
        let folder = parent.join(run.as_str());
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| EvidenceError::Write { path, source }
        };
        DirBuilder::new().mode(0o700).recursive(true).create(&parent).map_err(failed(&parent))?;
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed(&folder))?;
        let pictures = folder.join("screenshots");
        DirBuilder::new().mode(0o700).create(&pictures).map_err(failed(&pictures))?;
        Ok(Self { folder, lines: BTreeMap::new(), pictures: 0 })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        let path = self.folder.join(name);
        let failed = |source| EvidenceError::Write { path: path.clone(), source };
        let parent = path.parent().unwrap_or(&self.folder);
        let mut aside = tempfile::Builder::new().prefix(".partial-").tempfile_in(parent).map_err(failed)?;
        aside.write_all(bytes).map_err(failed)?;
        aside.as_file().sync_all().map_err(failed)?;
        aside.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Writes a document as indented JSON.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`].
    pub fn document<T: Serialize>(&self, name: &str, document: &Masked<T>) -> Result<(), EvidenceError> {
        let mut bytes = serde_json::to_vec_pretty(document).map_err(|_| EvidenceError::Json(name.to_owned()))?;
        bytes.push(b'\n');
        self.put(name, &bytes)
    }

    /// Writes a text.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`].
    pub fn text(&self, name: &str, text: &Masked<String>) -> Result<(), EvidenceError> {
        self.put(name, text.get().as_bytes())
    }

    /// Writes a picture as `screenshots/NN-NAME.png`.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`].
    pub fn picture(&mut self, name: &str, picture: &MaskedPicture) -> Result<(), EvidenceError> {
        self.pictures += 1;
        self.put(&format!("screenshots/{:02}-{name}.png", self.pictures), picture.png())
    }

    /// Appends a line of JSON and, with `durable`, waits until file and folder are on disk.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`].
    pub fn line<T: Serialize>(&mut self, name: &str, line: &Masked<T>, durable: bool) -> Result<(), EvidenceError> {
        let mut bytes = serde_json::to_vec(line).map_err(|_| EvidenceError::Json(name.to_owned()))?;
        bytes.push(b'\n');
        let path = self.folder.join(name);
        let failed = |source| EvidenceError::Write { path: path.clone(), source };
        if !self.lines.contains_key(name) {
            let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
            self.lines.insert(name.to_owned(), file);
        }
        if let Some(file) = self.lines.get_mut(name) {
            file.write_all(&bytes).map_err(failed)?;
            if durable {
                file.sync_all().map_err(failed)?;
                File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Digests of every file but the manifest itself, by path below the folder.
    ///
    /// # Errors
    ///
    /// [`EvidenceError::Write`] when a file cannot be read back.
    pub fn digests(&self) -> Result<BTreeMap<String, FileDigest>, EvidenceError> {
        let mut found = BTreeMap::new();
        for below in ["", "screenshots"] {
            let folder = self.folder.join(below);
            let failed = |source| EvidenceError::Write { path: folder.clone(), source };
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if entry.file_type().map_err(failed)?.is_file() && name != "manifest.json" {
                    let file = File::open(entry.path()).map_err(failed)?;
                    let (sha256, size) = Digest::of_reader(file).map_err(failed)?;
                    let path = if below.is_empty() { name } else { format!("{below}/{name}") };
                    found.insert(path, FileDigest { sha256, size });
                }
            }
        }
        Ok(found)
    }
}
