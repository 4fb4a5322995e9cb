//! What the portal really received and holds, for tests to compare a run's claims with.

use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedFile {
    /// Name sent with it.
    pub name: String,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256, 64 hex digits.
    pub sha256: String,
}

/// A draft or a submitted exception as stored. Several values of one name are joined by a line feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Draft reference or confirmation number.
    pub reference: String,
    /// Field values as the server keeps them.
    pub values: BTreeMap<String, String>,
    /// Files by field.
    pub files: BTreeMap<String, ReceivedFile>,
}

/// Everything that counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Oracle {
    /// Drafts that exist.
    pub drafts: Vec<Stored>,
    /// Submitted exceptions, in order.
    pub submitted: Vec<Stored>,
    /// Commit requests that arrived, whatever became of them.
    pub commit_requests: u64,
    /// Save requests that arrived.
    pub save_requests: u64,
    /// Uploads that arrived.
    pub uploads: u64,
    /// Autosaves that arrived.
    pub autosaves: u64,
    /// Successful sign-ins.
    pub sign_ins: u64,
}
