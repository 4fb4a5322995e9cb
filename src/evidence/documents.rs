//! The shapes of the evidence's documents. All of them are made of public and masked values alone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::outcome::{CommitAnswer, DraftState, Outcome};
use super::store::FileDigest;
use crate::mask::masked::{BareDocument, Masked, PublicDocument};
use crate::mask::views::{EditView, HaltView};
use crate::model::browser::BrowserKind;
use crate::model::digest::Digest;
use crate::model::ids::{ChangeId, DraftReference, FieldId, PersonId, RunId, TabId};
use crate::model::portal_facts::Refused;
use crate::model::record::Approval;
use crate::model::time::{ChangeWindow, Instant};

/// Version of the shapes below.
pub(crate) const RUN_SCHEMA: &str = "portal-agent/run/2";

/// `run.json`, and what `submit --output json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct RunDocument {
    /// Version of this shape.
    pub schema: &'static str,
    pub run_id: RunId,
    pub change_id: ChangeId,
    /// Who ran the agent.
    pub operator: PersonId,
    /// Account at the portal, once known.
    pub portal_account: Option<Masked<String>>,
    /// Which earlier run it continues, if one.
    pub resumes: Option<ResumesView>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the portal agrees with what a person said of an in-doubt run; only of `resolve`.
    pub agreed: Option<bool>,
    /// Why it halted, if it did.
    pub halt: Vec<Masked<HaltView>>,
    /// What the environment did not do, for outcome `environment`.
    pub environment: Option<Masked<String>>,
    /// The draft, if one is known.
    pub draft_reference: Option<DraftReference>,
    /// How far it is known.
    pub draft_state: Option<DraftState>,
    /// What became of an earlier run's draft since the agent saw it.
    pub edits: Vec<Masked<EditView>>,
    /// Number of the submitted exception.
    pub confirmation_number: Option<Masked<String>>,
    /// Where the evidence is.
    pub evidence_dir: String,
    /// Whether the manifest over the evidence was written.
    pub sealed: bool,
    /// Start.
    pub started_at: Instant,
    /// End.
    pub finished_at: Instant,
    /// Commit requests that were let go.
    pub commit_requests_released: u64,
    /// Commit requests that were refused.
    pub commit_requests_blocked: u64,
    /// What the portal answered to the one that was let go.
    pub commit_answer: Option<CommitAnswer>,
    /// From the last answer of a source to the first forwarded byte, in milliseconds.
    pub recheck_to_commit_ms: Option<f64>,
    /// Versions and digests of what judged.
    pub versions: Versions,
    /// Cost of the run.
    pub cost: Cost,
    /// Requests refused by the gateway, with how often.
    pub refused_requests: Vec<RefusedView>,
}
impl PublicDocument for RunDocument {}

impl BareDocument for RunDocument {
    fn strip(&mut self) {
        self.portal_account = None;
        self.halt.clear();
        self.edits.clear();
        if let Some(resumes) = &mut self.resumes {
            resumes.reason = Masked::nothing();
        }
        self.environment = None;
        self.confirmation_number = None;
        self.refused_requests.clear();
    }
}

/// Which earlier run is continued, and on whose word.
#[derive(Debug, Clone, Serialize)]
pub struct ResumesView {
    /// The earlier run.
    pub run: RunId,
    /// Who ordered it.
    pub by: PersonId,
    /// Why.
    pub reason: Masked<String>,
}

/// Versions and digests of what judged.
#[derive(Debug, Clone, Serialize)]
pub struct Versions {
    /// Version of the agent.
    pub agent: &'static str,
    pub browser: Option<BrowserKind>,
    /// Digest of the selector map.
    pub map: Digest,
    /// Name of the selector map.
    pub map_name: String,
    /// Digest of the approval policy in force.
    pub policy: Digest,
    /// Digest of the packet.
    pub packet: Digest,
    /// Digest of the record file.
    pub record: Digest,
    /// Base URL in effect.
    pub portal: String,
}

