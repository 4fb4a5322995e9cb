//! Uploads as the portal lists them against the attachments of the record.

use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::form::PlannedFile;
use crate::model::observed::ListedFile;
use crate::model::private::{Exposure, Fact};

fn describe(name: &str, size: Option<u64>, digest: Option<String>) -> String {
    let size = size.map_or("unknown length".to_owned(), |size| format!("{size} bytes"));
    format!("{name} ({size}, {})", digest.unwrap_or_else(|| "no digest".into()))
}

fn reason(stage: Stage, subject: &str, expected: Fact, observed: Fact) -> HaltReason {
    HaltReason {
        code: HaltCode::AttachmentDiffers,
        stage,
        subject: subject.to_owned(),
        expected,
        observed,
        source: FactSource::Portal,
    }
}

/// `attachment-differs`: a file is missing, renamed, altered, doubled, or one too many.
///
/// A file counts as the planned one when name and, where the portal lists them, length and digest agree.
pub fn attachment_differs(stage: Stage, planned: &[&PlannedFile], listed: &[ListedFile]) -> Vec<HaltReason> {
    let mut found = Vec::new();
    for file in planned {
        let same_name: Vec<&ListedFile> = listed.iter().filter(|entry| entry.name.expose() == &file.name).collect();
        let expected = || Fact::public(describe(&file.name, Some(file.size), Some(file.sha256.to_string())));
        let subject = format!("attachments.{}", file.role);
        match same_name.as_slice() {
            [] => found.push(reason(stage, &subject, expected(), Fact::public("not listed"))),
            [entry] => {
                let same_size = entry.size.is_none_or(|size| size == file.size);
                let same_digest = entry.sha256.is_none_or(|digest| digest == file.sha256);
                if !(same_size && same_digest) {
                    let digest = entry.sha256.map(|digest| digest.to_string());
                    found.push(reason(
                        stage,
                        &subject,
                        expected(),
                        Fact::public(describe(&file.name, entry.size, digest)),
                    ));
                }
            }
            several => {
                let observed = Fact::public(format!("listed {} times", several.len()));
                found.push(reason(stage, &subject, expected(), observed));
            }
        }
    }
    for entry in listed {
        if !planned.iter().any(|file| entry.name.expose() == &file.name) {
            let observed = Fact::new(entry.name.expose().clone(), Exposure::Hidden);
            found.push(reason(stage, "attachments", Fact::public("no further file"), observed));
        }
    }
    found
}
