//! `approvals.json`: everything that was judged without a browser each time the sources were read, so that the same rules can
//! judge it again. The record's `details` are left out: no rule looks at them.

use serde::Serialize;

use super::packet_view::{PacketView, Recorder};
use crate::decide::reconcile::PacketFacts;
use crate::decide::verdict::{HaltCode, Stage, Verdict};
use crate::mask::masked::{MaskGate, Masked, PublicDocument};
use crate::model::digest::Digest;
use crate::model::form::FormPlan;
use crate::model::ids::RunId;
use crate::model::record::{Approval, ApprovalManifest};
use crate::model::text::Line;
use crate::model::time::Instant;

/// Name of the file.
pub const APPROVALS: &str = "approvals.json";
/// Version of the shapes below. The first one had no mark; the second one knew no gates but the calendar.
pub const APPROVALS_SCHEMA: &str = "portal-agent/approvals/3";

/// `approvals.json`.
#[derive(Debug, Clone, Serialize)]
pub struct ApprovalsDocument {
    /// Version of this shape.
    pub schema: &'static str,
    pub run_id: RunId,
    /// The approvals, and what they were judged with, as they stood each time they were read.
    pub readings: Vec<ApprovalReading>,
    /// Which reading unlocked the commit, if one did.
    pub unlocked_by: Option<usize>,
}
impl PublicDocument for ApprovalsDocument {}

/// Manifest and approvals at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct ApprovalReading {
    /// When they were read, and the time that they were judged by.
    pub at: Instant,
    /// At which stage.
    pub stage: Stage,
    /// Digest of the packet as read.
    pub packet: Digest,
    pub manifest: ApprovalManifest,
    pub approvals: Vec<Approval>,
    /// What they were judged with; none where it is the same as of an earlier reading, or may not be shown at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<Masked<PacketView>>,
    /// The earlier reading, counted from 0, whose facts these are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts_of: Option<usize>,
    /// What was decided.
    pub verdict: Vec<HaltCode>,
}

impl ApprovalReading {
    /// What may be kept of what was judged at `stage`. `plan` says which field of the map shows which part of the record.
    pub fn of(stage: Stage, facts: &PacketFacts<'_>, plan: &FormPlan, verdict: &Verdict, gate: &MaskGate) -> Self {
        let view = Recorder { plan, gate }.packet(facts);
        let mut manifest = facts.record.manifest.clone();
        // As visible as the exception's own. What the gate gives is a line, whatever it was given.
        if let Ok(category) = Line::parse(view.boundary_category.get()).or_else(|_| Line::parse("[hidden]")) {
            manifest.boundary.category = category;
        }
        Self {
            at: facts.now,
            stage,
            packet: facts.packet,
            manifest,
            approvals: facts.record.approvals.clone(),
            // Whatever this holds of too much, the rest must still be told.
            facts: gate.document(view).ok(),
            facts_of: None,
            verdict: verdict.codes(),
        }
    }

    /// The same reading without its facts, where they are those of one of the `earlier`.
    pub fn after(self, earlier: &[Self]) -> Self {
        let same = |reading: &Self| reading.facts.is_some() && reading.facts == self.facts;
        match earlier.iter().position(same) {
            Some(place) => Self { facts: None, facts_of: Some(place), ..self },
            None => self,
        }
    }
}
