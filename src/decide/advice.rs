//! What each halt code means, and what a person has to decide or do then.

use super::verdict::{HaltCode, Stage};

/// What has happened.
pub fn meaning(code: HaltCode) -> &'static str {
    match code {
        HaltCode::RevisionNotApproved => "The manifest binds another packet revision.",
        HaltCode::ScopeMismatch => "Service, environment, scope or portal differ from what was approved.",
        HaltCode::CategoryMismatch => "The exception category differs from what was approved.",
        HaltCode::RollbackMissing => "No rollback plan, or no rollback attachment.",
        HaltCode::RollbackVersionMismatch => "Another rollback plan or version than approved.",
        HaltCode::AttachmentDigestMismatch => "An attachment changed after it was recorded.",
        HaltCode::OwnerMismatch => {
            "The service owner differs from the ownership record, or the record does not know the service."
        }
        HaltCode::IncidentMismatch => "Another incident than the remediation's.",
        HaltCode::ClaimedByAnotherRun => "Another run works on this change, or left something of it.",
        HaltCode::EarlierRunInDoubt => "An earlier run of this change may have submitted it.",
        HaltCode::HoldOpen => "A hold on the packet, or on the change, is unresolved.",
        HaltCode::ApprovalMissing => "A required role has not approved, or has too few signers.",
        HaltCode::ApprovalStale => "An approval or the manifest is too old, or dated in the future.",
        HaltCode::ApprovalRevoked => "An approval was taken back or refused.",
        HaltCode::ApprovalForOtherRevision => "An approval names another packet revision.",
        HaltCode::ApproverMismatch => {
            "Another person approved than the manifest names, or the portal shows another approver."
        }
        HaltCode::DelegateNotAllowed => "Somebody approved for a signer without a mapping in force at that time.",
        HaltCode::SegregationOfDuties => "One person in two parts that must be separate.",
        HaltCode::SignatureInvalid => "A signature does not count, or one that policy demands is missing.",
        HaltCode::WindowMismatch => {
            "The deployment window differs from what was approved, is over, begins before the lead time or is longer than allowed."
        }
        HaltCode::WindowNotCovered => "The deployment window lies outside every blackout it excepts.",
        HaltCode::BlackoutOverlap => "The deployment window overlaps a blackout it does not except.",
        HaltCode::FreezeWindowChanged => "A blackout's times changed since approval.",
        HaltCode::FreezeModeActive => "The error-budget freeze is on, and no override counts.",
        HaltCode::CategoryNotAdmitted => "Neither calendar nor freeze policy admits this category to a blackout.",
        HaltCode::ControlMissing => "A mapped control is not on the page.",
        HaltCode::ControlAmbiguous => "A mapped control matches more than once.",
        HaltCode::LabelChanged => "A control carries another label.",
        HaltCode::UnexpectedRequiredField => {
            "The portal demands a field that the map does not know, or makes a known one mandatory."
        }
        HaltCode::OptionMissing => "The option to choose is not offered.",
        HaltCode::ValueNotHeld => "A control does not hold what was entered.",
        HaltCode::ValidationRejected => "The portal's validation refuses a value.",
        HaltCode::DraftDiffers => "The saved draft differs from the record.",
        HaltCode::AttachmentDiffers => "The portal lists other files than were uploaded.",
        HaltCode::SummaryDiffers => "The portal's summary differs from the record.",
        HaltCode::ExistingException => "The portal already holds an open exception for this service or change.",
        HaltCode::ScopeBroadening => "The portal warns that more would be authorised than was approved.",
        HaltCode::UnexpectedBanner => "A banner or alert that the map does not list.",
        HaltCode::UnexpectedDialog => "A dialog that the map does not list.",
        HaltCode::UnseenRegion => "A visible frame that the map does not name holds controls or alerts.",
        HaltCode::UndeclaredRequest => "The page made an unsafe request that the map does not declare.",
        HaltCode::SessionLost => "The portal asks to sign in again.",
        HaltCode::PortalTimeout => "The portal did not get ready within its limit.",
        HaltCode::PortalError => "The portal answered with an error, or the browser failed after entry began.",
        HaltCode::UnexpectedCommitAttempt => "A commit request that the agent did not cause.",
        HaltCode::CommitPayloadDiffers => "The held commit request carries something else than the record.",
        HaltCode::HoldExpired => "The held request was given up or waited too long.",
        HaltCode::SourceUnavailable => {
            "A source did not answer at the recheck; or the freeze state is not set, not there or not readable."
        }
        HaltCode::ConfirmationMissing => "No submitted exception is found.",
        HaltCode::ConfirmationMalformed => "The confirmation number is not of the declared form.",
        HaltCode::ConfirmationForeign => "The confirmation number belongs to something else.",
        HaltCode::DuplicateInPortal => "Several submitted exceptions are found.",
        HaltCode::Interrupted => "A person or the system interrupted the run.",
        HaltCode::EvidenceUnwritable => "Evidence could not be written.",
        HaltCode::CaptureUnmaskable => "A picture could not be masked.",
    }
}

