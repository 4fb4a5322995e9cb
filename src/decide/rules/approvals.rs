//! Approvals against the manifest, the packet, the clock and the people involved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::decide::policy::{ApprovalPolicy, Parties};
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::digest::Digest;
use crate::model::gates::{Delegation, SignatureFinding, SignaturePolicy};
use crate::model::ids::{PersonId, Role};
use crate::model::private::Fact;
use crate::model::record::{Approval, ApprovalManifest, Decision, Signer};
use crate::model::time::{Instant, duration};

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

/// Whose decision it is: that of who took it, or of whom it was taken for.
fn signer_of(approval: &Approval) -> &PersonId {
    approval.on_behalf_of.as_ref().unwrap_or(&approval.approver)
}

/// Whether the decision was taken by this signer, or for them.
fn is_of(approval: &Approval, signer: &Signer) -> bool {
    approval.role == signer.role && signer_of(approval).is(&signer.approver)
}

/// The approvals that still say something, each with what its signature is worth (`findings` are in the order of `approvals`).
/// One for another packet, or too old by now, is history once the same signer has later approved this very packet in the same
/// role, and that counts by its age. Rejections and revocations are never history.
pub fn standing(
    approvals: &[Approval],
    findings: &[SignatureFinding],
    packet: Digest,
    policy: &ApprovalPolicy,
    now: Instant,
) -> (Vec<Approval>, Vec<SignatureFinding>) {
    let too_old = |approval: &Approval| now.seconds_since(approval.decided_at) > policy.max_age_s;
    let renews = |new: &Approval, old: &Approval| {
        new.decision == Decision::Approved
            && new.packet == packet
            && !too_old(new)
            && new.decided_at <= now
            && new.decided_at > old.decided_at
            && new.role == old.role
            && signer_of(new).is(signer_of(old))
    };
    let is_history = |old: &Approval| {
        old.decision == Decision::Approved
            && (old.packet != packet || too_old(old))
            && approvals.iter().any(|new| renews(new, old))
    };
    let found = findings.iter().cloned().chain(std::iter::repeat(SignatureFinding::NotChecked));
    approvals.iter().cloned().zip(found).filter(|(approval, _)| !is_history(approval)).unzip()
}

/// `approval-missing`: fewer signers in a required role than the policy demands, or a signer who has not decided. Accounts that
/// differ in case alone are one person.
pub(crate) fn approval_missing(
    manifest: &ApprovalManifest,
    approvals: &[Approval],
    policy: &ApprovalPolicy,
) -> Vec<HaltReason> {
    let code = HaltCode::ApprovalMissing;
    let mut found = Vec::new();
    for (role, wanted) in policy.numbers() {
        let signers = manifest.signers.iter().filter(|signer| &signer.role == role);
        let people: BTreeSet<String> = signers.map(|signer| signer.approver.as_str().to_ascii_lowercase()).collect();
        if people.len() < wanted {
            let expected = if wanted == 1 { "a signer".to_owned() } else { format!("{wanted} signers") };
            let observed = if people.is_empty() { "none".to_owned() } else { people.len().to_string() };
            found.push(reason(code, format!("manifest.signers.{role}"), expected, observed));
        }
    }
    for signer in &manifest.signers {
        let known = |approval: &Approval| manifest.signers.iter().any(|signer| is_of(approval, signer));
        let of_role = || approvals.iter().filter(|approval| approval.role == signer.role);
        let decided = of_role().any(|approval| is_of(approval, signer));
        // A decision by somebody whom the manifest does not name is told as that.
        if !decided && of_role().all(known) {
            found.push(reason(code, subject(&signer.role), &signer.approver, "no decision"));
        }
    }
    if manifest.signers.is_empty() {
        found.push(reason(code, "manifest.signers", "signers", "none"));
    }
    found
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
pub(crate) fn approval_stale(
    manifest: &ApprovalManifest,
    approvals: &[Approval],
    policy: &ApprovalPolicy,
    now: Instant,
) -> Vec<HaltReason> {
    let code = HaltCode::ApprovalStale;
    let mut found = Vec::new();
    let told = now.whole_seconds();
    if manifest.expires_at <= now {
        found.push(reason(code, "manifest.expires_at", format!("after {told}"), manifest.expires_at));
    }
    for approval in approvals {
        let age = now.seconds_since(approval.decided_at);
        if age > policy.max_age_s {
            let expected = format!("at most {} before {told}", duration(policy.max_age_s));
            found.push(reason(code, subject(&approval.role), expected, approval.decided_at));
        } else if approval.decided_at > now {
            found.push(reason(code, subject(&approval.role), format!("not after {told}"), approval.decided_at));
        }
    }
    found
}

/// `approval-for-other-revision`: the approval names another packet.
pub(crate) fn approval_for_other_revision(approvals: &[Approval], packet: Digest) -> Vec<HaltReason> {
    approvals
        .iter()
        .filter(|approval| approval.packet != packet)
        .map(|approval| reason(HaltCode::ApprovalForOtherRevision, subject(&approval.role), packet, approval.packet))
        .collect()
}

/// `approver-mismatch`: someone else decided, or somebody else was decided for, than the manifest names for the role; or a role
/// that the manifest does not name.
pub fn approver_mismatch(manifest: &ApprovalManifest, approvals: &[Approval]) -> Vec<HaltReason> {
    approvals
        .iter()
        .filter(|approval| !manifest.signers.iter().any(|signer| is_of(approval, signer)))
        .map(|approval| {
            let named = manifest.signers.iter().filter(|signer| signer.role == approval.role);
            let named: Vec<&str> = named.map(|signer| signer.approver.as_str()).collect();
            let expected = if named.is_empty() { "no approval in this role".to_owned() } else { named.join(" or ") };
            let observed = match &approval.on_behalf_of {
                Some(signer) => format!("{} for {signer}", approval.approver),
                None => approval.approver.to_string(),
            };
            reason(HaltCode::ApproverMismatch, subject(&approval.role), expected, observed)
        })
        .collect()
}

/// `delegate-not-allowed`: somebody decided for a signer, and no mapping that was in force at that moment lets them.
pub(crate) fn delegate_not_allowed(approvals: &[Approval], delegations: &[Delegation]) -> Vec<HaltReason> {
    approvals
        .iter()
        .filter_map(|approval| {
            let signer = approval.on_behalf_of.as_ref()?;
            let lets = |mapping: &Delegation| {
                mapping.from.is(signer)
                    && mapping.to.is(&approval.approver)
                    && mapping.role.as_ref().is_none_or(|role| role == &approval.role)
                    && mapping.start <= approval.decided_at
                    && approval.decided_at < mapping.end
            };
            if delegations.iter().any(lets) {
                return None;
            }
            let expected = format!("a mapping from {signer} in force at {}", approval.decided_at);
            let known = delegations.iter().find(|mapping| mapping.from.is(signer) && mapping.to.is(&approval.approver));
            let observed = match known {
                Some(mapping) => {
                    let role = mapping.role.as_ref().map_or_else(String::new, |role| format!(" as {role}"));
                    format!("{}{role}, from {} to {}", approval.approver, mapping.start, mapping.end)
                }
                None => format!("{}, and no mapping", approval.approver),
            };
            Some(reason(HaltCode::DelegateNotAllowed, subject(&approval.role), expected, observed))
        })
        .collect()
}

/// `signature-invalid`: a signature that does not count; or none that was checked, where the policy demands one of every approval.
/// `findings` are in the order of `approvals`.
pub(crate) fn signature_invalid(
    approvals: &[Approval],
    findings: &[SignatureFinding],
    policy: SignaturePolicy,
) -> Vec<HaltReason> {
    let found = findings.iter().map(Some).chain(std::iter::repeat(None));
    approvals
        .iter()
        .zip(found)
        .filter_map(|(approval, finding)| {
            let observed = match finding {
                Some(SignatureFinding::Valid { .. }) => return None,
                Some(SignatureFinding::Invalid { fault }) => fault.to_string(),
                Some(SignatureFinding::Absent | SignatureFinding::NotChecked) | None => match policy {
                    SignaturePolicy::Optional => return None,
                    SignaturePolicy::Required if approval.signature.is_some() => {
                        "a signature, and no keys to check it".into()
                    }
                    SignaturePolicy::Required => "no signature".into(),
                },
            };
            let expected = format!("a signature by {}", approval.approver);
            Some(reason(HaltCode::SignatureInvalid, subject(&approval.role), expected, observed))
        })
        .collect()
}

/// A part that somebody plays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Requester,
    Operator,
    Account,
    Resumes,
    /// Decides in this role, for this signer.
    Decides(&'a Role, String),
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requester => f.write_str("requester"),
            Self::Operator => f.write_str("operator"),
            Self::Account => f.write_str("portal account"),
            Self::Resumes => f.write_str("who resumes"),
            Self::Decides(role, signer) => write!(f, "{role} for {signer}"),
        }
    }
}

