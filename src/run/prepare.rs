//! Everything that a run reads before it begins, and the one judgement of it.

use std::path::Path;
use std::sync::Arc;

use super::context::RunContext;
use super::facts::{RunFacts, judge_packet};
use super::launch::Run;
use super::order::{
    InputError, Order, canaries, check_origin, local_files, permissions, public_texts, states, versions,
};
use super::ports::Machine;
use super::private::PrivateFolder;
use crate::decide::rules::record::FileState;
use crate::decide::verdict::{Stage, Verdict};
use crate::mask::masked::MaskGate;
use crate::model::form::FormPlan;
use crate::model::gates::Gates;
use crate::model::time::Instant;
use crate::portal::LocalFile;
use crate::selectors::plan::plan;
use crate::sources::attachments::examine;
use crate::sources::record_file::ReadRecord;
use crate::sources::{SourceError, SourceFacts};

/// A run whose input has been read and judged.
pub(super) struct Prepared<'a> {
    order: &'a Order,
    record: ReadRecord,
    gates: Gates,
    plan: FormPlan,
    file_states: Vec<FileState>,
    files: Vec<LocalFile>,
    private: PrivateFolder,
    gate: Arc<MaskGate>,
    started_at: Instant,
    judged_at: Instant,
}

/// Reads the sources and the attachments, plans the form, and judges all of it.
///
/// # Errors
///
/// [`InputError`]: nothing was begun and nothing was touched.
pub(super) async fn prepare<'a>(
    order: &'a Order,
    context: &RunContext<'_>,
) -> Result<(Prepared<'a>, Verdict), InputError> {
    let started_at = context.clock.now();
    check_origin(&order.map, &order.base)?;
    let SourceFacts { record, gates } = tokio::select! {
        read = context.sources.read(None) => read?,
        () = context.interrupt.pressed() => {
            let what = "interrupted before they had answered".to_owned();
            return Err(SourceError::Unavailable { name: "the sources".to_owned(), what }.into());
        }
    };
    // What is judged may have come about while it was read.
    let judged_at = context.clock.now();
    let private = PrivateFolder::new().map_err(InputError::Folder)?;
    let found = examine(&order.record, &record, Some(&private.path().join("uploads")))?;
    let planned = plan(&order.map, &record.record);
    let files = planned.as_ref().map_or_else(|_| Vec::new(), |plan| local_files(plan, &found));
    let (plan, unplanned) = match planned {
        Ok(plan) => (plan, None),
        Err(error) => (FormPlan::default(), Some(error)),
    };
    let gate = gate(order, &record, &plan)?;
    let file_states = states(&found);
    let prepared = Prepared { order, record, gates, plan, file_states, files, private, gate, started_at, judged_at };
    context.watcher.step(Stage::Packet, "judging the record");
    let verdict = judge_packet(&prepared.facts(), &prepared.record, &prepared.gates, judged_at);
    // What the rules say comes first: a record without a rollback plan is judged, not called unreadable.
    match (&verdict, unplanned) {
        (Verdict::Proceed(()), Some(error)) => Err(error.into()),
        (Verdict::Proceed(()), None) | (Verdict::Halt(_), _) => Ok((prepared, verdict)),
    }
}

/// The gate for everything that is kept; a reason that may not be shown is refused.
fn gate(order: &Order, record: &ReadRecord, plan: &FormPlan) -> Result<Arc<MaskGate>, InputError> {
    let permissions = permissions(&order.map);
    let hidden = canaries(plan, &permissions, &order.credentials, &public_texts(order, record));
    let gate = Arc::new(MaskGate::new(permissions, order.chance.key(), hidden));
    match order.begin.continues() {
        Some(order) if gate.text(order.reason.clone()).is_err() => Err(InputError::NotContinuable {
            run: order.run.clone(),
            why: "cannot be continued for that reason: it holds a value that may not be shown".to_owned(),
            help: "say it in other words".to_owned(),
        }),
        Some(_) | None => Ok(gate),
    }
}

/// Where a record was read, for whoever goes on from another folder. A number of change management is no path.
fn remembered(record: &Path) -> String {
    let named = std::path::absolute(record).ok().filter(|absolute| absolute.is_file());
    named.as_deref().unwrap_or(record).display().to_string()
}

impl<'a> Prepared<'a> {
    /// What the run works from.
    pub(super) fn facts(&self) -> RunFacts<'_> {
        let order = self.order;
        RunFacts {
            record: &self.record,
            map: &order.map,
            plan: &self.plan,
            portal: &order.base,
            operator: &order.operator,
            account: &order.credentials.user,
            resumed_by: order.begin.continues().map(|order| &order.by),
            policy: &order.policy,
            file_states: &self.file_states,
            files: &self.files,
            draft_only: order.draft_only,
            said: order.begin.said(),
            closed: None,
        }
    }

    /// The real world for it.
    pub(super) fn machine(&self) -> Machine<'_> {
        let exception = &self.record.record.exception;
        let service = exception.service.id.as_str();
        Machine::new(self.order, &self.gate, &self.private, service, &exception.change_id)
    }

    /// The run, to be carried out.
    pub(super) fn run<'b>(&'b self, facts: &'b RunFacts<'b>, verdict: Verdict) -> Run<'b> {
        let order = self.order;
        Run {
            begin: &order.begin,
            id: order.chance.run(self.started_at),
            facts,
            gates: &self.gates,
            gate: &self.gate,
            record: remembered(&order.record),
            portal: order.portal(),
            versions: versions(order, &self.record),
            hand_over: order.hand_over,
            sealer: order.sealer.as_deref(),
            started_at: self.started_at,
            judged_at: self.judged_at,
            verdict,
        }
    }
}
