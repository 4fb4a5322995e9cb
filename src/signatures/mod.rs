//! Signatures of approvers, made with the SSH keys that they have: what is signed, who may sign it, and whether they did.
//!
//! Signing itself is `ssh-keygen -Y sign`; no private key is ever read here. Pure: the files are read elsewhere. Imports only
//! `model` and `diagnostic`.
//!
#![doc = include_str!("README.md")]

mod allowed_signers;
mod envelope;
mod patterns;
mod public_key;
mod revoked_keys;
mod statement;
mod validity;
mod verify;
mod wire;

pub use allowed_signers::AllowedSigners;
pub use public_key::KeyBlob;
pub use revoked_keys::RevokedKeys;
pub use statement::{NAMESPACE, one_line, statement};
pub use verify::{SignedBy, verify, verify_content};

use crate::model::gates::SignatureFinding;
use crate::model::record::{Approval, ChangeRecord};

/// Whose signature counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerKeys {
    /// Who may sign with which key.
    pub allowed: AllowedSigners,
    /// Keys that were withdrawn.
    pub revoked: RevokedKeys,
}

/// One finding for each approval of `record`, in the record's order. Each signature is checked against what the record says
/// now, at the time of the decision, and as the approver's own: a delegate signs with their own key.
///
/// Whether a signature may be missing is not judged here.
pub fn findings(record: &ChangeRecord, keys: Option<&SignerKeys>) -> Vec<SignatureFinding> {
    record.approvals.iter().map(|approval| finding(record, approval, keys)).collect()
}

fn finding(record: &ChangeRecord, approval: &Approval, keys: Option<&SignerKeys>) -> SignatureFinding {
    let Some(armoured) = &approval.signature else { return SignatureFinding::Absent };
    let Some(keys) = keys else { return SignatureFinding::NotChecked };
    let exception = &record.exception;
    let signed = statement(&exception.change_id, exception.revision, &record.manifest, approval);
    let (at, who) = (approval.decided_at, &approval.approver);
    match verify(&signed, armoured, who, at, &keys.allowed, &keys.revoked) {
        Ok(by) => SignatureFinding::Valid { key: by.fingerprint },
        Err(fault) => SignatureFinding::Invalid { fault },
    }
}
