//! The exception against the approved remediation, the ownership record, the manifest and the files on disk.

use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::digest::Digest;
use crate::model::gates::{Hold, RegisteredOwner};
use crate::model::ids::{AttachmentRole, ChangeId};
use crate::model::private::Fact;
use crate::model::record::{ApprovalManifest, ChangeRecord, Ownership};
use crate::model::time::Instant;

/// Digest and length of an attachment as it lies on disk now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    /// Which attachment.
    pub role: AttachmentRole,
    /// Digest of its content.
    pub sha256: Digest,
    /// Length in bytes.
    pub size: u64,
}

fn reason(code: HaltCode, subject: &str, expected: impl ToString, observed: impl ToString) -> HaltReason {
    HaltReason {
        code,
        stage: Stage::Packet,
        subject: subject.to_owned(),
        expected: Fact::public(expected),
        observed: Fact::public(observed),
        source: FactSource::Record,
    }
}

fn unless_equal(code: HaltCode, subject: &str, approved: &str, requested: &str) -> Option<HaltReason> {
    (approved != requested).then(|| reason(code, subject, approved, requested))
}

/// `revision-not-approved`: the manifest binds another packet than this record makes up.
pub(crate) fn revision_not_approved(record: &ChangeRecord, packet: Digest) -> Option<HaltReason> {
    (record.manifest.packet != packet)
        .then(|| reason(HaltCode::RevisionNotApproved, "manifest.packet", record.manifest.packet, packet))
}

/// `approver-mismatch` or `revision-not-approved`: the manifest is another one than the run began with, though it may be valid
/// in itself: what the portal showed was compared with the first.
pub(crate) fn manifest_changed(first: &ApprovalManifest, now: &ApprovalManifest) -> Option<HaltReason> {
    let names = |manifest: &ApprovalManifest| {
        let signers = manifest.signers.iter().map(|signer| format!("{} as {}", signer.approver, signer.role));
        signers.collect::<Vec<_>>().join(", ")
    };
    let changed = |code, expected: String, observed: String| HaltReason {
        stage: Stage::Recheck,
        source: FactSource::Approvals,
        ..reason(code, "manifest", expected, observed)
    };
    if first == now {
        None
    } else if first.signers == now.signers {
        let told = |manifest: &ApprovalManifest| format!("{} until {}", manifest.packet, manifest.expires_at);
        Some(changed(HaltCode::RevisionNotApproved, told(first), told(now)))
    } else {
        Some(changed(HaltCode::ApproverMismatch, names(first), names(now)))
    }
}

/// `revision-not-approved`: the packet is another one than the run began with.
pub fn packet_changed(first: Digest, now: Digest) -> Option<HaltReason> {
    (first != now)
        .then(|| HaltReason { stage: Stage::Recheck, ..reason(HaltCode::RevisionNotApproved, "commit", first, now) })
}

