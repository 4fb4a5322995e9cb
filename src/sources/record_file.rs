//! Reads a change record from a JSON file; every mistake names file, line and field.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::json_span::{find, steps};
use super::read_text;
use crate::diagnostic::Diagnostic;
use crate::model::digest::Digest;
use crate::model::packet::packet_digest;
use crate::model::record::{ChangeRecord, UNFILLED};
use crate::model::strict_json::unmarked;
use crate::model::time::ChangeWindow;

/// Largest record file, in bytes: the attachments are files of their own.
const LIMIT: u64 = 4 << 20;

pub(super) const HELP: &str = "`portal-agent schema record` prints the format";

/// A record, valid in itself, with its digests.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRecord {
    pub record: ChangeRecord,
    /// Digest of its semantic fields.
    pub packet: Digest,
    /// Digest of the file.
    pub file: Digest,
    /// Folder that attachments are relative to.
    pub folder: PathBuf,
}

/// Reads and checks the record at `path`.
///
/// # Errors
///
/// A [`Diagnostic`]: not there, not a file, too large, not UTF-8, not JSON, unknown or doubled keys, wrong types, windows that
/// end before they start, names that occur twice.
pub fn read(path: &Path) -> Result<ReadRecord, Diagnostic> {
    from_text(path, &text(path)?, folder(path))
}

/// The text of the record at `path`.
///
/// # Errors
///
/// A [`Diagnostic`]: not there, not a file, too large, not UTF-8.
pub(crate) fn text(path: &Path) -> Result<String, Diagnostic> {
    read_text(path, LIMIT, "a change record in JSON")
}

/// The folder of a record's file.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reads and checks the record in `text`, whose attachments lie below `folder`; `path` is used in messages alone.
///
/// # Errors
///
/// See [`read`].
pub fn from_text(path: &Path, text: &str, folder: &Path) -> Result<ReadRecord, Diagnostic> {
    filled_in(path, text)?;
    let record: ChangeRecord = parse(path, text, "record", HELP)?;
    check(path, text, &record)?;
    let packet = packet_digest(&record).map_err(|error| Diagnostic::whole(path, error.to_string(), HELP))?;
    Ok(ReadRecord { record, packet, file: Digest::of(text.as_bytes()), folder: folder.to_owned() })
}

/// Looks for places that are still to be filled in, as `schema record --skeleton` leaves them.
fn filled_in(path: &Path, text: &str) -> Result<(), Diagnostic> {
    // What is no JSON is told by the reader.
    let Ok(document) = serde_json::from_str(unmarked(text)) else { return Ok(()) };
    let mut left = Vec::new();
    left_open(&document, &mut String::new(), &mut left);
    let places = left.len();
    let Some((at, field)) = left.into_iter().filter_map(|field| Some((find(text, &steps(&field))?.start, field))).min()
    else {
        return Ok(());
    };
    let message = if places == 1 {
        "is still to be filled in, and all else is".to_owned()
    } else {
        format!("is still to be filled in, and {} more after it", places - 1)
    };
    Err(Diagnostic::unquoted(path, text, at, Some(field), message, "write its value in place of `<fill in: …>`"))
}

/// Fields that are still to be filled in, below one at `path`.
fn left_open(value: &Value, path: &mut String, left: &mut Vec<String>) {
    let length = path.len();
    match value {
        Value::String(text) if text.starts_with(UNFILLED) => left.push(path.clone()),
        Value::Object(members) => {
            for (name, member) in members {
                path.push_str(if length == 0 { "" } else { "." });
                path.push_str(name);
                left_open(member, path, left);
                path.truncate(length);
            }
        }
        Value::Array(elements) => {
            for (place, element) in elements.iter().enumerate() {
                path.push_str(&format!("[{place}]"));
                left_open(element, path, left);
                path.truncate(length);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The reader's message without the value it met: `invalid type: string "…"` says enough.
fn without_value(message: &str) -> String {
    match (message.find("string \""), message.rfind("\", expected")) {
        (Some(start), Some(end)) if start < end => format!("{}string{}", &message[..start], &message[end + 1..]),
        _ => message.to_owned(),
    }
}

/// Reads a document of JSON, a `noun`; a mistake names its line and field, and no value.
pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str, noun: &str, help: &str) -> Result<T, Diagnostic> {
    let text = unmarked(text);
    let mut reader = serde_json::Deserializer::from_str(text);
    let offset = |line: usize, column: usize| {
        let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        (start + column.saturating_sub(1)).min(text.len())
    };
    let document = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = Some(error.path().to_string()).filter(|field| field != ".");
        let inner = error.into_inner();
        let at = offset(inner.line(), inner.column());
        // Where the value itself can be found, point at it; serde_json stops behind it.
        let value = field.as_deref().and_then(|field| find(text, &steps(field))).filter(|_| inner.is_data());
        let message = inner.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        let at = value.map_or(at, |value| value.start);
        Diagnostic::unquoted(path, text, at, field, without_value(message), help)
    })?;
    reader.end().map_err(|error| {
        let at = offset(error.line(), error.column());
        Diagnostic::unquoted(
            path,
            text,
            at,
            None,
            format!("something follows the {noun}"),
            format!("one file holds one {noun}"),
        )
    })?;
    Ok(document)
}

fn check(path: &Path, text: &str, record: &ChangeRecord) -> Result<(), Diagnostic> {
    let wrong = |field: &str, message: &str, help: &str| {
        let at = find(text, &steps(field)).map_or(0, |span| span.start);
        Diagnostic::unquoted(path, text, at, Some(field.to_owned()), message, help)
    };
    let exception = &record.exception;
    if exception.revision == 0 {
        return Err(wrong("exception.revision", "revisions count from 1", "write the revision that was approved"));
    }
    let forward = |field: &str, window: ChangeWindow| {
        if window.is_forward() {
            Ok(())
        } else {
            Err(wrong(&format!("{field}.end"), "the window ends before it starts", "write an end after the start"))
        }
    };
    forward("exception.window", exception.window)?;
    forward("remediation.window", record.remediation.window)?;
    forward("manifest.window", record.manifest.window)?;
    for (place, named) in exception.excepts.iter().enumerate() {
        forward(&format!("exception.excepts[{place}]"), named.window())?;
    }
    let mut seen = BTreeSet::new();
    let mut once = |kind: &'static str, value: &str, field: String| {
        if seen.insert((kind, value.to_owned())) {
            Ok(())
        } else {
            Err(wrong(&field, "stands here twice", "name each one once"))
        }
    };
    for (place, named) in exception.excepts.iter().enumerate() {
        once("blackout", named.id.as_str(), format!("exception.excepts[{place}].id"))?;
    }
    for (place, file) in exception.attachments.iter().enumerate() {
        once("role", file.role.as_str(), format!("exception.attachments[{place}].role"))?;
        once("name", file.name.as_str(), format!("exception.attachments[{place}].name"))?;
    }
    for (place, signer) in record.manifest.signers.iter().enumerate() {
        let named = format!("{} {}", signer.role, signer.approver);
        once("signer", &named, format!("manifest.signers[{place}].approver"))?;
    }
    Ok(())
}
