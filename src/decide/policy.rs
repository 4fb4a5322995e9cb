//! What the organisation demands of approvals.

use std::collections::BTreeMap;

use crate::model::freeze_policy::FreezePolicy;
use crate::model::gates::SignaturePolicy;
use crate::model::ids::{PersonId, Role};

/// Everything that the organisation demands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    pub approvals: ApprovalPolicy,
    /// Of windows in a freeze.
    pub freeze: FreezePolicy,
}

/// Roles that must have approved where nothing else is demanded.
pub(crate) const USUAL_ROLES: [&str; 3] = ["service-owner", "incident-commander", "change-authority"];
/// Oldest approval that counts where nothing else is demanded, in hours.
pub(crate) const USUAL_MAX_AGE_HOURS: u32 = 72;

/// Rules for approvals, from the settings. The default is the usual one; a policy that demands nothing has to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalPolicy {
    /// Roles that must have approved, each by another person; a role that is named twice, by two people.
    pub required_roles: Vec<Role>,
    /// Oldest approval that still counts, in seconds.
    pub max_age_s: i64,
    /// Whether approvals must be signed.
    pub signatures: SignaturePolicy,
}

impl Default for ApprovalPolicy {
    fn default() -> Self {
        Self {
            required_roles: Self::usual_roles(),
            max_age_s: i64::from(USUAL_MAX_AGE_HOURS) * 3600,
            signatures: SignaturePolicy::default(),
        }
    }
}

impl ApprovalPolicy {
    /// [`USUAL_ROLES`].
    pub(crate) fn usual_roles() -> Vec<Role> {
        USUAL_ROLES.iter().filter_map(|role| Role::parse(role).ok()).collect()
    }

    /// How many people must have approved, by role.
    pub fn numbers(&self) -> BTreeMap<&Role, usize> {
        let mut numbers = BTreeMap::new();
        for role in &self.required_roles {
            *numbers.entry(role).or_default() += 1;
        }
        numbers
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_policy_demands_every_usual_role() {
        let policy = ApprovalPolicy::default();
        let demanded: Vec<&str> = policy.required_roles.iter().map(Role::as_str).collect();
        assert_eq!((demanded, policy.max_age_s), (USUAL_ROLES.to_vec(), 259_200));
    }
}
