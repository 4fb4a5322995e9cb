//! The facts of a reading: from their texts to a change record, a calendar and a policy, and what today's rules say of these.

use serde::Deserialize;

use super::reading::{OtherPolicy, Reading, ReadingError};
use super::text::{Text, identifier};
use crate::decide::policy::{ApprovalPolicy, Policy};
use crate::decide::reconcile::{self, PacketFacts};
use crate::decide::rules::record::FileState;
use crate::decide::verdict::{Stage, Verdict};
use crate::model::calendar::{Blackout, FreezeCalendar};
use crate::model::details::Details;
use crate::model::digest::Digest;
use crate::model::freeze_policy::FreezePolicy;
use crate::model::freeze_terms::FreezeMode;
use crate::model::gates::{Delegation, Gates, Hold, RegisteredOwner, SignatureFinding, SignaturePolicy};
use crate::model::ids::{AttachmentRole, BlackoutId, ChangeId, PersonId, Role};
use crate::model::record::{
    ApprovalManifest, Attachment, ChangeRecord, ExceptedBlackout, FileName, FreezeException, Ownership, RecordSchema,
    RelativePath, Remediation, Rollback, Service,
};
use crate::model::text::{Line, Paragraph};
use crate::model::time::ChangeWindow;

/// The facts of a reading as they stand in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packet<'a> {
    #[serde(borrow)]
    exception: Exception<'a>,
    #[serde(borrow)]
    remediation: Remedy<'a>,
    #[serde(borrow)]
    owned_service: Text<'a>,
    #[serde(borrow)]
    owner: Text<'a>,
    #[serde(borrow)]
    boundary_category: Text<'a>,
    #[serde(borrow)]
    blackouts: Vec<Frozen<'a>>,
    delegations: Vec<Delegation>,
    holds: Vec<Hold>,
    registered_owner: RegisteredOwner,
    signatures: Vec<SignatureFinding>,
    freeze_mode: FreezeMode,
    files: Vec<File>,
    operator: PersonId,
    #[serde(borrow)]
    account: Text<'a>,
    #[serde(default)]
    resumed_by: Option<PersonId>,
    portal: url::Url,
    policy: Demanded,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception<'a> {
    change_id: ChangeId,
    revision: u32,
    #[serde(borrow)]
    title: Text<'a>,
    #[serde(borrow)]
    requester: Text<'a>,
    #[serde(borrow)]
    service: Text<'a>,
    #[serde(borrow)]
    owner: Text<'a>,
    #[serde(borrow)]
    environment: Text<'a>,
    #[serde(borrow)]
    category: Text<'a>,
    #[serde(borrow)]
    incident: Text<'a>,
    #[serde(borrow)]
    scope: Text<'a>,
    #[serde(borrow)]
    rollback: Option<Plan<'a>>,
    window: ChangeWindow,
    #[serde(borrow)]
    excepts: Vec<Excepted<'a>>,
    attachments: Vec<Attached>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remedy<'a> {
    #[serde(borrow)]
    service: Text<'a>,
    #[serde(borrow)]
    environment: Text<'a>,
    #[serde(borrow)]
    category: Text<'a>,
    #[serde(borrow)]
    incident: Text<'a>,
    #[serde(borrow)]
    scope: Text<'a>,
    #[serde(borrow)]
    rollback: Plan<'a>,
    window: ChangeWindow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan<'a> {
    #[serde(borrow)]
    plan: Text<'a>,
    #[serde(borrow)]
    version: Text<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Excepted<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    window: ChangeWindow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frozen<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    window: ChangeWindow,
    #[serde(borrow)]
    admits: Vec<Text<'a>>,
    #[serde(borrow)]
    kinds: Vec<Text<'a>>,
    #[serde(borrow)]
    environments: Vec<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attached {
    role: AttachmentRole,
    name: FileName,
    size: u64,
    sha256: Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    role: AttachmentRole,
    sha256: Digest,
    size: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Demanded {
    approval_roles: Vec<Role>,
    max_age_s: i64,
    signatures: SignaturePolicy,
    freeze: FreezePolicy,
}

/// What is built of them, and of the manifest and approvals of one reading.
pub(crate) struct Built {
    record: ChangeRecord,
    files: Vec<FileState>,
    gates: Gates,
    policy: Policy,
}

fn line(name: &'static str, text: &str) -> Result<Line, ReadingError> {
    Line::parse(text).map_err(|_| ReadingError::Value(name))
}

fn paragraph(name: &'static str, text: &str) -> Result<Paragraph, ReadingError> {
    Paragraph::parse(text).map_err(|_| ReadingError::Value(name))
}

fn person(name: &'static str, text: &str) -> Result<PersonId, ReadingError> {
    identifier(text, PersonId::parse).map_err(|_| ReadingError::Value(name))
}

fn blackout(name: &'static str, text: &str) -> Result<BlackoutId, ReadingError> {
    identifier(text, BlackoutId::parse).map_err(|_| ReadingError::Value(name))
}

/// Whether what `freeze` speaks of can be read: its plain words never equal a digest, and would be found to differ.
fn may_speak(freeze: &FreezePolicy, exception: &Exception<'_>, blackouts: &[Blackout]) -> Result<(), ReadingError> {
    let hidden = |text: &str| text.starts_with("[hidden");
    let of_category = !freeze.categories.is_empty() || freeze.blackouts.iter().any(|rule| !rule.admits.is_empty());
    let of_environment = freeze.blackouts.iter().any(|rule| !rule.environments.is_empty());
    let of_kind = freeze.blackouts.iter().any(|rule| rule.kind.is_some());
    let kinds = || blackouts.iter().flat_map(|blackout| &blackout.kinds);
    for (spoken_of, is_hidden, name) in [
        (of_category, hidden(&exception.category), "exception.category"),
        (of_environment, hidden(&exception.environment), "exception.environment"),
        (of_kind, kinds().any(|kind| hidden(kind)), "blackouts.kinds"),
    ] {
        if spoken_of && is_hidden {
            return Err(ReadingError::Hidden(name));
        }
    }
    Ok(())
}

impl Built {
    /// Builds from `facts`, under the policy of their time unless `other` says otherwise.
    ///
    /// # Errors
    ///
    /// [`ReadingError`].
    pub fn of(facts: &Packet<'_>, reading: &Reading<'_>, other: &OtherPolicy) -> Result<Self, ReadingError> {
        let blackouts: Vec<Blackout> = facts.blackouts.iter().map(Frozen::blackout).collect::<Result<_, _>>()?;
        if let Some(freeze) = &other.freeze {
            may_speak(freeze, &facts.exception, &blackouts)?;
        }
        let demanded = &facts.policy;
        Ok(Self {
            record: facts.record(reading)?,
            files: facts.files.iter().map(File::state).collect(),
            gates: Gates {
                calendar: FreezeCalendar { blackouts },
                delegations: facts.delegations.clone(),
                holds: facts.holds.clone(),
                owner: facts.registered_owner.clone(),
                signatures: facts.signatures.clone(),
                freeze_mode: facts.freeze_mode.clone(),
            },
            policy: Policy {
                approvals: ApprovalPolicy {
                    required_roles: other.required_roles.clone().unwrap_or_else(|| demanded.approval_roles.clone()),
                    max_age_s: other.max_age_s.unwrap_or(demanded.max_age_s),
                    signatures: other.signatures.unwrap_or(demanded.signatures),
                },
                freeze: other.freeze.clone().unwrap_or_else(|| demanded.freeze.clone()),
            },
        })
    }

    /// Takes manifest and approvals of another reading of the same facts.
    ///
    /// # Errors
    ///
    /// [`ReadingError`].
    pub(crate) fn read_again(&mut self, facts: &Packet<'_>, reading: &Reading<'_>) -> Result<(), ReadingError> {
        self.record.manifest = facts.manifest(reading)?;
        self.record.approvals.clone_from(&reading.approvals);
        Ok(())
    }

    /// What today's rules say about `reading`; `first` is what the run began with.
    ///
    /// # Errors
    ///
    /// [`ReadingError`] at a stage that judges no sources.
    pub fn judge(
        &self,
        facts: &Packet<'_>,
        reading: &Reading<'_>,
        first: &Reading<'_>,
    ) -> Result<Verdict, ReadingError> {
        let judged = PacketFacts {
            record: &self.record,
            packet: reading.packet,
            files: &self.files,
            operator: &facts.operator,
            account: &facts.account,
            resumed_by: facts.resumed_by.as_ref(),
            portal: &facts.portal,
            gates: &self.gates,
            policy: &self.policy,
            now: reading.at,
        };
        match reading.stage {
            Stage::Packet => Ok(reconcile::packet(Stage::Packet, &judged)),
            Stage::Recheck => {
                let mut began_with = first.manifest.clone();
                if began_with.boundary.category == reading.manifest.boundary.category {
                    began_with.boundary.category = self.record.manifest.boundary.category.clone();
                }
                Ok(reconcile::packet_again(&judged, &began_with, first.packet))
            }
            Stage::Survey
            | Stage::Fill
            | Stage::Attach
            | Stage::Draft
            | Stage::Review
            | Stage::Commit
            | Stage::Confirm
            | Stage::Seal => Err(ReadingError::Value("stage")),
        }
    }
}

impl Packet<'_> {
    fn manifest(&self, reading: &Reading<'_>) -> Result<ApprovalManifest, ReadingError> {
        let mut manifest = reading.manifest.clone();
        // As visible as the exception's own, so that the two can be compared.
        manifest.boundary.category = line("boundary_category", &self.boundary_category)?;
        Ok(manifest)
    }

    fn record(&self, reading: &Reading<'_>) -> Result<ChangeRecord, ReadingError> {
        Ok(ChangeRecord {
            schema: RecordSchema::V1,
            exception: self.exception.exception()?,
            remediation: self.remediation.remediation()?,
            ownership: Ownership {
                service: line("owned_service", &self.owned_service)?,
                owner: person("owner", &self.owner)?,
            },
            manifest: self.manifest(reading)?,
            approvals: reading.approvals.clone(),
        })
    }
}