/// `scope-mismatch`: service, environment, scope or portal differ from the remediation or the manifest's boundary.
pub(crate) fn scope_mismatch(record: &ChangeRecord, portal: &url::Url) -> Vec<HaltReason> {
    let (asked, approved) = (&record.exception, &record.remediation);
    let mut found: Vec<HaltReason> = [
        unless_equal(HaltCode::ScopeMismatch, "service.id", approved.service.as_str(), asked.service.id.as_str()),
        unless_equal(HaltCode::ScopeMismatch, "environment", approved.environment.as_str(), asked.environment.as_str()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if approved.scope != asked.scope {
        // The statement itself may hold customer impact; its digest tells two versions apart.
        found.push(reason(
            HaltCode::ScopeMismatch,
            "scope",
            Digest::of(approved.scope.as_str().as_bytes()),
            Digest::of(asked.scope.as_str().as_bytes()),
        ));
    }
    let place = |portal: &url::Url| portal.origin().ascii_serialization();
    let (bound, effective) = (place(&record.manifest.boundary.portal), place(portal));
    found.extend(unless_equal(HaltCode::ScopeMismatch, "manifest.boundary.portal", &bound, &effective));
    found
}

/// `category-mismatch`: the category differs from the remediation's or the manifest's.
pub(crate) fn category_mismatch(record: &ChangeRecord) -> Vec<HaltReason> {
    let asked = record.exception.category.as_str();
    [
        unless_equal(HaltCode::CategoryMismatch, "category", record.remediation.category.as_str(), asked),
        unless_equal(
            HaltCode::CategoryMismatch,
            "manifest.boundary.category",
            record.manifest.boundary.category.as_str(),
            asked,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `rollback-missing`: no rollback plan, or no attachment in the role `rollback-plan`.
pub(crate) fn rollback_missing(record: &ChangeRecord) -> Vec<HaltReason> {
    let mut found = Vec::new();
    if record.exception.rollback.is_none() {
        found.push(reason(HaltCode::RollbackMissing, "rollback", "a plan and its version", "none"));
    }
    if !record.exception.attachments.iter().any(|file| file.role.as_str() == "rollback-plan") {
        found.push(reason(HaltCode::RollbackMissing, "attachments.rollback-plan", "one attachment", "none"));
    }
    found
}

/// `rollback-version-mismatch`: another plan or version than the remediation names.
pub(crate) fn rollback_version_mismatch(record: &ChangeRecord) -> Vec<HaltReason> {
    let Some(asked) = &record.exception.rollback else { return Vec::new() };
    let approved = &record.remediation.rollback;
    let code = HaltCode::RollbackVersionMismatch;
    [
        unless_equal(code, "rollback.plan", approved.plan.as_str(), asked.plan.as_str()),
        unless_equal(code, "rollback.version", approved.version.as_str(), asked.version.as_str()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `attachment-digest-mismatch`: a file on disk is not the one that the record names.
pub(crate) fn attachment_digest_mismatch(record: &ChangeRecord, files: &[FileState]) -> Vec<HaltReason> {
    let subject = |role: &AttachmentRole| format!("attachments.{role}");
    record
        .exception
        .attachments
        .iter()
        .filter_map(|wanted| {
            let found = files.iter().find(|file| file.role == wanted.role);
            let observed = match found {
                Some(file) if file.sha256 == wanted.sha256 && file.size == wanted.size => return None,
                Some(file) => format!("{} ({} bytes)", file.sha256, file.size),
                None => "no file".to_owned(),
            };
            let expected = format!("{} ({} bytes)", wanted.sha256, wanted.size);
            Some(reason(HaltCode::AttachmentDigestMismatch, &subject(&wanted.role), expected, observed))
        })
        .collect()
}

/// `owner-mismatch`: the ownership record names another service or owner, or the change record carries another entry of it.
pub fn owner_mismatch(record: &ChangeRecord, register: &RegisteredOwner) -> Vec<HaltReason> {
    let (asked, known) = (&record.exception.service, &record.ownership);
    let registered = match register {
        RegisteredOwner::AsRecorded => None,
        RegisteredOwner::Unknown => {
            Some(reason(HaltCode::OwnerMismatch, "ownership register", &known.owner, "no such service"))
        }
        RegisteredOwner::Entry(entry) => {
            let told = |entry: &Ownership| format!("{} of {}", entry.owner, entry.service.as_str());
            let same = entry.service == known.service && entry.owner.is(&known.owner);
            (!same).then(|| reason(HaltCode::OwnerMismatch, "ownership register", told(entry), told(known)))
        }
    };
    [
        registered,
        unless_equal(HaltCode::OwnerMismatch, "ownership.service", known.service.as_str(), asked.id.as_str()),
        (!known.owner.is(&asked.owner))
            .then(|| reason(HaltCode::OwnerMismatch, "service.owner", &known.owner, &asked.owner)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `owner-mismatch`, second case: nobody who signs as service owner is the owner of record.
pub(crate) fn owner_did_not_sign(record: &ChangeRecord) -> Option<HaltReason> {
    let signers = || record.manifest.signers.iter().filter(|signer| signer.role.as_str() == "service-owner");
    let owner = &record.ownership.owner;
    if signers().any(|signer| signer.approver.is(owner)) {
        return None;
    }
    let signer = signers().next()?;
    unless_equal(HaltCode::OwnerMismatch, "manifest.signers.service-owner", owner.as_str(), signer.approver.as_str())
}

/// `hold-open`: something about this packet, or about the change whatever its packet, has not been settled.
pub(crate) fn hold_open(change: &ChangeId, packet: Digest, holds: &[Hold], now: Instant) -> Vec<HaltReason> {
    holds
        .iter()
        // People write numbers by hand.
        .filter(|hold| {
            hold.change_id.as_str().eq_ignore_ascii_case(change.as_str())
                && hold.packet.is_none_or(|held| held == packet)
        })
        .filter(|hold| hold.resolved.as_ref().is_none_or(|resolved| resolved.at > now))
        .map(|hold| {
            let observed = format!("{} by {} since {}", hold.id, hold.raised_by, hold.raised_at);
            reason(HaltCode::HoldOpen, "holds", "no open hold", observed)
        })
        .collect()
}

/// `incident-mismatch`: another incident than the remediation's.
pub(crate) fn incident_mismatch(record: &ChangeRecord) -> Option<HaltReason> {
    let (approved, asked) = (&record.remediation.incident, &record.exception.incident);
    unless_equal(HaltCode::IncidentMismatch, "incident", approved.as_str(), asked.as_str())
}

/// `claimed-by-another-run`: the claim on this change is held.
pub fn claimed_by_another_run(change: &ChangeId, holder: &str) -> HaltReason {
    HaltReason {
        source: FactSource::Agent,
        ..reason(HaltCode::ClaimedByAnotherRun, change.as_str(), "no other run", holder)
    }
}

/// `earlier-run-in-doubt`: an earlier run of this change may have submitted it, and nobody has settled that yet.
pub fn earlier_run_in_doubt(change: &ChangeId, earlier: &str) -> HaltReason {
    HaltReason {
        source: FactSource::Agent,
        ..reason(HaltCode::EarlierRunInDoubt, change.as_str(), "no earlier run that may have submitted", earlier)
    }
}
