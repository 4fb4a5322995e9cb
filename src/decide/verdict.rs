//! The closed outcome of a judgement, and the closed set of reasons to halt.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::private::Fact;

macro_rules! closed_names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable kebab-case name that scripts match on.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The value of this name.
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let known = |name: &str| Self::from_name(name).ok_or_else(|| format!("no known name: {name}"));
                crate::model::parsed::parsed(deserializer, known)
            }
        }
    };
}

closed_names!(
    /// Stage of a run, in order.
    Stage {
        /// The record is judged without a browser.
        Packet => "packet",
        /// Every tab is looked at before anything is typed.
        Survey => "survey",
        /// Values are entered and read back.
        Fill => "fill",
        /// Files are uploaded.
        Attach => "attach",
        /// The draft is saved and reopened from the server.
        Draft => "draft",
        /// The portal's own summary is compared.
        Review => "review",
        /// Everything is read again, the commit request held.
        Recheck => "recheck",
        /// The held request is released.
        Commit => "commit",
        /// The result is looked up.
        Confirm => "confirm",
        /// The evidence is sealed.
        Seal => "seal",
    }
);

closed_names!(
    /// Why a run halts. Stable: people script against the names.
    HaltCode {
        /// The manifest binds another packet revision.
        RevisionNotApproved => "revision-not-approved",
        /// Service, environment, scope or portal differ from what was approved.
        ScopeMismatch => "scope-mismatch",
        /// The exception category differs from what was approved.
        CategoryMismatch => "category-mismatch",
        /// No rollback plan, or no rollback attachment.
        RollbackMissing => "rollback-missing",
        /// Another rollback plan or version than approved.
        RollbackVersionMismatch => "rollback-version-mismatch",
        /// An attachment changed after it was recorded.
        AttachmentDigestMismatch => "attachment-digest-mismatch",
        /// The service owner differs from the ownership record.
        OwnerMismatch => "owner-mismatch",
        /// Another incident than the remediation's.
        IncidentMismatch => "incident-mismatch",
        /// Another run works on this change, or left something of it.
        ClaimedByAnotherRun => "claimed-by-another-run",
        /// An earlier run of this change may have submitted it.
        EarlierRunInDoubt => "earlier-run-in-doubt",
        /// A hold on the packet is unresolved. Waits for the hold register.
        HoldOpen => "hold-open",
        /// A required role has not approved.
        ApprovalMissing => "approval-missing",
        /// An approval or the manifest is too old, or dated in the future.
        ApprovalStale => "approval-stale",
        /// An approval was taken back or refused.
        ApprovalRevoked => "approval-revoked",
        /// An approval names another packet revision.
        ApprovalForOtherRevision => "approval-for-other-revision",
        /// Another person approved than the manifest names, or the portal shows another approver.
        ApproverMismatch => "approver-mismatch",
        /// A delegate approved without a mapping in force. Waits for the delegate mapping.
        DelegateNotAllowed => "delegate-not-allowed",
        /// One person in two parts that must be separate.
        SegregationOfDuties => "segregation-of-duties",
        /// A signature does not verify. Waits for signatures.
        SignatureInvalid => "signature-invalid",
        /// The deployment window differs from what was approved.
        WindowMismatch => "window-mismatch",
        /// The deployment window lies outside every blackout it excepts.
        WindowNotCovered => "window-not-covered",
        /// The deployment window overlaps a blackout it does not except.
        BlackoutOverlap => "blackout-overlap",
        /// A blackout's times changed since approval.
        FreezeWindowChanged => "freeze-window-changed",
        /// The error-budget freeze is on. Waits for freeze mode.
        FreezeModeActive => "freeze-mode-active",
        /// A blackout does not admit this category.
        CategoryNotAdmitted => "category-not-admitted",
        /// A mapped control is not on the page.
        ControlMissing => "control-missing",
        /// A mapped control matches more than once.
        ControlAmbiguous => "control-ambiguous",
        /// A control carries another label.
        LabelChanged => "label-changed",
        /// The portal demands a field that the map does not know, or makes a known one mandatory.
        UnexpectedRequiredField => "unexpected-required-field",
        /// The option to choose is not offered.
        OptionMissing => "option-missing",
        /// A control does not hold what was entered.
        ValueNotHeld => "value-not-held",
        /// The portal's validation refuses a value.
        ValidationRejected => "validation-rejected",
        /// The saved draft differs from the record.
        DraftDiffers => "draft-differs",
        /// The portal lists other files than were uploaded.
        AttachmentDiffers => "attachment-differs",
        /// The portal's summary differs from the record.
        SummaryDiffers => "summary-differs",
        /// The portal already holds an open exception for this service or change.
        ExistingException => "existing-exception",
        /// The portal warns that more would be authorised than was approved.
        ScopeBroadening => "scope-broadening",
        /// A banner or alert that the map does not list.
        UnexpectedBanner => "unexpected-banner",
        /// A dialog that the map does not list.
        UnexpectedDialog => "unexpected-dialog",
        /// A visible frame that the map does not name holds controls or alerts.
        UnseenRegion => "unseen-region",
        /// The page made an unsafe request that the map does not declare.
        UndeclaredRequest => "undeclared-request",
        /// The portal asks to sign in again.
        SessionLost => "session-lost",
        /// The portal did not get ready within its limit.
        PortalTimeout => "portal-timeout",
        /// The portal answered with an error, or the browser failed after entry began.
        PortalError => "portal-error",
        /// A commit request that the agent did not cause.
        UnexpectedCommitAttempt => "unexpected-commit-attempt",
        /// The held commit request carries something else than the record.
        CommitPayloadDiffers => "commit-payload-differs",
        /// The held request was given up or waited too long.
        HoldExpired => "hold-expired",
        /// A source did not answer at the recheck.
        SourceUnavailable => "source-unavailable",
        /// No submitted exception is found.
        ConfirmationMissing => "confirmation-missing",
        /// The confirmation number is not of the declared form.
        ConfirmationMalformed => "confirmation-malformed",
        /// The confirmation number belongs to something else.
        ConfirmationForeign => "confirmation-foreign",
        /// Several submitted exceptions are found.
        DuplicateInPortal => "duplicate-in-portal",
        /// A person or the system interrupted the run.
        Interrupted => "interrupted",
        /// Evidence could not be written.
        EvidenceUnwritable => "evidence-unwritable",
        /// A picture could not be masked.
        CaptureUnmaskable => "capture-unmaskable",
    }
);