impl Exception<'_> {
    fn exception(&self) -> Result<FreezeException, ReadingError> {
        let excepts = self.excepts.iter().map(|named| {
            let (start, end) = (named.window.start, named.window.end);
            Ok(ExceptedBlackout { id: blackout("exception.excepts.id", &named.id)?, start, end })
        });
        Ok(FreezeException {
            change_id: self.change_id.clone(),
            revision: self.revision,
            title: line("exception.title", &self.title)?,
            requester: person("exception.requester", &self.requester)?,
            service: Service {
                id: line("exception.service", &self.service)?,
                owner: person("exception.owner", &self.owner)?,
            },
            environment: line("exception.environment", &self.environment)?,
            category: line("exception.category", &self.category)?,
            incident: line("exception.incident", &self.incident)?,
            scope: paragraph("exception.scope", &self.scope)?,
            rollback: self.rollback.as_ref().map(Plan::rollback).transpose()?,
            window: self.window,
            excepts: excepts.collect::<Result<_, _>>()?,
            attachments: self.attachments.iter().map(Attached::attachment).collect::<Result<_, _>>()?,
            details: Details::default(),
        })
    }
}

impl Remedy<'_> {
    fn remediation(&self) -> Result<Remediation, ReadingError> {
        Ok(Remediation {
            service: line("remediation.service", &self.service)?,
            environment: line("remediation.environment", &self.environment)?,
            category: line("remediation.category", &self.category)?,
            incident: line("remediation.incident", &self.incident)?,
            scope: paragraph("remediation.scope", &self.scope)?,
            rollback: self.rollback.rollback()?,
            window: self.window,
        })
    }
}

impl Plan<'_> {
    fn rollback(&self) -> Result<Rollback, ReadingError> {
        Ok(Rollback { plan: line("rollback.plan", &self.plan)?, version: line("rollback.version", &self.version)? })
    }
}

impl Frozen<'_> {
    fn blackout(&self) -> Result<Blackout, ReadingError> {
        Ok(Blackout {
            id: blackout("blackouts.id", &self.id)?,
            window: self.window,
            admits: self.admits.iter().map(|category| category.to_string()).collect(),
            kinds: self.kinds.iter().map(|kind| kind.to_string()).collect(),
            environments: self.environments.iter().map(|one| one.to_string()).collect(),
        })
    }
}

impl Attached {
    fn attachment(&self) -> Result<Attachment, ReadingError> {
        Ok(Attachment {
            role: self.role.clone(),
            name: self.name.clone(),
            // Where it lay is no part of any judgement.
            path: RelativePath::parse(self.name.as_str())
                .map_err(|_| ReadingError::Value("exception.attachments.name"))?,
            size: self.size,
            sha256: self.sha256,
        })
    }
}

impl File {
    fn state(&self) -> FileState {
        FileState { role: self.role.clone(), sha256: self.sha256, size: self.size }
    }
}
