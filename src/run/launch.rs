//! Joins everything for one run: judges the record, claims the change or takes it over, opens the portal, drives the flow,
//! ends what was started, writes the documents.

use std::sync::Arc;
use std::time::Instant as Monotonic;

use futures_util::future::LocalBoxFuture;

use super::books::{Books, unwritable};
use super::claim::{Admitted, Asked, ask};
use super::clock::{Clock, NeverBack};
use super::facts::{RunFacts, judge_packet, reading};
use super::finish::{Closing, finish};
use super::flow::{Ending, Flow, Watcher};
use super::interrupt::Interrupt;
use super::order::{
    Begin, InputError, Order, canaries, check_origin, local_files, permissions, public_texts, states, versions,
};
use super::ports::{Machine, Opened, Ports};
use super::private::PrivateFolder;
use crate::decide::policy::Parties;
use crate::decide::reconcile;
use crate::decide::verdict::{HaltReason, NonEmpty, Stage, Verdict};
use crate::evidence::claims::{Claim, Row};
use crate::evidence::documents::{Cost, RunDocument, Versions};
use crate::evidence::journal::{Event, Opening};
use crate::evidence::outcome::{DraftState, Outcome};
use crate::gateway::control::Control;
use crate::mask::masked::{MaskGate, Masked};
use crate::model::form::FormPlan;
use crate::model::gates::Gates;
use crate::model::ids::RunId;
use crate::model::left::Left;
use crate::model::time::Instant;
use crate::portal::Portal as _;
use crate::selectors::plan::plan;
use crate::sources::attachments::examine;
use crate::sources::{SourceError, SourceFacts, Sources};

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
    Box::pin(launched(order, sources, clock, interrupt, watcher))
}

async fn launched(
    order: &Order,
    sources: &dyn Sources,
    clock: &dyn Clock,
    interrupt: Interrupt,
    watcher: &dyn Watcher,
) -> Result<Masked<RunDocument>, InputError> {
    let started_at = clock.now();
    check_origin(&order.map, &order.base)?;
    let SourceFacts { record, gates } = tokio::select! {
        read = sources.read(None) => read?,
        () = interrupt.pressed() => {
            let what = "interrupted before they had answered".to_owned();
            return Err(SourceError::Unavailable { name: "the sources".to_owned(), what }.into());
        }
    };
    // What is judged may have come about while it was read.
    let judged_at = clock.now();
    let private = PrivateFolder::new().map_err(InputError::Folder)?;
    let found = examine(&order.record, &record, Some(&private.path().join("uploads")))?;
    let file_states = states(&found);
    let planned = plan(&order.map, &record.record);
    let permissions = permissions(&order.map);
    let empty = FormPlan::default();
    let public = public_texts(order, &record);
    let hidden = canaries(planned.as_ref().unwrap_or(&empty), &permissions, &order.credentials, &public);
    let gate = Arc::new(MaskGate::new(permissions, order.chance.key(), hidden));
    if let Some(order) = order.begin.continues()
        && gate.text(order.reason.clone()).is_err()
    {
        return Err(InputError::NotContinuable {
            run: order.run.clone(),
            why: "cannot be continued for that reason: it holds a value that may not be shown".to_owned(),
            help: "say it in other words".to_owned(),
        });
    }
    let files = planned.as_ref().map_or_else(|_| Vec::new(), |plan| local_files(plan, &found));
    let facts = RunFacts {
        record: &record,
        map: &order.map,
        plan: planned.as_ref().unwrap_or(&empty),
        portal: &order.base,
        operator: &order.operator,
        account: &order.credentials.user,
        resumed_by: order.begin.continues().map(|order| &order.by),
        policy: &order.policy,
        file_states: &file_states,
        files: &files,
        draft_only: order.draft_only,
        said: order.begin.said(),
        closed: None,
    };
    watcher.step(Stage::Packet, "judging the record");
    let verdict = judge_packet(&facts, &record, &gates, judged_at);
    // What the rules say comes first: a record without a rollback plan is judged, not called unreadable.
    if let (Verdict::Proceed(()), Err(error)) = (&verdict, planned.as_ref()) {
        return Err(error.clone().into());
    }
    let exception = &record.record.exception;
    let mut machine = Machine::new(order, &gate, &private, exception.service.id.as_str(), &exception.change_id);
    let undertaking = Undertaking {
        begin: &order.begin,
        run: order.chance.run(started_at),
        facts: &facts,
        gates: &gates,
        gate: &gate,
        record: order.record.display().to_string(),
        portal: order.portal(),
        versions: versions(order, &record),
        hand_over: order.hand_over,
        started_at,
        judged_at,
    };
    undertaking.carry_out(&mut machine, sources, clock, interrupt, watcher).await
}