/// The same, where the stage says it better.
pub(crate) fn meaning_at(code: HaltCode, stage: Stage) -> &'static str {
    if code == HaltCode::SummaryDiffers && stage == Stage::Confirm {
        "The submitted exception differs from the record."
    } else {
        meaning(code)
    }
}

/// What a halt bars, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Barred {
    /// The agent alone cannot go on. A person may do by hand what was approved.
    Agent,
    /// Everybody, until a person has looked and decided.
    Undecided,
    /// The exception itself: nobody may submit it, by hand either, until what is wrong is put right.
    Exception,
}

/// What a halt with this code bars.
pub(crate) fn barred(code: HaltCode) -> Barred {
    match code {
        HaltCode::RevisionNotApproved
        | HaltCode::ScopeMismatch
        | HaltCode::CategoryMismatch
        | HaltCode::RollbackMissing
        | HaltCode::RollbackVersionMismatch
        | HaltCode::AttachmentDigestMismatch
        | HaltCode::OwnerMismatch
        | HaltCode::IncidentMismatch
        | HaltCode::ClaimedByAnotherRun
        | HaltCode::EarlierRunInDoubt
        | HaltCode::HoldOpen
        | HaltCode::ApprovalMissing
        | HaltCode::ApprovalStale
        | HaltCode::ApprovalRevoked
        | HaltCode::ApprovalForOtherRevision
        | HaltCode::ApproverMismatch
        | HaltCode::DelegateNotAllowed
        | HaltCode::SegregationOfDuties
        | HaltCode::SignatureInvalid
        | HaltCode::WindowMismatch
        | HaltCode::WindowNotCovered
        | HaltCode::BlackoutOverlap
        | HaltCode::FreezeWindowChanged
        | HaltCode::FreezeModeActive
        | HaltCode::CategoryNotAdmitted
        | HaltCode::UnexpectedRequiredField
        | HaltCode::OptionMissing
        | HaltCode::ValueNotHeld
        | HaltCode::ValidationRejected
        | HaltCode::DraftDiffers
        | HaltCode::AttachmentDiffers
        | HaltCode::SummaryDiffers
        | HaltCode::ExistingException
        | HaltCode::ScopeBroadening
        | HaltCode::CommitPayloadDiffers
        | HaltCode::SourceUnavailable
        | HaltCode::ConfirmationMissing
        | HaltCode::ConfirmationMalformed
        | HaltCode::ConfirmationForeign
        | HaltCode::DuplicateInPortal => Barred::Exception,
        HaltCode::LabelChanged
        | HaltCode::UnexpectedBanner
        | HaltCode::UnexpectedDialog
        | HaltCode::UnseenRegion
        | HaltCode::UndeclaredRequest
        | HaltCode::UnexpectedCommitAttempt
        | HaltCode::Interrupted => Barred::Undecided,
        HaltCode::ControlMissing
        | HaltCode::ControlAmbiguous
        | HaltCode::SessionLost
        | HaltCode::PortalTimeout
        | HaltCode::PortalError
        | HaltCode::HoldExpired
        | HaltCode::EvidenceUnwritable
        | HaltCode::CaptureUnmaskable => Barred::Agent,
    }
}

