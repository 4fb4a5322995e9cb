//! What may be kept of everything that is judged without a browser.

use serde::Serialize;

use crate::decide::policy::Policy;
use crate::decide::reconcile::PacketFacts;
use crate::mask::masked::{MaskGate, Masked, PublicDocument};
use crate::model::calendar::Blackout;
use crate::model::digest::Digest;
use crate::model::form::{FormPlan, RecordPath};
use crate::model::freeze_policy::{BlackoutPolicy, CategoryPolicy, FreezePolicy, PagesPolicy, same_environment};
use crate::model::freeze_terms::{FreezeMode, ReleaseMode};
use crate::model::gates::{Delegation, Gates, Hold, RegisteredOwner, SignatureFinding, SignaturePolicy};
use crate::model::ids::{AttachmentRole, ChangeId, FieldId, PersonId};
use crate::model::private::{Exposure, Fact};
use crate::model::record::{Remediation, Rollback};
use crate::model::time::ChangeWindow;

/// Everything but manifest and approvals that is judged without a browser. Texts are as visible as the map declares their
/// fields; equal ones look equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PacketView {
    /// The exception as requested.
    pub exception: ExceptionView,
    /// The approved remediation.
    pub remediation: RemediationView,
    /// Service of the ownership record.
    pub owned_service: Masked<String>,
    pub owner: Masked<String>,
    /// Category of the manifest's boundary, as visible as the exception's.
    pub boundary_category: Masked<String>,
    /// The freeze calendar.
    pub blackouts: Vec<BlackoutView>,
    /// Who might decide for whom.
    pub delegations: Vec<Delegation>,
    /// Holds on the change.
    pub holds: Vec<Hold>,
    /// What the service ownership record said.
    pub registered_owner: OwnerView,
    /// What came of checking the approvals' signatures, in their order.
    pub signatures: Vec<SignatureFinding>,
    pub freeze_mode: FreezeMode,
    /// Attachments as they lay on disk.
    pub files: Vec<FileStateView>,
    /// Who ran the agent.
    pub operator: PersonId,
    /// Account at the portal.
    pub account: Masked<String>,
    /// Who ordered that an earlier run be resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed_by: Option<PersonId>,
    /// Origin of the portal in effect.
    pub portal: String,
    /// The policy in force.
    pub policy: PolicyView,
}
impl PublicDocument for PacketView {}

/// The exception, without its details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExceptionView {
    /// Number of the change request.
    pub change_id: ChangeId,
    pub revision: u32,
    /// Short description.
    pub title: Masked<String>,
    /// Who asks.
    pub requester: Masked<String>,
    pub service: Masked<String>,
    pub owner: Masked<String>,
    pub environment: Masked<String>,
    pub category: Masked<String>,
    pub incident: Masked<String>,
    pub scope: Masked<String>,
    /// Rollback plan.
    pub rollback: Option<RollbackView>,
    /// Deployment window.
    pub window: ChangeWindow,
    /// Blackouts that it is an exception from.
    pub excepts: Vec<ExceptedView>,
    /// Files to upload.
    pub attachments: Vec<AttachedView>,
}

/// A rollback plan at one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RollbackView {
    /// Identifier of the plan.
    pub plan: Masked<String>,
    /// Version of the plan.
    pub version: Masked<String>,
}

/// A blackout as it was known at approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExceptedView {
    /// Identifier.
    pub id: Masked<String>,
    /// When it holds.
    pub window: ChangeWindow,
}

/// A blackout of the calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlackoutView {
    /// Identifier.
    pub id: Masked<String>,
    /// When it holds.
    pub window: ChangeWindow,
    /// Categories that may be excepted from it, as visible as the exception's.
    pub admits: Vec<Masked<String>>,
    pub kinds: Vec<Masked<String>>,
    /// Environments that it freezes, as visible as the exception's.
    pub environments: Vec<Masked<String>>,
}

/// What the service ownership record said of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerView {
    /// There was none beside the entry that the change record carried.
    AsRecorded,
    /// It did not know the service.
    Unknown,
    Entry {
        service: Masked<String>,
        owner: Masked<String>,
    },
}

/// A file that the record names. All of it stands in `attachments.json` as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttachedView {
    pub role: AttachmentRole,
    pub name: String,
    /// Length in bytes.
    pub size: u64,
    /// Digest.
    pub sha256: Digest,
}

/// A file as it lay on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileStateView {
    pub role: AttachmentRole,
    /// Digest.
    pub sha256: Digest,
    /// Length in bytes.
    pub size: u64,
}

/// The approved remediation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemediationView {
    pub service: Masked<String>,
    pub environment: Masked<String>,
    pub category: Masked<String>,
    pub incident: Masked<String>,
    pub scope: Masked<String>,
    /// Rollback plan.
    pub rollback: RollbackView,
    /// Deployment window.
    pub window: ChangeWindow,
}