/// What a run cost.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Cost {
    /// WebDriver commands.
    pub webdriver_round_trips: u64,
    /// Time spent waiting for the browser, in milliseconds.
    pub browser_ms: u64,
    /// Wall time, in milliseconds.
    pub wall_ms: u64,
    /// Requests that passed the gateway.
    pub requests_passed: u64,
}

/// A refused request and how often it came.
#[derive(Debug, Clone, Serialize)]
pub struct RefusedView {
    #[serde(flatten)]
    pub request: Refused,
    /// How often.
    pub count: u64,
}

/// `attachments.json`: references and digests, never copies.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AttachmentsDocument {
    /// The files.
    pub attachments: Vec<AttachmentView>,
}
impl PublicDocument for AttachmentsDocument {}

/// One attachment and whether the portal lists it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AttachmentView {
    pub role: String,
    pub name: String,
    /// Length in bytes.
    pub size: u64,
    /// Digest.
    pub sha256: Digest,
    /// Whether it was uploaded and is listed by the portal as it was sent.
    pub uploaded: bool,
}

/// Version of the shape below.
pub(crate) const TAKEOVER_SCHEMA: &str = "portal-agent/takeover-note/1";

/// `takeover.json`.
#[derive(Debug, Clone, Serialize)]
pub struct TakeoverDocument {
    /// Version of this shape.
    pub schema: &'static str,
    pub run_id: RunId,
    pub change_id: ChangeId,
    /// The deployment window.
    pub window: ChangeWindow,
    /// Who ran the agent.
    pub operator: PersonId,
    /// Account at the portal, once known.
    pub account: Option<Masked<String>>,
    /// Name of the host that it ran on.
    pub host: String,
    /// When this was written.
    pub written_at: Instant,
    /// How it ended.
    pub outcome: Outcome,
    /// What happened and where the draft is, in one line.
    pub headline: String,
    /// Whether anything was submitted, as far as it is known.
    pub submitted: &'static str,
    /// Where the change record was read.
    pub record: String,
    /// Why.
    pub halt: Vec<Masked<HaltView>>,
    /// What the portal answered to the commit, where one was released.
    pub commit_answer: Option<CommitAnswer>,
    /// Pictures of what it halted for, as paths below the run's folder.
    pub pictures: Vec<String>,
    /// What became of an earlier run's draft since the agent saw it.
    pub edits: Vec<Masked<EditView>>,
    /// The stage and the tab or page it stood on.
    pub stood_on: String,
    pub draft_reference: Option<DraftReference>,
    /// How far it is known.
    pub draft_state: Option<DraftState>,
    /// Where to open it.
    pub open: Option<String>,
    /// Where the portal lists its exceptions.
    pub list: Option<String>,
    /// What the portal calls the fields.
    pub labels: BTreeMap<FieldId, String>,
    /// Fields that were entered and read back.
    pub entered: Vec<FieldId>,
    /// Fields that were not.
    pub not_entered: Vec<FieldId>,
    /// Tabs that were filled.
    pub tabs_filled: Vec<TabId>,
    /// Attachments that the portal lists.
    pub uploaded: Vec<String>,
    /// Approvals as the change record had them.
    pub approvals: Vec<Approval>,
    /// When these were read.
    pub approvals_read_at: Option<Instant>,
    /// What to do, in this order.
    pub steps: Vec<String>,
    /// What must not be done.
    pub must_not: Vec<String>,
    /// The command that goes on.
    pub next: String,
}
impl PublicDocument for TakeoverDocument {}

/// Version of the shape below.
pub(crate) const MANIFEST_SCHEMA: &str = "portal-agent/manifest/1";

/// `manifest.json`: digests of every other file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ManifestDocument {
    /// Version of this shape.
    pub schema: &'static str,
    pub run_id: RunId,
    /// Digests by path.
    pub files: BTreeMap<String, FileDigest>,
}
impl PublicDocument for ManifestDocument {}
