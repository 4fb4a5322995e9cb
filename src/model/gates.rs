//! What gates a commit beside the record: who may decide for whom, what is held, who owns a service.

use serde::{Deserialize, Serialize};

use super::calendar::FreezeCalendar;
use super::digest::Digest;
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
    /// Its entry.
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
