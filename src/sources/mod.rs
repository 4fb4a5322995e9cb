//! Where facts come from outside the portal: the change record, its attachments, freeze calendars, registers.
//!
//! Everything is read whole and checked, or it is an error; nothing is cached. Imports only `model`, `diagnostic`,
//! `freeze_mode` and `signatures`.
//!
#![doc = include_str!("README.md")]

pub mod attachments;
pub mod calendar_file;
pub mod configured;
pub(crate) mod digests;
pub mod fetch;
pub mod freeze_files;
pub mod freeze_policy_file;
pub mod git;
pub mod icalendar;
pub mod json_span;
pub mod places;
pub mod record_file;
pub mod registers;
pub mod servicenow;
pub mod signer_keys;

use std::path::Path;

use async_trait::async_trait;

use crate::diagnostic::Diagnostic;
use crate::model::gates::Gates;
use record_file::ReadRecord;

/// Why the sources gave no facts.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// One answered with something that is not valid.
    #[error("{mistake}")]
    Invalid {
        /// Which source, for people.
        name: String,
        /// What is not valid. It quotes the source.
        mistake: Diagnostic,
    },
    /// One did not answer, or not in time, or not the whole.
    #[error("error: {name} did not answer: {what}")]
    Unavailable {
        /// Which source, for people.
        name: String,
        /// How it failed; nothing of what it said.
        what: String,
    },
}

impl SourceError {
    /// A mistake in what `name` answered.
    pub fn invalid(name: &str) -> impl Fn(Diagnostic) -> Self {
        move |mistake| Self::Invalid { name: name.to_owned(), mistake }
    }

    /// What went wrong, without anything that the source said.
    pub fn told(&self) -> String {
        match self {
            Self::Invalid { name, mistake } => match mistake.field() {
                Some(field) => format!("{name}: {field} is not valid"),
                None => format!("{name} cannot be read"),
            },
            Self::Unavailable { name, what } => format!("{name} did not answer: {what}"),
        }
    }
}

/// Everything that the sources say, read anew.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFacts {
    /// The change record.
    pub record: ReadRecord,
    /// What gates it.
    pub gates: Gates,
}

/// Reads the facts anew at every call; nothing is kept from one to the next.
#[async_trait(?Send)]
pub trait Sources {
    /// Every source, whole. With a `known` record, the record last of all: what gates it is asked for by what is known.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when one of them does not answer, or answers what is not valid.
    async fn read(&self, known: Option<&ReadRecord>) -> Result<SourceFacts, SourceError>;
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
///
/// A [`Diagnostic`] when it is not there, no file, or too long.
pub(crate) fn read_bytes(path: &Path, limit: u64, what: &str) -> Result<Vec<u8>, Diagnostic> {
    use std::io::Read as _;
    let unreadable = |error: std::io::Error| {
        let help = format!("name {what} that this account may read");
        Diagnostic::whole(path, format!("cannot be read: {error}"), help)
    };
    // Asked before it is opened: a pipe would keep whoever opens it waiting.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Diagnostic::whole(path, "is not a file", format!("name {what}")));
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(Diagnostic::whole(path, format!("is larger than {limit} bytes"), format!("name {what}")));
    }
    Ok(bytes)
}

/// Reads a text file of at most `limit` bytes.
///
/// # Errors
///
/// A [`Diagnostic`] when it is not there, no file, too long, or no text.
pub(crate) fn read_text(path: &Path, limit: u64, what: &str) -> Result<String, Diagnostic> {
    decoded(path, read_bytes(path, limit, what)?)
}

/// The text that these bytes of a file are.
///
/// # Errors
///
/// A [`Diagnostic`] when they are none.
pub(crate) fn decoded(path: &Path, bytes: Vec<u8>) -> Result<String, Diagnostic> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Diagnostic::whole(path, format!("is not UTF-8 text (byte {at})"), "save it as UTF-8")
    })
}