/// What a person has to decide or do.
pub fn advice(code: HaltCode) -> &'static str {
    match code {
        HaltCode::RevisionNotApproved => "Have this revision approved, or submit the revision that was.",
        HaltCode::ScopeMismatch => {
            "Find out which of the two scopes is right. The exception must not exceed the remediation."
        }
        HaltCode::CategoryMismatch => "Correct the category, or have the other category approved.",
        HaltCode::RollbackMissing => "Add the rollback plan to the record and have it approved.",
        HaltCode::RollbackVersionMismatch => "Find out which rollback plan is valid, and have that version approved.",
        HaltCode::AttachmentDigestMismatch => "Put back the file that was approved, or have the new one approved.",
        HaltCode::OwnerMismatch => "Find out who owns the service; the owner of record must have approved.",
        HaltCode::IncidentMismatch => "Find out which incident this change is for.",
        HaltCode::ClaimedByAnotherRun => {
            "Wait for it, or go on from what it left: `portal-agent takeover` says how. Do not start a second one."
        }
        HaltCode::EarlierRunInDoubt => "End the doubt first: `portal-agent resume` or `resolve`, as the reason says.",
        HaltCode::HoldOpen => "Resolve the hold on the packet.",
        HaltCode::ApprovalMissing => "Get the missing approval in the change record.",
        HaltCode::ApprovalStale => "Have the approval renewed.",
        HaltCode::ApprovalRevoked => "Ask the approver why. Nothing may be submitted until this approval stands again.",
        HaltCode::ApprovalForOtherRevision => "Have this very revision approved.",
        HaltCode::ApproverMismatch => "Find out who may approve in this role, and have that person approve.",
        HaltCode::DelegateNotAllowed => "Have the approver themselves approve, or the delegation recorded first.",
        HaltCode::SegregationOfDuties => "Have another person approve, or another person operate the agent.",
        HaltCode::SignatureInvalid => "Have the manifest signed again.",
        HaltCode::WindowMismatch => "Find out which deployment window was approved.",
        HaltCode::WindowNotCovered => {
            "The window lies in no blackout that the record excepts: no exception is needed, or another one."
        }
        HaltCode::BlackoutOverlap => "Have the further blackout excepted too, or move the window.",
        HaltCode::FreezeWindowChanged => {
            "The freeze changed since approval: have the exception approved against the new one."
        }
        HaltCode::FreezeModeActive => "Releases are frozen by the error budget: use the hotfix path or an override.",
        HaltCode::CategoryNotAdmitted => "This blackout admits no exception of this category.",
        HaltCode::ControlMissing | HaltCode::ControlAmbiguous => "The portal changed: have the selector map corrected.",
        HaltCode::LabelChanged => "Find out whether the field still means the same before anyone fills it.",
        HaltCode::UnexpectedRequiredField => "Find out what the new field asks for; its answer needs approval too.",
        HaltCode::OptionMissing => "The portal no longer offers this choice: ask the change office.",
        HaltCode::ValueNotHeld => {
            "Find out why the portal makes something else of the value: what it keeps is not what was approved."
        }
        HaltCode::ValidationRejected => "Read the portal's complaint; a corrected value needs approval.",
        HaltCode::DraftDiffers => "Compare the draft with the record: the portal stored something else.",
        HaltCode::AttachmentDiffers => "Compare the listed files with the record: the portal holds others.",
        HaltCode::SummaryDiffers => "Compare the portal's summary with the record: it states something else.",
        HaltCode::ExistingException => "Look at the exception that exists. Two for one service widen the scope.",
        HaltCode::ScopeBroadening => {
            "The portal would authorise more than was approved: this is for the change authority."
        }
        HaltCode::UnexpectedBanner => "Read the banner in the portal and decide whether it matters.",
        HaltCode::UnexpectedDialog => "Read the dialog in the portal and decide what to answer.",
        HaltCode::UnseenRegion => "Read what the frame shows; have it named in the selector map as a place.",
        HaltCode::UndeclaredRequest => {
            "Find out what the request does; if the portal needs it, declare it in the selector map."
        }
        HaltCode::SessionLost => "Sign in to the portal and look at what is there.",
        HaltCode::PortalTimeout => "The portal did not answer in time: look at it by hand.",
        HaltCode::PortalError => "The portal or the browser failed: look at it by hand.",
        HaltCode::UnexpectedCommitAttempt => {
            "Something other than the agent tried to submit, and was refused: find out what."
        }
        HaltCode::CommitPayloadDiffers => "The page would have submitted something else than the record: report it.",
        HaltCode::HoldExpired => "The held request was given up: the draft is unchanged.",
        HaltCode::SourceUnavailable => "Bring the source back; nothing is submitted on what was known earlier.",
        HaltCode::ConfirmationMissing => "Find out whether the exception was submitted. Do not submit again.",
        HaltCode::ConfirmationMalformed => "Find out what the number stands for. Do not submit again.",
        HaltCode::ConfirmationForeign => "Find out which exception is this change's. Do not submit again.",
        HaltCode::DuplicateInPortal => "Have all but one of the exceptions withdrawn.",
        HaltCode::Interrupted => "Find out who interrupted the run and why.",
        HaltCode::EvidenceUnwritable => "Make the evidence folder writable, and its disk large enough.",
        HaltCode::CaptureUnmaskable => "A picture could not be masked and was not kept: look at the page by hand.",
    }
}