/// `segregation-of-duties`: the requester, the operator or the portal account approved, or one person decided in two roles or for
/// two signers. Accounts that differ in case alone are one account.
pub(crate) fn segregation_of_duties(
    manifest: &ApprovalManifest,
    approvals: &[Approval],
    parties: Parties<'_>,
) -> Vec<HaltReason> {
    let acting = [
        Some((parties.requester.as_str(), Part::Requester)),
        Some((parties.operator.as_str(), Part::Operator)),
        Some((parties.account, Part::Account)),
        parties.resumed_by.map(|person| (person.as_str(), Part::Resumes)),
    ];
    let decides = |role, signer: &PersonId| Part::Decides(role, signer.as_str().to_ascii_lowercase());
    let signed =
        manifest.signers.iter().map(|signer| (signer.approver.as_str(), decides(&signer.role, &signer.approver)));
    let decided =
        approvals.iter().map(|approval| (approval.approver.as_str(), decides(&approval.role, signer_of(approval))));
    let mut parts: BTreeMap<String, BTreeSet<Part<'_>>> = BTreeMap::new();
    for (person, part) in acting.into_iter().flatten().chain(signed).chain(decided) {
        parts.entry(person.to_ascii_lowercase()).or_default().insert(part);
    }
    parts
        .into_iter()
        // Asking, operating and acting may be one person; whoever approves may do nothing else.
        .filter(|(_, held)| held.len() > 1 && held.iter().any(|part| matches!(part, Part::Decides(..))))
        .map(|(person, held)| {
            let held = held.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
            reason(HaltCode::SegregationOfDuties, person, "one part each", held)
        })
        .collect()
}

/// `segregation-of-duties`, second case: one key signed for two people. `findings` are in the order of `approvals`.
pub(crate) fn one_key_for_two(approvals: &[Approval], findings: &[SignatureFinding]) -> Vec<HaltReason> {
    let mut people: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (approval, finding) in approvals.iter().zip(findings) {
        match finding {
            SignatureFinding::Valid { key } => {
                people.entry(key).or_default().insert(approval.approver.as_str().to_ascii_lowercase());
            }
            SignatureFinding::Absent | SignatureFinding::NotChecked | SignatureFinding::Invalid { .. } => {}
        }
    }
    let shared = people.into_iter().filter(|(_, people)| people.len() > 1);
    shared
        .map(|(key, people)| {
            let people = people.into_iter().collect::<Vec<_>>().join(" and ");
            reason(HaltCode::SegregationOfDuties, key, "a key of one person", people)
        })
        .collect()
}
