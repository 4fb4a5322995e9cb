//! One run, in five steps: prepare what is read and judged, admit it to its change, open the portal, drive the flow, wind down.

use std::time::Instant as Monotonic;

use futures_util::future::LocalBoxFuture;
use tracing::Instrument as _;

use super::claim::{Admission, admit};
use super::clock::{Clock, MonotonicClock};
use super::context::RunContext;
use super::ending::{Ending, frees, halted_early, hands_over, submitted};
use super::facts::{RunFacts, reading};
use super::finish::{Closing, finish};
use super::flow::Flow;
use super::interrupt::Interrupt;
use super::notify::notify;
use super::order::{Begin, InputError, Order};
use super::ports::{Opened, Ports};
use super::prepare::prepare;
use super::run_log::{RunLog, unwritable};
use super::watch::Watcher;
use crate::decide::policy::Parties;
use crate::decide::reconcile;
use crate::decide::verdict::{HaltReason, NonEmpty, Stage, Verdict};
use crate::evidence::claims::{Claim, ClaimLog};
use crate::evidence::documents::{Cost, RunDocument, Versions};
use crate::evidence::journal::{Event, Opening, Resumption};
use crate::evidence::outcome::Outcome;
use crate::gateway::control::Control;
use crate::mask::masked::{MaskGate, Masked};
use crate::model::gates::Gates;
use crate::model::ids::{ChangeId, RunId};
use crate::model::residue::PortalResidue;
use crate::model::time::Instant;
use crate::portal::Portal as _;
use crate::seal::sealer::Sealer;
use crate::sources::Sources;

/// Does what `order` asks for, to the end.
///
/// # Errors
///
/// [`InputError`]: nothing was begun and nothing was touched.
///
/// Boxed, so that a run is compiled here once and not again in every program that starts one.
pub fn launch<'a>(
    order: &'a Order,
    sources: &'a dyn Sources,
    clock: &'a dyn Clock,
    interrupt: Interrupt,
    watcher: &'a dyn Watcher,
) -> LocalBoxFuture<'a, Result<Masked<RunDocument>, InputError>> {
    let context = RunContext { sources, clock, interrupt, watcher };
    Box::pin(async move {
        let (prepared, verdict) = prepare(order, &context).await?;
        let facts = prepared.facts();
        let mut machine = prepared.machine();
        let run = prepared.run(&facts, verdict);
        let span = tracing::info_span!("run", run = %run.id, change = %run.change());
        let document = run.carry_out(&mut machine, context).instrument(span.clone()).await?;
        let run = document.get();
        span.in_scope(|| tracing::info!(outcome = run.outcome.as_str(), sealed = run.sealed, "ended"));
        notify(order.notify.as_deref(), &document).await;
        Ok(document)
    })
}

/// One run, all its input read and judged.
pub(crate) struct Run<'a> {
    /// How it begins.
    pub begin: &'a Begin,
    /// Its name.
    pub id: RunId,
    /// What it works from.
    pub facts: &'a RunFacts<'a>,
    /// What gates it, as first read.
    pub gates: &'a Gates,
    /// The gate for everything that is kept.
    pub gate: &'a MaskGate,
    /// Where the record was read.
    pub record: String,
    /// Origin of the portal.
    pub portal: String,
    /// Versions and digests of what judges.
    pub versions: Versions,
    /// Whether a run that halts leaves its live browser to a person.
    pub hand_over: bool,
    /// What its evidence is sealed with, where anything is.
    pub sealer: Option<&'a Sealer>,
    /// When it began.
    pub started_at: Instant,
    /// When everything had been read that is judged first.
    pub judged_at: Instant,
    /// What the record was judged to be.
    pub verdict: Verdict,
}

/// How a run ended, with what it still holds.
struct RunEnd {
    ending: Ending,
    claim: Option<Claim>,
    control: Option<Control>,
    cost: Cost,
}

impl RunEnd {
    fn early(ending: Ending) -> Self {
        Self { ending, claim: None, control: None, cost: Cost::default() }
    }
}

/// A change that the run holds.
struct Claimed {
    claim: Claim,
    submitted_before: bool,
}