/// One run, all its input read.
pub struct Undertaking<'a> {
    /// How it begins.
    pub begin: &'a Begin,
    /// Its name.
    pub run: RunId,
    /// What it works from.
    pub facts: &'a RunFacts<'a>,
    /// What gates it, as first read.
    pub gates: &'a Gates,
    /// The gate for everything that is kept.
    pub gate: &'a Arc<MaskGate>,
    /// Where the record was read.
    pub record: String,
    /// Origin of the portal.
    pub portal: String,
    /// Versions and digests of what judges.
    pub versions: Versions,
    /// Whether a run that halts leaves its live browser to a person.
    pub hand_over: bool,
    /// When it began.
    pub started_at: Instant,
    /// When everything had been read that is judged first.
    pub judged_at: Instant,
}

struct Done {
    ending: Ending,
    claim: Option<Claim>,
    control: Option<Control>,
    cost: Cost,
}

impl Done {
    fn early(ending: Ending) -> Self {
        Self { ending, claim: None, control: None, cost: Cost::default() }
    }
}

impl Undertaking<'_> {
    /// Carries it out, to the end.
    ///
    /// # Errors
    ///
    /// [`InputError`] when the earlier run cannot be continued in this way; nothing was begun.
    pub async fn carry_out<Q: Ports>(
        self,
        ports: &mut Q,
        sources: &dyn Sources,
        clock: &dyn Clock,
        interrupt: Interrupt,
        watcher: &dyn Watcher,
    ) -> Result<Masked<RunDocument>, InputError> {
        let begun = Monotonic::now();
        let change = &self.facts.record.record.exception.change_id;
        let verdict = self.judge();
        let row = Row::of(ports.shared(), &self.portal, change);
        // A record that is refused is refused whoever holds the change.
        let asked = match (self.begin, &verdict) {
            (Begin::Afresh, Verdict::Halt(_)) => None,
            (Begin::Afresh, Verdict::Proceed(())) | (Begin::Resume(_) | Begin::Resolve(..), _) => {
                Some(ask(ports, self.begin, row, self.facts, self.started_at).await?)
            }
        };
        let (admitted, refused) = match asked {
            None => (None, None),
            Some(Asked::Admitted(admitted)) => (Some(admitted), None),
            Some(Asked::Refused(reason)) => (None, Some(reason)),
        };
        let clock = NeverBack::from(clock);
        let (mut books, done) = match ports.folder(change, &self.run) {
            Err(error) => {
                let resumption = admitted.as_deref().and_then(Admitted::resumption);
                let left = resumption.as_ref().map(|earlier| &earlier.left);
                let reasons = refused.into_iter().chain([unwritable(Stage::Packet, &error)]);
                (None, Done::early(halted_early(left, reasons.collect())))
            }
            Ok(folder) => {
                let mut books = Books::new(folder, self.gate, ports.shared().clone(), change, &self.run);
                let admission = Admission { verdict, admitted, refused };
                let done = self.work(admission, &mut books, ports, sources, &clock, interrupt, watcher).await;
                (Some(books), done)
            }
        };
        let mut cost = done.cost;
        cost.wall_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let refused = done.control.as_ref().map(Control::refused).unwrap_or_default();
        let closing = Closing {
            run: &self.run,
            facts: self.facts,
            versions: self.versions,
            cost,
            started_at: self.started_at,
            finished_at: clock.now(),
            blocked: done.control.as_ref().map_or(0, |control| control.interlock().refused()),
            refused,
        };
        let outcome = done.ending.outcome;
        let left = books.as_ref().map_or(Left::Nothing, Books::left);
        let document = finish(&closing, done.ending, books.as_mut(), self.gate, ports.shared(), watcher).await;
        if let Some(claim) = done.claim
            && frees(outcome, &left)
            && let Err(error) = claim.free(clock.now(), submitted(outcome)).await
        {
            tracing::warn!(%error, "the claim could not be freed");
        }
        Ok(document)
    }

    /// The gates.
    fn judge(&self) -> Verdict {
        judge_packet(self.facts, self.facts.record, self.gates, self.judged_at)
    }

    /// Who may look after what an earlier run left: gates that have closed since do not keep anyone from finding out.
    fn judge_looking(&self) -> Verdict {
        let record = &self.facts.record.record;
        let parties = Parties {
            requester: &record.exception.requester,
            operator: self.facts.operator,
            account: self.facts.account,
            resumed_by: self.facts.resumed_by,
        };
        reconcile::resuming(record, parties)
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "each is a port of its own, handed on from the one place that joins them"
    )]
    async fn work<Q: Ports>(
        &self,
        admission: Admission,
        books: &mut Books<'_>,
        ports: &mut Q,
        sources: &dyn Sources,
        clock: &dyn Clock,
        interrupt: Interrupt,
        watcher: &dyn Watcher,
    ) -> Done {
        let facts = self.facts;
        let judged = self.judge();
        books.read(reading(Stage::Packet, facts, facts.record, self.gates, self.judged_at, &judged, self.gate));
        let exception = &facts.record.record.exception;
        let opening = Opening {
            run: self.run.clone(),
            change: exception.change_id.clone(),
            packet: facts.record.packet,
            window: exception.window,
            portal: self.portal.clone(),
            record: self.record.clone(),
        };
        let Admission { verdict, admitted, refused } = admission;
        let resumption = admitted.as_deref().and_then(Admitted::resumption);
        if let Some(earlier) = &resumption {
            books.holder = earlier.of.clone();
        }
        // An earlier run's leavings may be looked after whatever the gates say; who may do so is another matter.
        let (verdict, closed) = match (&resumption, verdict) {
            (Some(_), Verdict::Halt(reasons)) => (self.judge_looking(), Some(reasons)),
            (Some(_) | None, verdict) => (verdict, None),
        };
        let facts = RunFacts { closed: closed.as_ref(), ..*facts };
        let left = resumption.as_ref().map(|earlier| earlier.left.clone());
        let halted = |reasons: Vec<HaltReason>| Done::early(halted_early(left.as_ref(), reasons));
        let mut note = Noting { books, clock, watcher };
        if let Err(reasons) = note.event(Stage::Packet, Event::Opened(opening)).await {
            // What an earlier run left stays the first thing to know.
            return halted(refused.into_iter().chain(reasons.iter().cloned()).collect());
        }
        let halt = match (refused, verdict) {
            (Some(reason), _) => Some(NonEmpty::one(reason)),
            (None, Verdict::Halt(reasons)) => Some(reasons),
            (None, Verdict::Proceed(())) => None,
        };
        if let Some(reasons) = halt {
            let codes = reasons.iter().map(|reason| reason.code).collect();
            let _ = note.event(Stage::Packet, Event::Halted { stage: Stage::Packet, codes }).await;
            return halted(reasons.iter().cloned().collect());
        }
        // A verdict to proceed, or an earlier run to look after, comes from an admission.
        let Some(admitted) = admitted else { return halted(Vec::new()) };
        if let Some(resumption) = resumption
            && let Err(reasons) = note.event(Stage::Packet, Event::Resumed(resumption)).await
        {
            return halted(reasons.iter().cloned().collect());
        }
        let submitted_before = admitted.submitted_before();
        let claim = match admitted.take(ports, &self.run, &exception.change_id, &self.portal, clock.now()).await {
            Ok(Ok(claim)) => {
                note.books.holder = self.run.clone();
                claim
            }
            // Another run was faster: what is left is its business now.
            Ok(Err(reason)) => return Done::early(halted_early(None, vec![reason])),
            Err(error) => return halted(vec![unwritable(Stage::Packet, &error)]),
        };
        for event in [Event::Claimed, Event::PacketJudged] {
            if let Err(reasons) = note.event(Stage::Packet, event).await {
                return Done { claim: Some(claim), ..halted(reasons.iter().cloned().collect()) };
            }
        }
        watcher.step(Stage::Survey, "starting the browser");
        let opened = tokio::select! {
            opened = ports.open() => opened,
            () = interrupt.pressed() => Err("interrupted while the browser was starting".to_owned()),
        };
        let Opened { portal, control, group } = match opened {
            Ok(opened) => opened,
            Err(what) => {
                let left = halted_early(left.as_ref(), Vec::new());
                let stood_on = "starting the browser".to_owned();
                let ending = Ending { outcome: Outcome::Environment, environment: Some(what), stood_on, ..left };
                return Done { claim: Some(claim), ..Done::early(ending) };
            }
        };
        let ending = match note.event(Stage::Survey, Event::BrowserStarted { group }).await {
            Err(reasons) => halted_early(left.as_ref(), reasons.iter().cloned().collect()),
            Ok(()) => {
                let control = control.clone();
                let waits = interrupt.clone();
                let mut flow = Flow::new(portal, control, sources, clock, facts, books, interrupt, watcher);
                flow.submitted_before = submitted_before;
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
                    ending = flow.hand_over(&self.run, ending, &waits).await;
                }
                flow.into_portal().close().await;
                ending
            }
        };
        let cost = ports.close();
        Done { ending, claim: Some(claim), control: Some(control), cost }
    }
}