/// What the organisation demanded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyView {
    /// Roles that must have approved.
    pub approval_roles: Vec<String>,
    /// Oldest approval that still counted, in seconds.
    pub max_age_s: i64,
    /// Whether approvals had to be signed.
    pub signatures: SignaturePolicy,
    /// Of windows in a freeze.
    pub freeze: FreezePolicyView,
}

/// The freeze policy, in its own shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FreezePolicyView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_window_hours: Option<u32>,
    /// Least time before the window, in hours.
    pub lead_hours: u32,
    /// What freeze mode did to the publishing of pages.
    pub pages: PagesPolicy,
    /// Rules for categories.
    #[serde(rename = "category", skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<CategoryPolicyView>,
    /// Rules for blackouts.
    #[serde(rename = "blackout", skip_serializing_if = "Vec::is_empty")]
    pub blackouts: Vec<BlackoutPolicyView>,
}

/// Rules for one category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CategoryPolicyView {
    /// The category, as visible as the exception's.
    pub name: Masked<String>,
    /// Kind of release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ReleaseMode>,
    /// Least time before the window, in hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_hours: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_window_hours: Option<u32>,
}

/// Rules for some blackouts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlackoutPolicyView {
    /// Identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Masked<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Masked<String>>,
    /// Categories that it admits, as visible as the exception's.
    pub admits: Vec<Masked<String>>,
    /// Environments that it freezes, as visible as the exception's.
    pub environments: Vec<Masked<String>>,
}

/// Decides how visible each text is.
pub(super) struct Recorder<'a> {
    /// Which field of the map shows which part of the record.
    pub plan: &'a FormPlan,
    pub gate: &'a MaskGate,
}

