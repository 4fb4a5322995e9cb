//! The evidence folder of one run. Only what has passed the mask can be put into it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt as _, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// All of it together would be larger than its limit.
    #[error("the evidence of this run reaches its limit of {} MiB (`evidence_mib`)", limit >> 20)]
    Full {
        /// The limit in bytes.
        limit: u64,
    },
    /// A document holds what may not be shown.
    #[error("{0} holds a value that may not be shown, and was withheld")]
    Withheld(String),
    /// A document cannot be serialised.
    #[error("{0} cannot be written as JSON")]
    Json(String),
    /// The store that others share did not take it.
    #[error("{0}")]
    Store(String),
    /// An event may not follow the one before it.
    #[error("journal: {0}")]
    IllegalEvent(String),
}

/// Why a folder is no place for evidence.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnsafeRoot {
    /// Whoever may change the link chooses where evidence goes.
    #[error("{0} is a link: name the folder itself")]
    Link(String),
    /// Others could put files there, or take them away.
    #[error("others may write in {0}: `chmod go-w {0}`")]
    Writable(String),
}

/// Whether evidence may be put below `root`. One that is not there yet is created for its owner alone.
///
/// # Errors
///
/// [`UnsafeRoot`].
pub(crate) fn safe_root(root: &Path) -> Result<(), UnsafeRoot> {
    let Ok(known) = fs::symlink_metadata(root) else { return Ok(()) };
    let place = root.display().to_string();
    if known.is_symlink() {
        return Err(UnsafeRoot::Link(place));
    }
    // A group of one's own is oneself.
    let own_group = known.gid() == rustix::process::getegid().as_raw();
    let others = if own_group { 0o002 } else { 0o022 };
    if known.mode() & others != 0 { Err(UnsafeRoot::Writable(place)) } else { Ok(()) }
}

/// Digest and length of a file in the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileDigest {
    pub sha256: Digest,
    /// Length in bytes.
    pub size: u64,
}

/// A part of a text with pictures.
pub(crate) enum Part {
    Text(Masked<String>),
    /// The picture at this path below the folder.
    Picture(String),
}

/// Where the files of one run lie. Names are paths below it.
pub trait Shelf: std::fmt::Debug + Send {
    /// Puts a whole file there, in place of an older one.
    ///
    /// # Errors
    ///
    /// Whatever the system reports; nothing of the new file is to be seen then.
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Appends to a file and, with `durable`, waits until file and folder are on disk.
    ///
    /// # Errors
    ///
    /// Whatever the system reports. Nothing of these bytes remains then, or nothing can be appended to this file any more.
    fn append(&mut self, name: &str, bytes: &[u8], durable: bool) -> io::Result<()>;
    /// Every file but the manifest, in order of name.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    fn files(&self) -> io::Result<Vec<String>>;
    /// A file, to be read.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read>>;
    /// Where it is, for people.
    fn place(&self) -> String;
}

/// A folder on disk: 0700, files 0600, written aside and renamed.
#[derive(Debug)]
struct DiskShelf {
    folder: PathBuf,
    appended: BTreeMap<String, Appended>,
}

#[derive(Debug)]
struct Appended {
    file: File,
    length: u64,
    /// A failed line could not be taken back: nothing may follow it.
    spoilt: bool,
}

impl Appended {
    fn append(&mut self, bytes: &[u8], durable: bool) -> io::Result<()> {
        if self.spoilt {
            return Err(io::Error::other("an earlier line could not be written whole"));
        }
        let written = self.file.write_all(bytes);
        let written = written.and_then(|()| if durable { self.file.sync_all() } else { Ok(()) });
        match written {
            Ok(()) => {
                self.length += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.spoilt = self.file.set_len(self.length).is_err();
                Err(error)
            }
        }
    }
}

