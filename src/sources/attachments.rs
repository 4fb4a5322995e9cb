//! Attachments: read once, digested while they are copied, and uploaded from the copy that was digested.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::record_file::ReadRecord;
use crate::diagnostic::Diagnostic;
use crate::model::digest::Digest;
use crate::model::ids::AttachmentRole;
use crate::model::record::{Attachment, RelativePath};

/// An attachment as it lies on disk, and where its private copy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Which attachment.
    pub role: AttachmentRole,
    /// Digest of what was read.
    pub sha256: Digest,
    /// Length in bytes.
    pub size: u64,
    /// Private copy; none when only the digest was asked for.
    pub copy: Option<PathBuf>,
}

/// Passes on what is read and writes it to a second place.
struct Tee<R, W> {
    reader: R,
    writer: W,
}

impl<R: Read, W: Write> Read for Tee<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.writer.write_all(&buffer[..read])?;
        Ok(read)
    }
}

/// Digests every attachment of `record`; with `copies`, a private folder, each is copied there under its own name.
///
/// # Errors
///
/// A [`Diagnostic`] when a file is missing, is no regular file, or lies outside the record's folder.
pub(crate) fn examine(
    record_path: &Path,
    record: &ReadRecord,
    copies: Option<&Path>,
) -> Result<Vec<FoundFile>, Diagnostic> {
    let attachments = &record.record.exception.attachments;
    attachments.iter().map(|attachment| one(record_path, record, attachment, copies)).collect()
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

fn wrong(record_path: &Path, role: &str, path: &RelativePath, message: String) -> Diagnostic {
    let field = format!("exception.attachments.{role}.path");
    Diagnostic::whole(record_path, format!("{field}: {}: {message}", path.as_str()), "put the approved file there")
}

/// Opens the file of an attachment, which is a regular one below the record's folder.
fn open(folder: &Path, path: &RelativePath) -> Result<File, String> {
    // A link that leads out of the record's folder would upload something the record does not name.
    let inside = fs::canonicalize(folder).map_err(|error| unreadable(&error))?;
    let real = fs::canonicalize(folder.join(path.as_str())).map_err(|error| unreadable(&error))?;
    if !real.starts_with(&inside) {
        return Err("leads out of the record's folder".into());
    }
    let file = File::open(&real).map_err(|error| unreadable(&error))?;
    if !file.metadata().map_err(|error| unreadable(&error))?.is_file() {
        return Err("is not a regular file".into());
    }
    Ok(file)
}

/// Digest and length in bytes of the file that is to be attached in this role.
///
/// # Errors
///
/// A [`Diagnostic`], as of [`examine`].
pub(super) fn measure(
    record_path: &Path,
    folder: &Path,
    role: &str,
    path: &RelativePath,
) -> Result<(Digest, u64), Diagnostic> {
    let measured = open(folder, path).and_then(|file| Digest::of_reader(file).map_err(|error| unreadable(&error)));
    measured.map_err(|message| wrong(record_path, role, path, message))
}

fn one(
    record_path: &Path,
    record: &ReadRecord,
    attachment: &Attachment,
    copies: Option<&Path>,
) -> Result<FoundFile, Diagnostic> {
    let wrong = |message: String| wrong(record_path, attachment.role.as_str(), &attachment.path, message);
    let failed = |error: io::Error| wrong(unreadable(&error));
    let file = open(&record.folder, &attachment.path).map_err(wrong)?;
    let (sha256, size, copy) = match copies {
        None => {
            let (digest, size) = Digest::of_reader(file).map_err(failed)?;
            (digest, size, None)
        }
        Some(folder) => {
            // One folder each: two attachments may differ in role and share nothing else.
            let folder = folder.join(attachment.role.as_str());
            fs::DirBuilder::new().mode(0o700).recursive(true).create(&folder).map_err(failed)?;
            let copy = folder.join(attachment.name.as_str());
            let writer = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy).map_err(failed)?;
            let (digest, size) = Digest::of_reader(Tee { reader: file, writer }).map_err(failed)?;
            (digest, size, Some(copy))
        }
    };
    Ok(FoundFile { role: attachment.role.clone(), sha256, size, copy })
}
