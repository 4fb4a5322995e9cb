//! The change record: the exception as requested, what it must agree with, and who approved which revision of it.
//!
//! Reading and validating are in `sources::record_file`; here are the shapes. Unknown and duplicate keys are refused by the
//! derived readers, malformed values by the types of the fields.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::details::Details;
use super::digest::Digest;
use super::ids::{AttachmentRole, BlackoutId, ChangeId, PersonId, Role};
use super::text::{Line, Paragraph};
use super::time::{ChangeWindow, Instant};

/// A change record as the agent reads it: one JSON document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRecord {
    /// Version of this format.
    pub schema: RecordSchema,
    /// The change-freeze exception to enter. Its semantic fields make up the packet digest.
    pub exception: FreezeException,
    /// The approved remediation that the exception must not exceed.
    pub remediation: Remediation,
    /// Entry of the service ownership record.
    pub ownership: Ownership,
    /// What was approved, where, for when, and by whom.
    pub manifest: ApprovalManifest,
    /// Decisions of the approvers, in any order.
    pub approvals: Vec<Approval>,
}

/// How a text begins that stands where something is still to be filled in. No record with one is read.
pub(crate) const UNFILLED: &str = "<fill in";

/// A text that stands for what is still to be filled in.
pub(crate) fn unfilled(what: &str) -> String {
    format!("{UNFILLED}: {what}>")
}

/// Version of the record format; it also declares which fields are semantic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RecordSchema {
    /// The first version.
    #[serde(rename = "portal-agent/record/1")]
    V1,
}

/// The exception as requested: every field but the attachments' paths is semantic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeException {
    /// Number of the change request.
    pub change_id: ChangeId,
    /// Revision of the change request, from 1.
    pub revision: u32,
    /// Short description.
    pub title: Line,
    /// Who asks for the exception.
    pub requester: PersonId,
    /// The service that will be changed.
    pub service: Service,
    /// Environment, for instance `production`.
    pub environment: Line,
    /// Exception category, for instance `emergency-fix`.
    pub category: Line,
    /// Incident or customer-impact reference.
    pub incident: Line,
    /// What the change will touch, and nothing else.
    pub scope: Paragraph,
    /// Rollback plan. A record without one is readable, and judged `rollback-missing`.
    pub rollback: Option<Rollback>,
    /// Deployment window.
    pub window: ChangeWindow,
    /// The blackouts that this exception is an exception from, as they stood when it was approved.
    pub excepts: Vec<ExceptedBlackout>,
    /// Files to upload.
    pub attachments: Vec<Attachment>,
    /// Further answers that the portal's form asks for, by a name that the selector map refers to.
    #[serde(default)]
    pub details: Details,
}

/// A service and its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Service identifier.
    pub id: Line,
    /// Account of the service owner.
    pub owner: PersonId,
}

/// A rollback plan at one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// Identifier of the plan.
    pub plan: Line,
    /// Version of the plan.
    pub version: Line,
}

/// A blackout by its identifier and the times that were known at approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExceptedBlackout {
    /// Identifier in the freeze calendar.
    pub id: BlackoutId,
    /// First moment inside.
    pub start: Instant,
    /// First moment after.
    pub end: Instant,
}

impl ExceptedBlackout {
    /// The blackout's window.
    pub fn window(&self) -> ChangeWindow {
        ChangeWindow { start: self.start, end: self.end }
    }
}

/// A file to upload, by digest; `path` says where it lies and is not semantic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// What the file is for; unique within the record.
    pub role: AttachmentRole,
    /// Name under which the portal must list it.
    pub name: FileName,
    /// Where the file lies: relative to the record's folder, without `..`.
    pub path: RelativePath,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of the content.
    pub sha256: Digest,
}

/// The remediation as approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remediation {
    /// Service identifier.
    pub service: Line,
    /// Environment.
    pub environment: Line,
    /// Exception category.
    pub category: Line,
    /// Incident reference.
    pub incident: Line,
    /// Scope of the remediation.
    pub scope: Paragraph,
    /// Rollback plan and version.
    pub rollback: Rollback,
    /// Deployment window.
    pub window: ChangeWindow,
}

/// An entry of the service ownership record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ownership {
    /// Service identifier.
    pub service: Line,
    /// Account of the owner.
    pub owner: PersonId,
}

/// Binds one packet revision to one portal, one category, one window, one signer set, until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalManifest {
    /// Digest of the packet that was approved.
    pub packet: Digest,
    /// Where the approved exception may be entered.
    pub boundary: Boundary,
    /// The approved deployment window.
    pub window: ChangeWindow,
    /// Who has to approve, by role.
    pub signers: Vec<Signer>,
    /// First moment at which the manifest no longer counts.
    pub expires_at: Instant,
}

/// One portal and one exception category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Boundary {
    /// Base URL of the portal, scheme and host and port.
    pub portal: url::Url,
    /// Exception category.
    pub category: Line,
}

/// A person in a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// The role.
    pub role: Role,
    /// The person.
    pub approver: PersonId,
}

/// One approver's decision about one packet revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Role in which the person decided.
    pub role: Role,
    /// The person.
    pub approver: PersonId,
    /// What they decided.
    pub decision: Decision,
    /// When they decided it.
    pub decided_at: Instant,
    /// Digest of the packet they decided about.
    pub packet: Digest,
    /// Whose decision it is, where the person decided as a delegate: the signer that the manifest names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<PersonId>,
    /// Signature of the approval statement, as `ssh-keygen -Y sign` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// An approver's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Signed off.
    Approved,
    /// Refused.
    Rejected,
    /// Signed off once, and taken back since.
    Revoked,
}

impl Decision {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Revoked => "revoked",
        }
    }
}

/// A file name without any path: no separator, no leading dot, no control character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct FileName(String);

/// A path below a folder: relative, without `..`, without empty parts, with `/` between parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RelativePath(String);

/// Why a text is not a safe file name or path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not one plain file name.
    #[error("a file name must be 1 to 200 characters without '/', '\\', control characters or a leading dot")]
    Name,
    /// Would leave the folder, or names no file.
    #[error("a path must stay below the record's folder: relative, '/' between parts, no '..', no '.', no backslash")]
    Escapes,
}

fn plain_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= 200
        && !text.starts_with('.')
        && text.trim() == text
        && !text.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | '"' | '\u{E000}'..='\u{F8FF}'))
}

impl FileName {
    /// Checks and wraps a file name.
    ///
    /// # Errors
    ///
    /// [`PathError::Name`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if plain_name(text) { Ok(Self(text.to_owned())) } else { Err(PathError::Name) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RelativePath {
    /// Checks and wraps a relative path.
    ///
    /// # Errors
    ///
    /// [`PathError::Escapes`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.len() <= 1_000 && text.split('/').all(plain_name) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PathError::Escapes)
        }
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! read_by_parse {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::model::parsed::parsed(deserializer, Self::parse)
            }
        }
    )*};
}
read_by_parse!(FileName, RelativePath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_the_record_folder_is_refused() {
        for bad in ["../x", "a/../x", "/etc/passwd", "a//b", "./a", "a\\b", "", ".ssh/id", "a/b\n"] {
            assert!(RelativePath::parse(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(RelativePath::parse("files/rollback plan.pdf").is_ok());
    }
}
