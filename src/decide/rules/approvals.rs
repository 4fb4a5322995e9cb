//! Approvals against the manifest, the packet, the clock and the people involved.

use std::collections::{BTreeMap, BTreeSet};

use crate::decide::policy::{ApprovalPolicy, Parties};
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::digest::Digest;
use crate::model::ids::{PersonId, Role};
use crate::model::private::Fact;
use crate::model::record::{Approval, ApprovalManifest, Decision};
use crate::model::time::Instant;

fn reason(code: HaltCode, subject: impl ToString, expected: impl ToString, observed: impl ToString) -> HaltReason {
    HaltReason {
        code,
        stage: Stage::Packet,
        subject: subject.to_string(),
        expected: Fact::public(expected),
        observed: Fact::public(observed),
        source: FactSource::Approvals,
    }
}

fn subject(role: &Role) -> String {
    format!("approvals.{role}")
}

/// `approval-missing`: a required role is no signer of the manifest, or a signer's role holds no decision at all.
pub fn approval_missing(
    manifest: &ApprovalManifest,
    approvals: &[Approval],
    policy: &ApprovalPolicy,
) -> Vec<HaltReason> {
    let unsigned = policy
        .required_roles
        .iter()
        .filter(|role| !manifest.signers.iter().any(|signer| &signer.role == *role))
        .map(|role| reason(HaltCode::ApprovalMissing, format!("manifest.signers.{role}"), "a signer", "none"));
    let undecided = manifest
        .signers
        .iter()
        .filter(|signer| !approvals.iter().any(|approval| approval.role == signer.role))
        .map(|signer| reason(HaltCode::ApprovalMissing, subject(&signer.role), &signer.approver, "no decision"));
    let nobody =
        manifest.signers.is_empty().then(|| reason(HaltCode::ApprovalMissing, "manifest.signers", "signers", "none"));
    unsigned.chain(undecided).chain(nobody).collect()
}

/// `approval-revoked`: any decision in a signer's role that is not an approval, whatever else stands beside it.
pub fn approval_revoked(approvals: &[Approval]) -> Vec<HaltReason> {
    approvals
        .iter()
        .filter_map(|approval| {
            let observed = match approval.decision {
                Decision::Approved => return None,
                Decision::Rejected => "rejected",
                Decision::Revoked => "revoked",
            };
            let observed = format!("{observed} by {} at {}", approval.approver, approval.decided_at);
            Some(reason(HaltCode::ApprovalRevoked, subject(&approval.role), "approved", observed))
        })
        .collect()
}

/// `approval-stale`: older than the policy allows, dated after `now`, or the manifest has expired.
pub fn approval_stale(
    manifest: &ApprovalManifest,
    approvals: &[Approval],
    policy: &ApprovalPolicy,
    now: Instant,
) -> Vec<HaltReason> {
    let code = HaltCode::ApprovalStale;
    let mut found = Vec::new();
    if manifest.expires_at <= now {
        found.push(reason(code, "manifest.expires_at", format!("after {now}"), manifest.expires_at));
    }
    for approval in approvals {
        let age = now.seconds_since(approval.decided_at);
        if age > policy.max_age_s {
            let expected = format!("at most {} s before {now}", policy.max_age_s);
            found.push(reason(code, subject(&approval.role), expected, approval.decided_at));
        } else if approval.decided_at > now {
            found.push(reason(code, subject(&approval.role), format!("not after {now}"), approval.decided_at));
        }
    }
    found
}

/// `approval-for-other-revision`: the approval names another packet.
pub fn approval_for_other_revision(approvals: &[Approval], packet: Digest) -> Vec<HaltReason> {
    approvals
        .iter()
        .filter(|approval| approval.packet != packet)
        .map(|approval| reason(HaltCode::ApprovalForOtherRevision, subject(&approval.role), packet, approval.packet))
        .collect()
}

/// `approver-mismatch`: someone else decided than the manifest names for the role, or a role the manifest does not name.
pub fn approver_mismatch(manifest: &ApprovalManifest, approvals: &[Approval]) -> Vec<HaltReason> {
    approvals
        .iter()
        .filter_map(|approval| {
            let named: Vec<&PersonId> = manifest
                .signers
                .iter()
                .filter(|signer| signer.role == approval.role)
                .map(|signer| &signer.approver)
                .collect();
            if named.contains(&&approval.approver) {
                return None;
            }
            let expected = match named.first() {
                Some(person) => person.to_string(),
                None => "no approval in this role".to_owned(),
            };
            Some(reason(HaltCode::ApproverMismatch, subject(&approval.role), expected, &approval.approver))
        })
        .collect()
}

/// `segregation-of-duties`: the requester, the operator or the portal account approved, or one person in two roles. Accounts
/// that differ in case alone are one account.
pub fn segregation_of_duties(
    manifest: &ApprovalManifest,
    approvals: &[Approval],
    parties: Parties<'_>,
) -> Vec<HaltReason> {
    const ACTING: [&str; 4] = ["requester", "operator", "portal account", "who resumes"];
    let resumed_by = parties.resumed_by.map(|person| person.as_str());
    let acting = [Some(parties.requester.as_str()), Some(parties.operator.as_str()), Some(parties.account), resumed_by];
    let acting = acting.into_iter().zip(ACTING).filter_map(|(person, part)| Some((person?, part)));
    let signed = manifest.signers.iter().map(|signer| (signer.approver.as_str(), signer.role.as_str()));
    let decided = approvals.iter().map(|approval| (approval.approver.as_str(), approval.role.as_str()));
    let mut parts: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (person, part) in acting.chain(signed).chain(decided) {
        parts.entry(person.to_ascii_lowercase()).or_default().insert(part);
    }
    parts
        .into_iter()
        // Asking, operating and acting may be one person; whoever approves may do nothing else.
        .filter(|(_, held)| held.len() > 1 && held.iter().any(|part| !ACTING.contains(part)))
        .map(|(person, held)| {
            let held = held.into_iter().collect::<Vec<_>>().join(" and ");
            reason(HaltCode::SegregationOfDuties, person, "one part each", held)
        })
        .collect()
}
