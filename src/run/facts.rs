//! What a run works from, and the judgement of everything that needs no browser.

use crate::decide::policy::Policy;
use crate::decide::recheck::{Compared, Rechecked, recheck};
use crate::decide::reconcile::{self, PacketFacts};
use crate::decide::rules::confirmation::Said;
use crate::decide::rules::record::FileState;
use crate::decide::verdict::{HaltReason, NonEmpty, Stage, Verdict};
use crate::evidence::readings::ApprovalReading;
use crate::mask::masked::MaskGate;
use crate::model::form::FormPlan;
use crate::model::gates::Gates;
use crate::model::ids::PersonId;
use crate::model::time::Instant;
use crate::portal::LocalFile;
use crate::selectors::read::SelectorMap;
use crate::sources::record_file::ReadRecord;

/// What a run works from; none of it changes while it goes on.
#[derive(Clone, Copy)]
pub struct RunFacts<'a> {
    /// The record as first read.
    pub record: &'a ReadRecord,
    /// The selector map.
    pub map: &'a SelectorMap,
    /// The map applied to the record.
    pub plan: &'a FormPlan,
    /// Base URL in effect.
    pub portal: &'a url::Url,
    /// Who runs the agent.
    pub operator: &'a PersonId,
    /// Account that acts at the portal.
    pub account: &'a str,
    /// Who resumes or resolves an earlier run.
    pub resumed_by: Option<&'a PersonId>,
    /// The organisation's demands.
    pub policy: &'a Policy,
    /// Attachments as digested.
    pub file_states: &'a [FileState],
    /// Their private copies.
    pub files: &'a [LocalFile],
    /// Whether to stop at a verified draft.
    pub draft_only: bool,
    /// How a person says that an in-doubt run ended; only when one is resolved.
    pub said: Option<&'a Said>,
    /// Gates that are closed for a run that is resumed: it may look, and nothing else.
    pub closed: Option<&'a NonEmpty<HaltReason>>,
}

/// What is judged without a browser, as read at `now`.
fn packet_facts<'a>(facts: &RunFacts<'a>, record: &'a ReadRecord, gates: &'a Gates, now: Instant) -> PacketFacts<'a> {
    PacketFacts {
        record: &record.record,
        packet: record.packet,
        files: facts.file_states,
        operator: facts.operator,
        account: facts.account,
        resumed_by: facts.resumed_by,
        portal: facts.portal,
        gates,
        policy: facts.policy,
        now,
    }
}

/// Judges everything that needs no browser, before the browser is started.
pub(crate) fn judge_packet(facts: &RunFacts<'_>, record: &ReadRecord, gates: &Gates, now: Instant) -> Verdict {
    reconcile::packet(Stage::Packet, &packet_facts(facts, record, gates, now))
}

/// Judges it again, read anew, before the click that commits.
pub(crate) fn judge_again(facts: &RunFacts<'_>, record: &ReadRecord, gates: &Gates, now: Instant) -> Verdict {
    let first = facts.record;
    reconcile::packet_again(&packet_facts(facts, record, gates, now), &first.record.manifest, first.packet)
}

/// Judges it once more, read anew while a request is held that was compared: the proof without which nothing is released.
pub(crate) fn judge_held(
    compared: Compared,
    facts: &RunFacts<'_>,
    record: &ReadRecord,
    gates: &Gates,
    now: Instant,
) -> Verdict<Rechecked> {
    let first = facts.record;
    recheck(compared, &packet_facts(facts, record, gates, now), &first.record.manifest, first.packet)
}

/// What was judged so at `stage`, to be kept.
pub fn reading(
    stage: Stage,
    facts: &RunFacts<'_>,
    record: &ReadRecord,
    gates: &Gates,
    now: Instant,
    verdict: &Verdict,
    gate: &MaskGate,
) -> ApprovalReading {
    ApprovalReading::of(stage, &packet_facts(facts, record, gates, now), facts.plan, verdict, gate)
}