/// Where an observation came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactSource {
    /// The change record.
    Record,
    /// The approval manifest or the approvals.
    Approvals,
    /// The freeze calendar.
    Calendar,
    /// The freeze state and its override.
    FreezeMode,
    /// The portal's pages.
    Portal,
    /// The gateway between browser and portal.
    Gateway,
    /// The agent itself.
    Agent,
}

/// One reason to halt: what was expected, what was observed, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaltReason {
    /// Which rule.
    pub code: HaltCode,
    /// When.
    pub stage: Stage,
    /// What it is about: a path in the record, a field of the map, a request.
    pub subject: String,
    /// What should have been.
    pub expected: Fact,
    /// What was.
    pub observed: Fact,
    /// Where the observation came from.
    pub source: FactSource,
}

/// At least one of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonEmpty<T>(Vec<T>);

impl<T> NonEmpty<T> {
    /// Exactly one.
    pub fn one(first: T) -> Self {
        Self(vec![first])
    }

    /// All of `items`, unless there are none.
    pub(crate) fn from_vec(items: Vec<T>) -> Option<Self> {
        if items.is_empty() { None } else { Some(Self(items)) }
    }

    pub fn first(&self) -> &T {
        // Both constructors put in at least one, and nothing is ever taken out.
        &self.0[0]
    }

    /// All, in order.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// Adds more.
    pub fn extend(&mut self, more: impl IntoIterator<Item = T>) {
        self.0.extend(more);
    }
}

/// Go on with the plan, or halt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<P = ()> {
    /// Everything reconciles.
    Proceed(P),
    /// Something does not.
    Halt(NonEmpty<HaltReason>),
}

impl Verdict {
    /// Proceeds exactly when there is no reason to halt.
    pub fn of(reasons: Vec<HaltReason>) -> Self {
        match NonEmpty::from_vec(reasons) {
            Some(reasons) => Self::Halt(reasons),
            None => Self::Proceed(()),
        }
    }
}

impl<P> Verdict<P> {
    /// The same, with what `make` makes of what it proceeds with.
    pub fn map<Q>(self, make: impl FnOnce(P) -> Q) -> Verdict<Q> {
        match self {
            Self::Proceed(with) => Verdict::Proceed(make(with)),
            Self::Halt(reasons) => Verdict::Halt(reasons),
        }
    }

    /// What it proceeds with, or why it halts.
    ///
    /// # Errors
    ///
    /// The reasons to halt.
    pub fn into_result(self) -> Result<P, NonEmpty<HaltReason>> {
        match self {
            Self::Proceed(with) => Ok(with),
            Self::Halt(reasons) => Err(reasons),
        }
    }

    /// The verdict alone, for what is kept of it.
    pub(crate) fn without_proof(&self) -> Verdict {
        Verdict::of(self.reasons().to_vec())
    }

    /// The codes of its reasons, in order; none when it proceeds.
    pub fn codes(&self) -> Vec<HaltCode> {
        self.reasons().iter().map(|reason| reason.code).collect()
    }

    /// Its reasons; none when it proceeds.
    pub fn reasons(&self) -> &[HaltReason] {
        match self {
            Self::Proceed(_) => &[],
            Self::Halt(reasons) => reasons.as_slice(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_halt_code_has_its_own_kebab_case_name() {
        let mut names: Vec<_> = HaltCode::ALL.iter().map(|code| code.as_str()).collect();
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        for code in HaltCode::ALL {
            assert_eq!(HaltCode::from_name(code.as_str()), Some(*code));
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), HaltCode::ALL.len());
    }
}