impl Run<'_> {
    /// Carries it out, to the end.
    ///
    /// # Errors
    ///
    /// [`InputError`] when the earlier run cannot be continued in this way; nothing was begun.
    pub(crate) async fn carry_out<Q: Ports>(
        self,
        ports: &mut Q,
        context: RunContext<'_>,
    ) -> Result<Masked<RunDocument>, InputError> {
        let begun = Monotonic::now();
        let admission = self.admission(ports).await?;
        let clock = MonotonicClock::from(context.clock);
        let context = RunContext { clock: &clock, ..context };
        let (mut log, end) = match ports.folder(self.change(), &self.id) {
            Err(error) => {
                let left = admission.resumption().map(|earlier| earlier.left);
                let reasons = admission.refusal().cloned().into_iter().chain([unwritable(Stage::Packet, &error)]);
                (None, RunEnd::early(halted_early(left.as_ref(), reasons.collect())))
            }
            Ok(folder) => {
                let mut log = RunLog::new(folder, self.gate, ports.shared().clone(), self.change(), &self.id);
                let end = self.work(admission, &mut log, ports, &context).await;
                (Some(log), end)
            }
        };
        let end = RunEnd { cost: Cost { wall_ms: milliseconds(begun), ..end.cost }, ..end };
        Ok(self.wind_down(end, log.as_mut(), ports, &context).await)
    }

    fn change(&self) -> &ChangeId {
        &self.facts.record.record.exception.change_id
    }

    /// Whether the run may work on its change. A record that is refused is refused whoever holds it.
    async fn admission<Q: Ports>(&self, ports: &Q) -> Result<Admission, InputError> {
        match (self.begin, &self.verdict) {
            (Begin::Afresh, Verdict::Halt(_)) => Ok(Admission::NotAsked),
            (Begin::Afresh, Verdict::Proceed(())) | (Begin::Resume(_) | Begin::Resolve(..), _) => {
                let row = ClaimLog::of(ports.shared(), &self.portal, self.change());
                admit(ports, self.begin, row, self.facts, self.started_at).await
            }
        }
    }

    /// From the first line of the journal to the end of the browser.
    async fn work<Q: Ports>(
        &self,
        admission: Admission,
        log: &mut RunLog<'_>,
        ports: &mut Q,
        context: &RunContext<'_>,
    ) -> RunEnd {
        let resumption = admission.resumption();
        let left = resumption.as_ref().map(|earlier| earlier.left.clone());
        let (verdict, closed) = self.verdict_for(resumption.as_ref());
        let facts = RunFacts { closed: closed.as_ref(), ..*self.facts };
        let Claimed { claim, submitted_before } =
            match self.claim(admission, resumption, verdict, log, ports, context).await {
                Ok(claimed) => claimed,
                Err(end) => return *end,
            };
        let claim = Some(claim);
        let Opened { portal, control, group } = match open(left.as_ref(), ports, context).await {
            Ok(opened) => opened,
            Err(ending) => return RunEnd { claim, ..RunEnd::early(*ending) },
        };
        let mut journal = JournalWriter { log, context };
        let ending = match journal.event(Stage::Survey, Event::BrowserStarted { group }).await {
            Err(reasons) => halted_early(left.as_ref(), reasons.iter().cloned().collect()),
            Ok(()) => {
                let mut flow = Flow::new(portal, control.clone(), context, facts, log);
                flow.submitted_before = submitted_before;
                self.drive(flow, ports, &context.interrupt).await
            }
        };
        RunEnd { ending, claim, control: Some(control), cost: ports.close() }
    }

    /// What is judged of a run that goes on from an earlier one: what that left may be looked after whatever the gates say, and
    /// they are told as closed; who may do so is another matter.
    fn verdict_for(&self, resumption: Option<&Resumption>) -> (Verdict, Option<NonEmpty<HaltReason>>) {
        match (resumption, &self.verdict) {
            (Some(_), Verdict::Halt(reasons)) => {
                let record = &self.facts.record.record;
                let parties = Parties {
                    requester: &record.exception.requester,
                    operator: self.facts.operator,
                    account: self.facts.account,
                    resumed_by: self.facts.resumed_by,
                };
                (reconcile::resuming(record, parties), Some(reasons.clone()))
            }
            (Some(_) | None, verdict) => (verdict.clone(), None),
        }
    }

    /// Writes the journal's first lines and takes the change; or ends the run here.
    async fn claim<Q: Ports>(
        &self,
        admission: Admission,
        resumption: Option<Resumption>,
        verdict: Verdict,
        log: &mut RunLog<'_>,
        ports: &Q,
        context: &RunContext<'_>,
    ) -> Result<Claimed, Box<RunEnd>> {
        let facts = self.facts;
        log.read(reading(Stage::Packet, facts, facts.record, self.gates, self.judged_at, &self.verdict, self.gate));
        if let Some(earlier) = &resumption {
            log.holder = earlier.of.clone();
        }
        let left = resumption.as_ref().map(|earlier| earlier.left.clone());
        let halted = |reasons: Vec<HaltReason>| Box::new(RunEnd::early(halted_early(left.as_ref(), reasons)));
        let mut journal = JournalWriter { log, context };
        let refused = admission.refusal().cloned();
        if let Err(reasons) = journal.event(Stage::Packet, Event::Opened(self.opening())).await {
            // What an earlier run left stays the first thing to know.
            return Err(halted(refused.into_iter().chain(reasons.iter().cloned()).collect()));
        }
        let halt = match (refused, verdict) {
            (Some(reason), _) => Some(NonEmpty::one(reason)),
            (None, Verdict::Halt(reasons)) => Some(reasons),
            (None, Verdict::Proceed(())) => None,
        };
        if let Some(reasons) = halt {
            let codes = reasons.iter().map(|reason| reason.code).collect();
            let _ = journal.event(Stage::Packet, Event::Halted { stage: Stage::Packet, codes }).await;
            return Err(halted(reasons.iter().cloned().collect()));
        }
        // A verdict to proceed, or an earlier run to look after, comes from an admission.
        let Some(admitted) = admission.into_admitted() else { return Err(halted(Vec::new())) };
        if let Some(resumption) = resumption
            && let Err(reasons) = journal.event(Stage::Packet, Event::Resumed(resumption)).await
        {
            return Err(halted(reasons.iter().cloned().collect()));
        }
        let submitted_before = admitted.submitted_before();
        let claim = match admitted.take(ports, &self.id, self.change(), &self.portal, context.clock.now()).await {
            Ok(Ok(claim)) => claim,
            // Another run was faster: what is left is its business now.
            Ok(Err(reason)) => return Err(Box::new(RunEnd::early(halted_early(None, vec![reason])))),
            Err(error) => return Err(halted(vec![unwritable(Stage::Packet, &error)])),
        };
        journal.log.holder = self.id.clone();
        for event in [Event::Claimed, Event::PacketJudged] {
            if let Err(reasons) = journal.event(Stage::Packet, event).await {
                let end = *halted(reasons.iter().cloned().collect());
                return Err(Box::new(RunEnd { claim: Some(claim), ..end }));
            }
        }
        Ok(Claimed { claim, submitted_before })
    }

    fn opening(&self) -> Opening {
        let exception = &self.facts.record.record.exception;
        Opening {
            run: self.id.clone(),
            change: exception.change_id.clone(),
            packet: self.facts.record.packet,
            window: exception.window,
            portal: self.portal.clone(),
            record: self.record.clone(),
        }
    }

    /// Goes through the stages. A commit whose answer could not be asked for is looked up once more, with another browser.
    async fn drive<Q: Ports>(&self, mut flow: Flow<'_, '_, Q::Portal>, ports: &mut Q, interrupt: &Interrupt) -> Ending {
        let mut ending = flow.drive().await;
        if let Some((released_at, reason)) = ending.unasked.take() {
            let _ = ports.close();
            ending = match ports.open().await {
                Ok(fresh) => {
                    flow.continue_with(fresh.portal, fresh.control);
                    flow.confirm_again(ending, released_at).await
                }
                Err(_) => flow.end_unasked(ending, reason).await,
            };
        }
        if self.hand_over && hands_over(ending.outcome) {
            let changed = flow.hand_over(&self.id, &ending, interrupt).await;
            if changed {
                let _ = ports.close();
                if let Ok(fresh) = ports.open().await {
                    flow.continue_with(fresh.portal, fresh.control);
                }
                ending = flow.look_after(ending).await;
            }
        }
        flow.into_portal().close().await;
        ending
    }

    /// Writes and seals the documents, then frees the change if nobody has anything left to do with it.
    async fn wind_down<Q: Ports>(
        self,
        end: RunEnd,
        log: Option<&mut RunLog<'_>>,
        ports: &Q,
        context: &RunContext<'_>,
    ) -> Masked<RunDocument> {
        let RunEnd { ending, claim, control, cost } = end;
        let closing = Closing {
            run: &self.id,
            facts: self.facts,
            versions: self.versions,
            cost,
            started_at: self.started_at,
            finished_at: context.clock.now(),
            blocked: control.as_ref().map_or(0, |control| control.interlock().refused()),
            refused: control.as_ref().map(Control::refused).unwrap_or_default(),
            sealer: self.sealer,
        };
        let outcome = ending.outcome;
        let left = log.as_ref().map_or(PortalResidue::Nothing, |log| log.left());
        let document = finish(&closing, ending, log, self.gate, ports.shared(), context.watcher).await;
        if let Some(claim) = claim
            && frees(outcome, &left)
            && let Err(error) = claim.free(context.clock.now(), submitted(outcome)).await
        {
            tracing::warn!(%error, "the claim could not be freed");
        }
        document
    }
}

/// Starts gateway, driver and browser.
async fn open<Q: Ports>(
    left: Option<&PortalResidue>,
    ports: &mut Q,
    context: &RunContext<'_>,
) -> Result<Opened<Q::Portal>, Box<Ending>> {
    context.watcher.step(Stage::Survey, "starting the browser");
    let opened = tokio::select! {
        opened = ports.open() => opened,
        () = context.interrupt.pressed() => Err("interrupted while the browser was starting".to_owned()),
    };
    opened.map_err(|what| {
        let stood_on = "starting the browser".to_owned();
        let early = halted_early(left, Vec::new());
        Box::new(Ending { outcome: Outcome::Environment, environment: Some(what), stood_on, ..early })
    })
}

fn milliseconds(since: Monotonic) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Writes events before what they announce.
struct JournalWriter<'b, 'a, 'c> {
    log: &'b mut RunLog<'a>,
    context: &'b RunContext<'c>,
}

impl JournalWriter<'_, '_, '_> {
    async fn event(&mut self, stage: Stage, event: Event) -> Result<(), NonEmpty<HaltReason>> {
        self.log.event(self.context.clock.now(), stage, &event).await?;
        self.context.watcher.noted(&event);
        Ok(())
    }
}