impl Recorder<'_> {
    /// What no field of the map shows is hidden, and so is what one of several hides.
    fn text(&self, path: &RecordPath, text: &str) -> Masked<String> {
        let forms = self.plan.tabs.iter().flat_map(|tab| &tab.fields);
        let pages = self.plan.review.iter().chain(&self.plan.recheck).chain(&self.plan.submitted);
        let mut fields = forms.chain(pages).filter(|field| field.path == *path).map(|field| &field.id).peekable();
        let shown = |field: &FieldId| self.gate.may_show(&Exposure::Field(field.clone()));
        let open = fields.peek().is_some() && fields.all(shown);
        self.gate.fact(&Fact::new(text, if open { Exposure::Public } else { Exposure::Hidden }))
    }

    /// Identifiers and people, as visible as the reasons that name them.
    fn open(&self, text: &str) -> Masked<String> {
        self.gate.fact(&Fact::public(text))
    }

    /// Who asks. Somebody whom manifest, approvals or parties name openly is written as they are: whether one person plays two
    /// parts must still be seen.
    fn requester(&self, facts: &PacketFacts<'_>) -> Masked<String> {
        let requester = facts.record.exception.requester.as_str();
        let signers = facts.record.manifest.signers.iter().map(|signer| signer.approver.as_str());
        let approvers = facts.record.approvals.iter().map(|approval| approval.approver.as_str());
        let mut named = signers.chain(approvers);
        match named.find(|person| person.eq_ignore_ascii_case(requester)) {
            Some(person) => self.open(person),
            None => self.text(&RecordPath::Requester, requester),
        }
    }

    fn rollback(&self, rollback: &Rollback) -> RollbackView {
        RollbackView {
            plan: self.text(&RecordPath::RollbackPlan, rollback.plan.as_str()),
            version: self.open(rollback.version.as_str()),
        }
    }

    /// What may be kept of `facts`.
    pub fn packet(&self, facts: &PacketFacts<'_>) -> PacketView {
        let PacketFacts { record, packet: _, files, operator, account, resumed_by, portal, gates, policy, now: _ } =
            *facts;
        let Gates { calendar, delegations, holds, owner, signatures, freeze_mode } = gates;
        let environment = record.exception.environment.as_str();
        let files =
            files.iter().map(|file| FileStateView { role: file.role.clone(), sha256: file.sha256, size: file.size });
        PacketView {
            exception: self.exception(facts),
            remediation: self.remediation(&record.remediation),
            owned_service: self.open(record.ownership.service.as_str()),
            owner: self.open(record.ownership.owner.as_str()),
            boundary_category: self.category(record.manifest.boundary.category.as_str()),
            blackouts: calendar.blackouts.iter().map(|blackout| self.blackout(blackout, policy, environment)).collect(),
            delegations: delegations.clone(),
            holds: holds.clone(),
            registered_owner: match owner {
                RegisteredOwner::AsRecorded => OwnerView::AsRecorded,
                RegisteredOwner::Unknown => OwnerView::Unknown,
                RegisteredOwner::Entry(entry) => OwnerView::Entry {
                    service: self.open(entry.service.as_str()),
                    owner: self.open(entry.owner.as_str()),
                },
            },
            signatures: signatures.clone(),
            freeze_mode: freeze_mode.clone(),
            files: files.collect(),
            operator: operator.clone(),
            account: self.open(account),
            resumed_by: resumed_by.cloned(),
            portal: portal.origin().ascii_serialization(),
            policy: self.policy(policy, environment),
        }
    }

    fn category(&self, text: &str) -> Masked<String> {
        self.text(&RecordPath::Category, text)
    }

    fn categories(&self, all: &[String]) -> Vec<Masked<String>> {
        all.iter().map(|one| self.category(one)).collect()
    }

    /// One that is the exception's own for the rules is written as it is there: hidden, the two must still be equal.
    fn environments(&self, all: &[String], own: &str) -> Vec<Masked<String>> {
        let written = |one: &String| if same_environment(one, own) { own.to_owned() } else { one.clone() };
        all.iter().map(|one| self.text(&RecordPath::Environment, &written(one))).collect()
    }

    /// A kind that the policy does not name is any words of whoever keeps the calendar.
    fn kind(&self, kind: &String, policy: &FreezePolicy) -> Masked<String> {
        let named = policy.blackouts.iter().any(|rule| rule.kind.as_ref() == Some(kind));
        self.gate.fact(&Fact::new(kind, if named { Exposure::Public } else { Exposure::Hidden }))
    }

    fn blackout(&self, blackout: &Blackout, policy: &Policy, environment: &str) -> BlackoutView {
        BlackoutView {
            id: self.open(blackout.id.as_str()),
            window: blackout.window,
            admits: self.categories(&blackout.admits),
            kinds: blackout.kinds.iter().map(|kind| self.kind(kind, &policy.freeze)).collect(),
            environments: self.environments(&blackout.environments, environment),
        }
    }

    fn policy(&self, policy: &Policy, environment: &str) -> PolicyView {
        let Policy { approvals, freeze } = policy;
        let category = |rules: &CategoryPolicy| CategoryPolicyView {
            name: self.category(&rules.name),
            mode: rules.mode,
            lead_hours: rules.lead_hours,
            longest_window_hours: rules.longest_window_hours,
        };
        let blackout = |rules: &BlackoutPolicy| BlackoutPolicyView {
            id: rules.id.as_ref().map(|id| self.open(id)),
            kind: rules.kind.as_ref().map(|kind| self.open(kind)),
            admits: self.categories(&rules.admits),
            environments: self.environments(&rules.environments, environment),
        };
        PolicyView {
            approval_roles: approvals.required_roles.iter().map(ToString::to_string).collect(),
            max_age_s: approvals.max_age_s,
            signatures: approvals.signatures,
            freeze: FreezePolicyView {
                longest_window_hours: freeze.longest_window_hours,
                lead_hours: freeze.lead_hours,
                pages: freeze.pages,
                categories: freeze.categories.iter().map(category).collect(),
                blackouts: freeze.blackouts.iter().map(blackout).collect(),
            },
        }
    }

    fn exception(&self, facts: &PacketFacts<'_>) -> ExceptionView {
        let exception = &facts.record.exception;
        let excepts = exception
            .excepts
            .iter()
            .map(|named| ExceptedView { id: self.open(named.id.as_str()), window: named.window() });
        let attachments = exception.attachments.iter().map(|file| AttachedView {
            role: file.role.clone(),
            name: file.name.as_str().to_owned(),
            size: file.size,
            sha256: file.sha256,
        });
        ExceptionView {
            change_id: exception.change_id.clone(),
            revision: exception.revision,
            title: self.text(&RecordPath::Title, exception.title.as_str()),
            requester: self.requester(facts),
            service: self.open(exception.service.id.as_str()),
            owner: self.open(exception.service.owner.as_str()),
            environment: self.text(&RecordPath::Environment, exception.environment.as_str()),
            category: self.text(&RecordPath::Category, exception.category.as_str()),
            incident: self.text(&RecordPath::Incident, exception.incident.as_str()),
            scope: self.text(&RecordPath::Scope, exception.scope.as_str()),
            rollback: exception.rollback.as_ref().map(|rollback| self.rollback(rollback)),
            window: exception.window,
            excepts: excepts.collect(),
            attachments: attachments.collect(),
        }
    }

    fn remediation(&self, remediation: &Remediation) -> RemediationView {
        RemediationView {
            service: self.open(remediation.service.as_str()),
            environment: self.text(&RecordPath::Environment, remediation.environment.as_str()),
            category: self.text(&RecordPath::Category, remediation.category.as_str()),
            incident: self.text(&RecordPath::Incident, remediation.incident.as_str()),
            scope: self.text(&RecordPath::Scope, remediation.scope.as_str()),
            rollback: self.rollback(&remediation.rollback),
            window: remediation.window,
        }
    }
}
