//! What a record says of its own content: computed, and put into its text.

use std::path::Path;

use serde_json::Value;

use super::attachments::measure;
use super::json_span::{find, steps};
use super::record_file::{HELP, folder, from_text, parse};
use crate::diagnostic::Diagnostic;
use crate::model::digest::Digest;
use crate::model::record::{RelativePath, UNFILLED};

/// Where a manifest names the packet.
const PACKET: &str = "manifest.packet";

/// The text of a record with its digests, and the fields that are other than they were. All else stays as it is.
#[derive(Debug)]
pub(crate) struct WithDigests {
    pub text: String,
    pub changed: Vec<String>,
}

impl WithDigests {
    /// Writes `value` in place of what `field` holds.
    fn put(&mut self, field: &str, value: &str) {
        let Some(span) = find(&self.text, &steps(field)) else { return };
        if &self.text[span.clone()] != value {
            self.text.replace_range(span, value);
            self.changed.push(field.to_owned());
        }
    }
}

/// The text of the record at `path` with the digest of its packet in the manifest, and with sizes and digests of attachments where
/// they are still to be filled in. One that is given stays, right or wrong: it is what people approved.
///
/// # Errors
///
/// A [`Diagnostic`]: the record is not valid otherwise, or an attachment cannot be read.
pub(crate) fn with_digests(path: &Path, text: &str) -> Result<WithDigests, Diagnostic> {
    let document: Value = parse(path, text, "record", HELP)?;
    let mut written = WithDigests { text: text.to_owned(), changed: Vec::new() };
    let attachments = document["exception"]["attachments"].as_array();
    for (place, attachment) in attachments.into_iter().flatten().enumerate() {
        let open = |name: &str| attachment[name].as_str().is_some_and(|text| text.starts_with(UNFILLED));
        let path_of = attachment["path"].as_str().filter(|path| !path.starts_with(UNFILLED));
        let Some(file) = path_of.and_then(|path| RelativePath::parse(path).ok()) else { continue };
        if open("size") || open("sha256") {
            let role = attachment["role"].as_str().unwrap_or_default();
            let (sha256, size) = measure(path, folder(path), role, &file)?;
            let field = |name: &str| format!("exception.attachments[{place}].{name}");
            if open("size") {
                written.put(&field("size"), &size.to_string());
            }
            if open("sha256") {
                written.put(&field("sha256"), &quoted(sha256));
            }
        }
    }
    // The packet's digest is not of the packet: the record is read with any.
    let mut readable = WithDigests { text: written.text.clone(), changed: Vec::new() };
    readable.put(PACKET, &quoted(Digest::of(b"")));
    let packet = from_text(path, &readable.text, folder(path))?.packet;
    written.put(PACKET, &quoted(packet));
    Ok(written)
}

fn quoted(digest: Digest) -> String {
    Value::from(digest.to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of one attachment, its file beside it, and what `change` makes of its text.
    fn record(change: impl FnOnce(String) -> String) -> (tempfile::TempDir, std::path::PathBuf, String) {
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string("portal-fixtures/approved/record.json").unwrap();
        let mut document: Value = serde_json::from_str(&text).unwrap();
        document["exception"]["attachments"] = serde_json::json!([{
            "role": "rollback-plan", "name": "plan.pdf", "path": "plan.pdf", "size": 4, "sha256": Digest::of(b"plan"),
        }]);
        std::fs::write(folder.path().join("plan.pdf"), "plan").unwrap();
        let path = folder.path().join("record.json");
        let text = change(serde_json::to_string_pretty(&document).unwrap());
        std::fs::write(&path, &text).unwrap();
        (folder, path, text)
    }

    #[test]
    fn the_digest_of_the_packet_is_written_and_nothing_else_is_changed() {
        let (_folder, path, text) = record(|text| text);
        let written = with_digests(&path, &text).unwrap();
        assert_eq!(written.changed, [PACKET]);
        let lines = text.lines().zip(written.text.lines()).filter(|(before, after)| before != after);
        assert_eq!(lines.count(), 1);
        let read = from_text(&path, &written.text, folder(&path)).unwrap();
        assert_eq!(read.record.manifest.packet, read.packet);
        // The approvals are of what was approved before.
        assert!(read.record.approvals.iter().all(|approval| approval.packet != read.packet));
        assert_eq!(with_digests(&path, &written.text).unwrap().changed, [""; 0]);
    }

    #[test]
    fn sizes_and_digests_of_attachments_are_written_where_they_are_to_be_filled_in_alone() {
        let open = |text: String| {
            let digest = Digest::of(b"plan").to_string();
            text.replace("\"size\": 4", "\"size\": \"<fill in: x>\"").replace(&digest, "<fill in: y>")
        };
        let (_folder, path, text) = record(open);
        let written = with_digests(&path, &text).unwrap();
        assert_eq!(written.changed, ["exception.attachments[0].size", "exception.attachments[0].sha256", PACKET]);
        let file = &from_text(&path, &written.text, folder(&path)).unwrap().record.exception.attachments[0];
        assert_eq!((file.size, file.sha256), (4, Digest::of(b"plan")));

        let (_folder, path, text) = record(|text| text.replace("\"size\": 4", "\"size\": 5"));
        assert_eq!(with_digests(&path, &text).unwrap().changed, [PACKET]);
    }

    #[test]
    fn a_record_that_is_not_complete_is_left_alone_and_the_place_is_named() {
        let (_folder, path, text) = record(|text| text.replace("checkout-api 7.14.2", "<fill in"));
        assert_eq!(with_digests(&path, &text).unwrap().changed, [PACKET], "a text may hold these words");
        let title = "\"title\": \"Raise";
        let (_folder, path, text) = record(|text| text.replace(title, "\"title\": \"<fill in: short description>"));
        let told = with_digests(&path, &text).unwrap_err().to_string();
        assert!(told.contains("exception.title: is still to be filled in, and all else is"), "{told}");
        let (_folder, path, text) = record(|text| {
            text.replace("plan.pdf\",\n        \"size\": 4", "no.pdf\",\n        \"size\": \"<fill in\"")
        });
        let told = with_digests(&path, &text).unwrap_err().to_string();
        assert!(told.contains("exception.attachments.rollback-plan.path: no.pdf: cannot be read"), "{told}\n{text}");
    }

    #[test]
    fn a_record_with_a_byte_order_mark_is_read_and_keeps_it() {
        let path = Path::new("portal-fixtures/approved/record.json");
        let text = std::fs::read_to_string(path).unwrap();
        let marked = format!("\u{feff}{text}");
        let read = from_text(path, &marked, folder(path)).unwrap();
        assert_eq!(read.packet, from_text(path, &text, folder(path)).unwrap().packet);
        assert_eq!(with_digests(path, &marked).unwrap().text, marked);
        // A mistake is still found in its place.
        let wrong = marked.replacen("\"window\"", "\"windows\"", 1);
        let told = from_text(path, &wrong, folder(path)).unwrap_err().to_string();
        assert!(told.contains("record.json:"), "{told}");
    }
}