struct Admission {
    verdict: Verdict,
    admitted: Option<Box<Admitted>>,
    refused: Option<HaltReason>,
}

struct Noting<'b, 'a> {
    books: &'b mut Books<'a>,
    clock: &'b dyn Clock,
    watcher: &'b dyn Watcher,
}

impl Noting<'_, '_> {
    async fn event(&mut self, stage: Stage, event: Event) -> Result<(), NonEmpty<HaltReason>> {
        self.books.event(self.clock.now(), stage, &event).await?;
        self.watcher.noted(&event);
        Ok(())
    }
}

/// A run that halted before it touched the portal leaves what an earlier one had left.
fn halted_early(left: Option<&Left>, halt: Vec<HaltReason>) -> Ending {
    let ending = Ending::early(Outcome::HaltedAbandoned, halt, None, "packet: before the browser");
    match left {
        None | Some(Left::Nothing | Left::Submission { .. }) => ending,
        Some(Left::PerhapsADraft { .. }) => {
            Ending { outcome: Outcome::HaltedDraft, draft_state: Some(DraftState::Unread), ..ending }
        }
        Some(Left::Draft { draft }) => Ending {
            outcome: Outcome::HaltedDraft,
            draft: Some(draft.clone()),
            draft_state: Some(DraftState::Unread),
            ..ending
        },
        Some(Left::PerhapsASubmission { draft, .. }) => {
            Ending { outcome: Outcome::InDoubt, draft: Some(draft.clone()), ..ending }
        }
    }
}

/// The claim is kept while a person or a later run still has to do something with this change.
fn frees(outcome: Outcome, left: &Left) -> bool {
    match outcome {
        Outcome::Submitted | Outcome::AlreadySubmitted | Outcome::HaltedAbandoned => true,
        Outcome::Environment => left.is_settled(),
        Outcome::DraftSaved | Outcome::HaltedDraft | Outcome::InDoubt => false,
    }
}

/// Whether the change stands submitted at the portal.
fn submitted(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Submitted | Outcome::AlreadySubmitted => true,
        Outcome::DraftSaved
        | Outcome::HaltedDraft
        | Outcome::HaltedAbandoned
        | Outcome::InDoubt
        | Outcome::Environment => false,
    }
}

/// Whether the live browser is of use to a person.
fn hands_over(outcome: Outcome) -> bool {
    match outcome {
        Outcome::HaltedDraft | Outcome::HaltedAbandoned | Outcome::InDoubt => true,
        Outcome::Submitted | Outcome::AlreadySubmitted | Outcome::DraftSaved | Outcome::Environment => false,
    }
}
