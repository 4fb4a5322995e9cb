//! A run under way: its order of stages, what it works from, and the look at the gateway after every verb.

use std::time::Duration;

use super::books::Books;
use super::interrupt::Interrupt;
use crate::decide::policy::ApprovalPolicy;
use crate::decide::reconcile::{self, PacketFacts};
use crate::decide::rules::record::FileState;
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, NonEmpty, Stage, Verdict};
use crate::evidence::documents::{ApprovalReading, DraftState, Outcome};
use crate::evidence::journal::{Event, Progress};
use crate::gateway::control::Control;
use crate::mask::picture::MaskedPicture;
use crate::model::calendar::FreezeCalendar;
use crate::model::form::FormPlan;
use crate::model::ids::{DraftReference, PersonId};
use crate::model::portal_facts::{ListedException, Refusal};
use crate::model::private::{Exposure, Fact, Private};
use crate::model::time::Instant;
use crate::portal::{LocalFile, Portal, PortalError, Scene};
use crate::selectors::read::SelectorMap;
use crate::sources::Sources;
use crate::sources::record_file::ReadRecord;

/// Reads the time.
pub trait Clock {
    /// Now.
    fn now(&self) -> Instant;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::from(jiff::Timestamp::now())
    }
}

/// What a run works from; none of it changes while it goes on.
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
    /// The organisation's demands.
    pub policy: &'a ApprovalPolicy,
    /// Attachments as digested.
    pub file_states: &'a [FileState],
    /// Their private copies.
    pub files: &'a [LocalFile],
    /// Whether to stop at a verified draft.
    pub draft_only: bool,
}

/// Judges everything that needs no browser, at `packet` or, the commit request held, at `recheck`.
pub fn judge_packet(
    stage: Stage,
    facts: &RunFacts<'_>,
    record: &ReadRecord,
    calendar: &FreezeCalendar,
    now: Instant,
) -> Verdict {
    let packet = PacketFacts {
        record: &record.record,
        packet: record.packet,
        files: facts.file_states,
        operator: facts.operator,
        account: facts.account,
        portal: facts.portal,
        calendar,
        policy: facts.policy,
        now,
    };
    reconcile::packet(stage, &packet)
}

