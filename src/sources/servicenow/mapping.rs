//! A mapping: where an instance is, and which of its columns is which part of a change record.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::column::{Column, DetailPart, PacketPlace, Part, Table};
use crate::model::ids::AttachmentRole;
use crate::sources::fetch::FetchLimits;

/// A mapping, read and checked.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Address of the instance; its path ends with `/`.
    pub url: Url,
    /// Certificate authorities (PEM) beside the system's.
    pub ca: Option<PathBuf>,
    /// How the agent proves who it is; the secret itself never stands here.
    pub auth: Auth,
    /// How far it goes.
    pub limits: Limits,
    /// Names of the tables.
    pub tables: Tables,
    /// Columns of the change request.
    pub change: ChangeColumns,
    /// Columns of its approvals.
    pub approvals: ApprovalColumns,
    /// Columns of the service.
    pub service: ServiceColumns,
    /// Columns of the delegates.
    pub delegates: DelegateColumns,
    /// What the attachments are for.
    pub attachments: AttachmentRules,
}

/// How the agent proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// An account; the secret is its password.
    Basic {
        /// The account.
        user: String,
    },
    /// The secret is a token.
    Bearer,
}

/// How far the agent goes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Seconds for a connection.
    pub connect_s: f64,
    /// Seconds for one whole answer.
    pub read_s: f64,
    /// Attempts at one question.
    pub attempts: u32,
    /// Rows of one page.
    pub page_size: u32,
    /// Largest answer, in MiB.
    pub largest_answer_mb: u32,
    /// Largest attachment, in MiB.
    pub largest_attachment_mb: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_s: 5.0,
            read_s: 20.0,
            attempts: 4,
            page_size: 100,
            largest_answer_mb: 8,
            largest_attachment_mb: 100,
        }
    }
}

/// Names of the tables.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tables {
    pub change_request: Table,
    /// Decisions of approvers.
    pub sysapproval_approver: Table,
    pub sys_user_delegate: Table,
    /// Services and their owners.
    pub cmdb_ci_service: Table,
    /// Attachments of any row.
    pub sys_attachment: Table,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            change_request: Table::known("change_request"),
            sysapproval_approver: Table::known("sysapproval_approver"),
            sys_user_delegate: Table::known("sys_user_delegate"),
            cmdb_ci_service: Table::known("cmdb_ci_service"),
            sys_attachment: Table::known("sys_attachment"),
        }
    }
}

/// Columns of the change request. Times are read from `value`, which ServiceNow keeps in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChangeColumns {
    /// `exception.revision`.
    pub revision: Part,
    /// `exception.title`.
    pub title: Part,
    /// `exception.requester`.
    pub requester: Part,
    /// `exception.service.id`.
    pub service: Part,
    /// `exception.service.owner`.
    pub service_owner: Part,
    /// `exception.environment`.
    pub environment: Part,
    /// `exception.category`.
    pub category: Part,
    /// `exception.incident`.
    pub incident: Part,
    /// `exception.scope`.
    pub scope: Part,
    /// `exception.rollback.plan`.
    pub rollback_plan: Part,
    /// `exception.rollback.version`.
    pub rollback_version: Part,
    /// `exception.window.start`.
    pub window_start: Column,
    /// `exception.window.end`.
    pub window_end: Column,
    /// Whether the change is on hold: `true` or `false`.
    pub on_hold: Column,
    /// `exception.details`.
    pub details: BTreeMap<String, DetailPart>,
}

impl Default for ChangeColumns {
    fn default() -> Self {
        Self {
            revision: Part::known("u_revision"),
            title: Part::known("short_description"),
            requester: Part::known("requested_by.user_name"),
            service: Part::known("business_service.name"),
            service_owner: Part::known("business_service.owned_by.user_name"),
            environment: Part::known("u_environment"),
            category: Part::known("u_exception_category"),
            incident: Part::known("u_incident.number"),
            scope: Part::known("description"),
            rollback_plan: Part::known("u_rollback_plan"),
            rollback_version: Part::known("u_rollback_version"),
            window_start: Column::known("start_date"),
            window_end: Column::known("end_date"),
            on_hold: Column::known("on_hold"),
            details: BTreeMap::new(),
        }
    }
}

