//! What the organisation demands of approvals.

use crate::model::ids::{PersonId, Role};

/// Rules for approvals, from the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalPolicy {
    /// Roles that must have approved, each by another person.
    pub required_roles: Vec<Role>,
    /// Oldest approval that still counts, in seconds.
    pub max_age_s: i64,
}

/// Who may not approve: who asked for the exception, who runs the agent or resumes a run, and the account that acts at
/// the portal.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    /// Who asked.
    pub requester: &'a PersonId,
    /// Who runs the agent.
    pub operator: &'a PersonId,
    /// Account at the portal.
    pub account: &'a str,
    /// Who ordered that an earlier run be resumed or resolved.
    pub resumed_by: Option<&'a PersonId>,
}
