//! What gates a commit beside the record: who may decide for whom, what is held, who owns a service.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::ids::{ChangeId, HoldId, PersonId, Role};
use super::time::Instant;

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