/// Columns of a row of the approvals. `packet` and `decided_at` have no defaults: who may write what they name decides what an
/// approval is worth, and only those who know the instance know that.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalColumns {
    /// The change request that the row belongs to.
    #[serde(default = "change")]
    pub change: Column,
    /// Who was asked.
    #[serde(default = "approver")]
    pub approver: Column,
    /// Who decided, where that may be a delegate of who was asked.
    pub decided_by: Option<Column>,
    /// Whose decision it is, where the row names the delegate as approver.
    pub on_behalf_of: Option<Column>,
    #[serde(default = "state")]
    pub state: Part,
    /// When it was decided: a column that is stamped when the state changes, and by nothing else. `sys_updated_on` moves with every
    /// edit, so that anybody who may edit the row makes an old approval young.
    pub decided_at: Column,
    /// The role; without it, the manifest's signers tell the role by the person.
    pub role: Option<Part>,
    /// Digest of the packet that was decided about: a column, or `comments` for a line `packet: sha256:…` in the comments.
    pub packet: PacketPlace,
    #[serde(default = "comments")]
    pub comments: Column,
    /// Signature of the approval statement.
    pub signature: Option<Column>,
    /// Whether the signature is an attachment of the row, named `*.sig`.
    #[serde(default)]
    pub signature_files: bool,
}

fn change() -> Column {
    Column::known("sysapproval")
}

fn approver() -> Column {
    Column::known("approver.user_name")
}

fn state() -> Part {
    Part::known("state")
}

fn comments() -> Column {
    Column::known("comments")
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceColumns {
    /// What identifies it in change records.
    pub id: Column,
    /// Account of its owner.
    pub owner: Column,
}

impl Default for ServiceColumns {
    fn default() -> Self {
        Self { id: Column::known("name"), owner: Column::known("owned_by.user_name") }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DelegateColumns {
    /// Whose decisions they are.
    pub user: Column,
    /// Who may take them.
    pub delegate: Column,
    /// Whether approvals are among them.
    pub approvals: Column,
    /// From when.
    pub starts: Column,
    /// Until when.
    pub ends: Column,
}

impl Default for DelegateColumns {
    fn default() -> Self {
        Self {
            user: Column::known("user.user_name"),
            delegate: Column::known("delegate.user_name"),
            approvals: Column::known("approvals"),
            starts: Column::known("starts"),
            ends: Column::known("ends"),
        }
    }
}

/// What the attachments of a change request are for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttachmentRules {
    /// Name of the attachment that holds manifest, remediation and excepted blackouts.
    pub manifest: String,
    /// File names, with one `*` at most, and the role of what is called so. What no name fits is none of the record's.
    pub roles: BTreeMap<String, AttachmentRole>,
}

impl Default for AttachmentRules {
    fn default() -> Self {
        Self { manifest: "approval-manifest.json".to_owned(), roles: BTreeMap::new() }
    }
}

impl Limits {
    /// The first that makes no sense.
    pub(super) fn bad(&self) -> Option<&'static str> {
        let seconds = |value: f64| (0.001..=3_600.0).contains(&value);
        [
            ("connect_s", seconds(self.connect_s)),
            ("read_s", seconds(self.read_s)),
            ("attempts", (1..=20).contains(&self.attempts)),
            ("page_size", (1..=10_000).contains(&self.page_size)),
            ("largest_answer_mb", (1..=1_024).contains(&self.largest_answer_mb)),
            ("largest_attachment_mb", (1..=4_096).contains(&self.largest_attachment_mb)),
        ]
        .into_iter()
        .find_map(|(name, good)| (!good).then_some(name))
    }

    pub(super) fn fetch(&self) -> FetchLimits {
        FetchLimits {
            connect: Duration::from_secs_f64(self.connect_s),
            answer: Duration::from_secs_f64(self.read_s),
            attempts: self.attempts,
            largest: u64::from(self.largest_answer_mb) << 20,
        }
    }
}

impl AttachmentRules {
    /// The role of a file of this name. An exact name goes over one with `*`, a longer one over a shorter.
    pub(super) fn role(&self, name: &str) -> Option<&AttachmentRole> {
        if let Some(role) = self.roles.get(name) {
            return Some(role);
        }
        let fits = |pattern: &str| {
            pattern.split_once('*').is_some_and(|(start, end)| {
                name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
            })
        };
        self.roles.iter().filter(|(pattern, _)| fits(pattern)).max_by_key(|(pattern, _)| pattern.len()).map(|(_, r)| r)
    }
}
