//! What gates a commit beside the record: who may decide for whom, what is held, who owns a service.

use serde::{Deserialize, Serialize};

use super::calendar::FreezeCalendar;
use super::digest::Digest;
use super::freeze_terms::FreezeMode;
use super::ids::{ChangeId, HoldId, PersonId, Role};
use super::record::Ownership;
use super::time::Instant;

/// Everything that the sources say beside the record, read whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gates {
    /// The freeze calendar.
    pub calendar: FreezeCalendar,
    /// Who may decide for whom.
    pub delegations: Vec<Delegation>,
    /// Holds on the change.
    pub holds: Vec<Hold>,
    /// What the service ownership record says of the service.
    pub owner: RegisteredOwner,
    /// What came of checking the approvals' signatures, one of each approval in the record's order.
    pub signatures: Vec<SignatureFinding>,
    pub freeze_mode: FreezeMode,
}

/// What the service ownership record says of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegisteredOwner {
    /// There is none beside the entry that the change record carries.
    #[default]
    AsRecorded,
    /// It does not know the service.
    Unknown,
    Entry(Ownership),
}

/// Somebody may decide for somebody else, from a moment to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// Whose decision it is.
    pub from: PersonId,
    /// Who may take it.
    pub to: PersonId,
    /// The role in which they may; every role when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// First moment at which the mapping is in force.
    pub start: Instant,
    /// First moment at which it no longer is.
    pub end: Instant,
}

/// A hold: something about a packet that has to be settled before it may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Its identifier in the register.
    pub id: HoldId,
    /// The change that is held.
    pub change_id: ChangeId,
    /// The one packet that is held; every revision of the change when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet: Option<Digest>,
    /// Who raised it.
    pub raised_by: PersonId,
    /// When.
    pub raised_at: Instant,
    /// Who settled it, and when; it is open while nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Resolved>,
}

/// How a hold ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolved {
    /// Who settled it.
    pub by: PersonId,
    /// When.
    pub at: Instant,
}

/// Whether approvals must be signed with a key of the approver's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignaturePolicy {
    /// They may be; a signature that is there, and can be checked, must be valid.
    #[default]
    Optional,
    /// Every one.
    Required,
}

/// What came of checking the signature of one approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SignatureFinding {
    /// The approval carries none.
    Absent,
    /// It carries one, and there were no keys to check it against.
    NotChecked,
    /// The approver's key signed exactly this approval.
    Valid {
        /// Fingerprint of the key, `SHA256:` and base64, as `ssh-keygen -l` prints it.
        key: String,
    },
    /// It carries one that does not count.
    Invalid {
        /// Why.
        fault: SignatureFault,
    },
}

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureFault {
    /// No SSH signature, or a damaged one.
    #[error("this is no signature as `ssh-keygen -Y sign` writes it")]
    Unreadable,
    /// Made for another purpose, or by a key that is not allowed for this one.
    #[error("the signature, or the key, is for another namespace than portal-agent-approval")]
    OtherNamespace,
    /// No line of the allowed signers joins this key to this person.
    #[error("the allowed signers do not name this key for this approver")]
    NoSuchSigner,
    /// Decided before the key counts.
    #[error("the key was not yet valid when this was decided")]
    NotYetValid,
    /// Decided after the key counted.
    #[error("the key was no longer valid when this was decided")]
    NoLongerValid,
    /// The key was withdrawn; when does not matter.
    #[error("the key is revoked")]
    Revoked,
    /// It does not verify: other content was signed, or with another key than it says.
    #[error("the signature does not verify: something else was signed, or with another key")]
    Forged,
    /// A hardware key signed by itself, without anybody touching it.
    #[error("the hardware key signed without anybody touching it")]
    NotPresent,
    /// A kind or size of key, or a signature algorithm, that is not accepted.
    #[error(
        "the key is of a kind that is not accepted: Ed25519, ECDSA, their hardware forms, or RSA of 2048 to 8192 bits with SHA-2"
    )]
    UnsupportedKey,
    /// Another digest than SHA-256 or SHA-512.
    #[error("the signature uses a digest that is not accepted: sha256 or sha512")]
    UnsupportedHash,
    /// Signed by a certificate, which nobody here can check.
    #[error("the signature was made by a certificate; certificates are not supported, sign with a plain key")]
    Certificate,
}