/// Manifest and approvals of `record`, as read at `at`.
pub fn reading(stage: Stage, record: &ReadRecord, at: Instant) -> ApprovalReading {
    ApprovalReading {
        at,
        stage,
        packet: record.packet,
        manifest: record.record.manifest.clone(),
        approvals: record.record.approvals.clone(),
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ending {
    /// The outcome.
    pub outcome: Outcome,
    /// Why it halted.
    pub halt: Vec<HaltReason>,
    /// What did not answer, for outcome `environment`.
    pub environment: Option<String>,
    /// The draft.
    pub draft: Option<DraftReference>,
    /// How far it is known.
    pub draft_state: Option<DraftState>,
    /// Number of the submitted exception.
    pub number: Option<Fact>,
    /// Account at the portal.
    pub account: Option<Private<String>>,
    /// Where the run stood when it ended.
    pub stood_on: String,
    /// Commit requests let go.
    pub released: u64,
    /// From the last answer of a source to the first forwarded byte, in milliseconds.
    pub recheck_to_commit_ms: Option<f64>,
}

/// Why the stages ended before the commit.
pub(super) enum Stop {
    Halt(NonEmpty<HaltReason>),
    Environment(String),
    AlreadySubmitted(ListedException),
}

impl From<NonEmpty<HaltReason>> for Stop {
    fn from(reasons: NonEmpty<HaltReason>) -> Self {
        Self::Halt(reasons)
    }
}

/// Progress for a person to watch: stage and place.
pub trait Watcher {
    /// A step begins.
    fn step(&self, stage: Stage, place: &str);
}

/// A run under way.
pub struct Flow<'a, 'b, P, S, C, W> {
    pub(super) portal: P,
    pub(super) gateway: Control,
    pub(super) sources: &'a S,
    pub(super) clock: &'a C,
    pub(super) facts: &'a RunFacts<'a>,
    pub(super) books: &'a mut Books<'b>,
    pub(super) interrupt: Interrupt,
    pub(super) watcher: &'a W,
    pub(super) draft: Option<DraftReference>,
    pub(super) draft_state: Option<DraftState>,
    pub(super) account: Option<Private<String>>,
    pub(super) stood_on: String,
    pub(super) released: u64,
    pub(super) recheck_to_commit_ms: Option<f64>,
}

/// Carries out a verb unless the run is interrupted, then looks at the gateway before anything else is believed.
macro_rules! verb {
    ($flow:ident, $stage:expr, $call:expr) => {{
        let interrupt = $flow.interrupt.clone();
        let result = tokio::select! {
            biased;
            () = interrupt.pressed() => None,
            result = $call => Some(result),
        };
        $flow.after($stage, result)
    }};
}
pub(super) use verb;

impl<'a, 'b, P: Portal, S: Sources, C: Clock, W: Watcher> Flow<'a, 'b, P, S, C, W> {
    /// A run over an open portal.
    #[allow(clippy::too_many_arguments, reason = "each is a port of its own, named at the one place that joins them")]
    pub fn new(
        portal: P,
        gateway: Control,
        sources: &'a S,
        clock: &'a C,
        facts: &'a RunFacts<'a>,
        books: &'a mut Books<'b>,
        interrupt: Interrupt,
        watcher: &'a W,
    ) -> Self {
        Self {
            portal,
            gateway,
            sources,
            clock,
            facts,
            books,
            interrupt,
            watcher,
            draft: None,
            draft_state: None,
            account: None,
            stood_on: "start".to_owned(),
            released: 0,
            recheck_to_commit_ms: None,
        }
    }

    /// Runs to the end, whatever the end is. The portal's session is closed.
    pub async fn drive(mut self) -> Ending {
        let ending = match self.stages().await {
            Ok(ending) => ending,
            Err(stop) => self.settle(stop).await,
        };
        self.portal.close().await;
        ending
    }

    async fn stages(&mut self) -> Result<Ending, Stop> {
        self.survey().await?;
        self.fill().await?;
        self.attach().await?;
        let draft = self.save_and_verify().await?;
        self.review(&draft).await?;
        if self.facts.draft_only {
            return Ok(self.ending(Outcome::DraftSaved, Vec::new()));
        }
        self.commit(&draft).await
    }

    pub(super) fn ending(&self, outcome: Outcome, halt: Vec<HaltReason>) -> Ending {
        Ending {
            outcome,
            halt,
            environment: None,
            draft: self.draft.clone(),
            draft_state: self.draft_state,
            number: None,
            account: self.account.clone(),
            stood_on: self.stood_on.clone(),
            released: self.released,
            recheck_to_commit_ms: self.recheck_to_commit_ms,
        }
    }

    pub(super) fn note(&mut self, stage: Stage, event: &Event) -> Result<(), Stop> {
        Ok(self.books.event(self.clock.now(), stage, event)?)
    }

    pub(super) fn stand(&mut self, stage: Stage, place: &str) {
        self.stood_on = format!("{stage}: {place}");
        self.watcher.step(stage, place);
    }

    /// What the gateway saw that forbids going on.
    pub(super) fn alarms(&self, stage: Stage) -> Vec<HaltReason> {
        let reason = |code, subject: &str, expected: &str, observed: String| HaltReason {
            code,
            stage,
            subject: subject.to_owned(),
            expected: Fact::public(expected),
            observed: Fact::public(observed),
            source: FactSource::Gateway,
        };
        let mut found = Vec::new();
        let strays = self.gateway.interlock().strays();
        if strays > 0 {
            let observed = format!("{strays} before the release, all refused");
            found.push(reason(
                HaltCode::UnexpectedCommitAttempt,
                "commit",
                "no commit that the agent did not cause",
                observed,
            ));
        }
        for (refused, count) in self.gateway.refused() {
            if matches!(refused.why, Refusal::Undeclared | Refusal::MethodOverride) {
                let observed = format!(
                    "{count} × {} {}, refused; if the portal needs it, add to the map: \
                     [[request]] id = \"…\" method = \"{}\" path = \"{}\"",
                    refused.method, refused.origin, refused.method, refused.path
                );
                found.push(reason(HaltCode::UndeclaredRequest, "request", "requests that the map declares", observed));
            }
        }
        found
    }

    pub(super) fn after<T>(&self, stage: Stage, result: Option<Result<T, PortalError>>) -> Result<T, Stop> {
        let alarms = self.alarms(stage);
        if let Some(reasons) = NonEmpty::from_vec(alarms) {
            return Err(Stop::Halt(reasons));
        }
        match result {
            None => Err(Stop::Halt(NonEmpty::one(HaltReason {
                code: HaltCode::Interrupted,
                stage,
                subject: "run".to_owned(),
                expected: Fact::public("an undisturbed run"),
                observed: Fact::public("a signal asked the agent to stop"),
                source: FactSource::Agent,
            }))),
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(self.stop_of(stage, error)),
        }
    }

    /// Before the first keystroke what does not answer is the environment; afterwards it is a halt.
    fn stop_of(&self, stage: Stage, error: PortalError) -> Stop {
        let before_entry = self.books.progress() <= Progress::Preparing;
        let silent = matches!(
            error,
            PortalError::Timeout(_) | PortalError::Server | PortalError::Browser(_) | PortalError::SignInRefused
        );
        if before_entry && silent {
            return Stop::Environment(error.to_string());
        }
        Stop::Halt(NonEmpty::one(reason_of(stage, error)))
    }

    pub(super) async fn keep_picture(&mut self, stage: Stage, name: &str, scene: Scene<'_>) -> Result<(), Stop> {
        let picture: MaskedPicture = verb!(self, stage, self.portal.picture(scene))?;
        Ok(self.books.picture(stage, name, &picture)?)
    }

    pub(super) fn limit(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
}

/// The halt reason that a failed verb stands for.
pub(super) fn reason_of(stage: Stage, error: PortalError) -> HaltReason {
    let told = error.to_string();
    let (code, observed) = match error {
        PortalError::Timeout(_) => (HaltCode::PortalTimeout, Fact::public(told)),
        PortalError::SessionLost | PortalError::SignInRefused => (HaltCode::SessionLost, Fact::public(told)),
        PortalError::Dialog(text) => (HaltCode::UnexpectedDialog, Fact::new(text.expose().clone(), Exposure::Message)),
        PortalError::Missing(_) => (HaltCode::ControlMissing, Fact::public(told)),
        PortalError::Ambiguous(..) => (HaltCode::ControlAmbiguous, Fact::public(told)),
        PortalError::Server | PortalError::UnreadableList(_) | PortalError::Browser(_) => {
            (HaltCode::PortalError, Fact::public(told))
        }
        PortalError::Unmaskable(_) => (HaltCode::CaptureUnmaskable, Fact::public(told)),
    };
    HaltReason {
        code,
        stage,
        subject: "portal".to_owned(),
        expected: Fact::public("a portal that works as the map says"),
        observed,
        source: FactSource::Portal,
    }
}
