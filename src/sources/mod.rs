//! Where facts come from outside the portal: the change record, its attachments, the freeze calendar.
//!
//! Everything is read whole and checked, or it is an error; nothing is cached. Imports only `model` and `diagnostic`.

pub mod attachments;
pub mod calendar_file;
pub mod json_span;
pub mod record_file;

use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::model::calendar::FreezeCalendar;
use record_file::ReadRecord;

/// Why a source gave no facts.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// It answered with something that is not valid.
    #[error("{0}")]
    Invalid(Diagnostic),
    /// It did not answer, or not in time, or not the whole.
    #[error("error: {name} did not answer: {what}")]
    Unavailable {
        /// Which source, for people.
        name: String,
        /// How it failed; nothing of what it said.
        what: String,
    },
}

impl From<Diagnostic> for SourceError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Invalid(diagnostic)
    }
}

/// Reads the facts anew at every call.
pub trait Sources {
    /// The change record.
    ///
    /// # Errors
    ///
    /// A [`Diagnostic`] when it cannot be read or is not valid.
    fn record(&self) -> Result<ReadRecord, Diagnostic>;
    /// The freeze calendar.
    ///
    /// # Errors
    ///
    /// A [`Diagnostic`] when it cannot be read whole.
    fn calendar(&self) -> Result<FreezeCalendar, Diagnostic>;
}

/// Record and calendar in local files.
#[derive(Debug, Clone)]
pub struct FileSources {
    /// The change record.
    pub record: PathBuf,
    /// The freeze calendar.
    pub calendar: PathBuf,
}

impl Sources for FileSources {
    fn record(&self) -> Result<ReadRecord, Diagnostic> {
        record_file::read(&self.record)
    }

    fn calendar(&self) -> Result<FreezeCalendar, Diagnostic> {
        calendar_file::read(&self.calendar)
    }
}

/// Reads a text file of at most `limit` bytes.
///
/// # Errors
///
/// A [`Diagnostic`] when it is not there, no file, too long, or no text.
pub fn read_text(path: &Path, limit: u64, what: &str) -> Result<String, Diagnostic> {
    use std::io::Read as _;
    let unreadable = |error: std::io::Error| {
        let help = format!("name {what} that this account may read");
        Diagnostic::whole(path, format!("cannot be read: {error}"), help)
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(Diagnostic::whole(path, "is not a file", format!("name {what}")));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(Diagnostic::whole(path, format!("is larger than {limit} bytes"), format!("name {what}")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Diagnostic::whole(path, format!("is not UTF-8 text (byte {at})"), "save it as UTF-8")
    })
}