impl Shelf for DiskShelf {
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(name);
        let parent = path.parent().unwrap_or(&self.folder);
        let mut aside = tempfile::Builder::new().prefix(".partial-").tempfile_in(parent)?;
        aside.write_all(bytes)?;
        aside.as_file().sync_all()?;
        aside.persist(&path)?;
        Ok(())
    }

    fn append(&mut self, name: &str, bytes: &[u8], durable: bool) -> io::Result<()> {
        if !self.appended.contains_key(name) {
            let path = self.folder.join(name);
            let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
            self.appended.insert(name.to_owned(), Appended { file, length: 0, spoilt: false });
        }
        if let Some(appended) = self.appended.get_mut(name) {
            appended.append(bytes, durable)?;
            if durable && appended.length == bytes.len() as u64 {
                // The first line: the folder has to know the file.
                File::open(&self.folder)?.sync_all()?;
            }
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        for below in ["", SCREENSHOTS] {
            for entry in fs::read_dir(self.folder.join(below))? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if entry.file_type()?.is_file() && name != MANIFEST {
                    found.push(if below.is_empty() { name } else { format!("{below}/{name}") });
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(File::open(self.folder.join(name))?))
    }

    fn place(&self) -> String {
        self.folder.display().to_string()
    }
}

/// Folder of the pictures, in the folder of a run.
pub(crate) const SCREENSHOTS: &str = "screenshots";
/// Name of the manifest over all other files.
pub const MANIFEST: &str = "manifest.json";
/// Name of the signed seal over the manifest and all files that it names.
pub(crate) const SEAL: &str = "manifest.dsse.json";

/// The evidence folder of one run: takes nothing that has not passed the mask.
#[derive(Debug)]
pub struct EvidenceFolder {
    shelf: Box<dyn Shelf>,
    pictures: u32,
    written: u64,
    limit: u64,
    closing: bool,
}

/// What all evidence of a run may have together where nothing else is set, in bytes.
pub const USUAL_LIMIT: u64 = 64 << 20;

/// Room beyond the limit for the journal, and for saying how the run ended, in bytes.
const RESERVE: u64 = 8 << 20;

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
            let path = path.display().to_string();
            move |source| EvidenceError::Write { path, source }
        };
        DirBuilder::new().mode(0o700).recursive(true).create(&parent).map_err(failed(&parent))?;
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed(&folder))?;
        let pictures = folder.join(SCREENSHOTS);
        DirBuilder::new().mode(0o700).create(&pictures).map_err(failed(&pictures))?;
        Ok(Self::on(Box::new(DiskShelf { folder, appended: BTreeMap::new() })))
    }

    /// A folder on any shelf.
    pub fn on(shelf: Box<dyn Shelf>) -> Self {
        Self { shelf, pictures: 0, written: 0, limit: USUAL_LIMIT, closing: false }
    }

    /// The same with another limit, in bytes.
    #[must_use]
    pub(crate) fn limited_to(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    /// The run is over: what says so may use the room that was kept for it.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Counts what is about to be written. What `must` be written may use the reserve.
    fn room(&mut self, bytes: &[u8], must: bool) -> Result<(), EvidenceError> {
        let written = self.written.saturating_add(bytes.len() as u64);
        let reserve = if must || self.closing { RESERVE } else { 0 };
        if written > self.limit.saturating_add(reserve) {
            return Err(EvidenceError::Full { limit: self.limit });
        }
        self.written = written;
        Ok(())
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        self.shelf.place()
    }

    fn failed(&self, name: &str) -> impl Fn(io::Error) -> EvidenceError + use<> {
        let path = format!("{}/{name}", self.shelf.place());
        move |source| EvidenceError::Write { path: path.clone(), source }
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        self.room(bytes, false)?;
        self.shelf.put(name, bytes).map_err(self.failed(name))
    }

    /// Writes a document as indented JSON.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`].
    pub fn document<T: Serialize>(&mut self, name: &str, document: &Masked<T>) -> Result<(), EvidenceError> {
        let mut bytes = serde_json::to_vec_pretty(document).map_err(|_| EvidenceError::Json(name.to_owned()))?;
        bytes.push(b'\n');
        self.put(name, &bytes)
    }

    /// Writes a text.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`].
    pub fn text(&mut self, name: &str, text: &Masked<String>) -> Result<(), EvidenceError> {
        self.put(name, text.get().as_bytes())
    }

    /// Writes a picture as `screenshots/NN-NAME.png`, and says so.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`].
    pub fn picture(&mut self, name: &str, picture: &MaskedPicture) -> Result<String, EvidenceError> {
        self.pictures += 1;
        let path = format!("{SCREENSHOTS}/{:02}-{name}.png", self.pictures);
        self.put(&path, picture.png())?;
        Ok(path)
    }

    /// Writes a text in which pictures of this folder stand in base64. It has none of the room that is kept for the end.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`].
    pub(crate) fn composed(&mut self, name: &str, parts: &[Part]) -> Result<(), EvidenceError> {
        let mut bytes = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => bytes.extend(text.get().bytes()),
                Part::Picture(path) => bytes.extend(STANDARD.encode(self.read(path)?).into_bytes()),
            }
        }
        if self.written.saturating_add(bytes.len() as u64) > self.limit {
            return Err(EvidenceError::Full { limit: self.limit });
        }
        self.put(name, &bytes)
    }

    /// Appends a line of JSON and, with `durable`, waits until file and folder are on disk. Returns the line.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`]; nothing of the line remains then, or no other can follow it.
    pub fn line<T: Serialize>(
        &mut self,
        name: &str,
        line: &Masked<T>,
        durable: bool,
    ) -> Result<Vec<u8>, EvidenceError> {
        let mut bytes = serde_json::to_vec(line).map_err(|_| EvidenceError::Json(name.to_owned()))?;
        bytes.push(b'\n');
        self.room(&bytes, durable)?;
        self.shelf.append(name, &bytes, durable).map_err(self.failed(name))?;
        Ok(bytes)
    }

    /// Digests of every file but the manifest itself, by path below the folder.
    ///
    /// # Errors
    ///
    /// [`EvidenceError::Write`] when a file cannot be read back.
    pub fn digests(&self) -> Result<BTreeMap<String, FileDigest>, EvidenceError> {
        let names = self.shelf.files().map_err(self.failed(""))?;
        let digest = |name: String| {
            let read = self.shelf.open(&name).and_then(Digest::of_reader);
            let (sha256, size) = read.map_err(self.failed(&name))?;
            Ok((name, FileDigest { sha256, size }))
        };
        names.into_iter().map(digest).collect()
    }

    /// The names of every file, the manifest's last.
    ///
    /// # Errors
    ///
    /// [`EvidenceError::Write`] when the folder cannot be listed.
    pub fn names(&self) -> Result<Vec<String>, EvidenceError> {
        let mut names = self.shelf.files().map_err(self.failed(""))?;
        names.push(MANIFEST.to_owned());
        Ok(names)
    }

    /// A file, read back.
    ///
    /// # Errors
    ///
    /// [`EvidenceError::Write`] when it cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, EvidenceError> {
        let mut bytes = Vec::new();
        let read = self.shelf.open(name).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map_err(self.failed(name))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_folder_takes_the_journal_and_the_outcome_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let (change, run) = (ChangeId::parse("CHG1").unwrap(), RunId::parse("r1").unwrap());
        let mut folder = EvidenceFolder::create(root.path(), &change, &run).unwrap().limited_to(1 << 20);
        let gate = crate::mask::masked::MaskGate::new(Default::default(), [0; 32], Vec::new());
        let large = gate.text("x".repeat(1 << 20)).unwrap();
        assert!(folder.text("first.txt", &large).is_ok());
        let small = gate.text("x".to_owned()).unwrap();
        assert!(matches!(folder.text("second.txt", &small), Err(EvidenceError::Full { .. })));
        assert!(matches!(folder.line("looks.jsonl", &small, false), Err(EvidenceError::Full { .. })));
        assert!(folder.line("journal.jsonl", &small, true).is_ok());
        folder.close();
        assert!(folder.text("outcome.txt", &small).is_ok());
        // The room that is kept is bounded, too.
        assert!((0..9).any(|count| folder.text(&format!("{count}.txt"), &large).is_err()));
    }

    #[test]
    fn evidence_goes_through_no_link_and_where_others_may_write_none() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let root = tempfile::tempdir().unwrap();
        let (own, link) = (root.path().join("own"), root.path().join("link"));
        assert_eq!(safe_root(&own), Ok(()));
        fs::create_dir(&own).unwrap();
        symlink(&own, &link).unwrap();
        assert_eq!(safe_root(&link), Err(UnsafeRoot::Link(link.display().to_string())));
        for (mode, safe) in [(0o700, true), (0o755, true), (0o777, false), (0o1777, false)] {
            fs::set_permissions(&own, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(safe_root(&own).is_ok(), safe, "{mode:o}");
        }
    }

    #[test]
    fn a_line_that_the_disk_has_no_room_for_leaves_nothing_behind() {
        // A device that is always full takes no byte and cannot be cut.
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut appended = Appended { file: full, length: 0, spoilt: false };
        assert!(appended.append(b"{}\n", true).is_err());
        assert!(appended.spoilt);
        assert_eq!(appended.append(b"{}\n", true).unwrap_err().kind(), io::ErrorKind::Other);
    }
}
