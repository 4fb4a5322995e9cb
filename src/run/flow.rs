//! A run under way: its order of stages, what it works from, and the look at the gateway after every verb.

use std::time::Duration;

use super::alarms::alarms;
use super::clock::Clock;
use super::context::RunContext;
use super::ending::Ending;
use super::facts::RunFacts;
use super::interrupt::Interrupt;
use super::run_log::RunLog;
use super::watch::{WatchEvent, Watcher};
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, NonEmpty, Stage, Verdict};
use crate::evidence::journal::{Event, Progress};
use crate::evidence::observations::{JudgedObservation, Observation, PageObservation};
use crate::evidence::outcome::Outcome;
use crate::gateway::control::Control;
use crate::mask::picture::MaskedPicture;
use crate::model::form::PlannedField;
use crate::model::ids::{DraftReference, TabId};
use crate::model::observed::{ObservedPage, ObservedTab};
use crate::model::portal_facts::ListedException;
use crate::model::private::{Exposure, Fact};
use crate::model::time::Instant;
use crate::portal::{Portal, PortalError, Scene};
use crate::sources::Sources;

/// Why the stages ended before the commit.
pub(super) enum StopReason {
    Halt(NonEmpty<HaltReason>),
    Environment(String),
    AlreadySubmitted(ListedException),
    /// The draft of the earlier run is gone, and nothing else is left.
    Gone(NonEmpty<HaltReason>),
}

impl From<NonEmpty<HaltReason>> for StopReason {
    fn from(reasons: NonEmpty<HaltReason>) -> Self {
        Self::Halt(reasons)
    }
}

/// How a run begins, once it knows what stands at the portal.
pub(super) enum StartPoint {
    /// From an empty form.
    Afresh,
    /// From a draft of an earlier run.
    From(DraftReference),
    /// An earlier run may have committed this draft: look it up, enter nothing.
    Doubt { draft: DraftReference, since: Instant },
}

/// A run under way.
pub(crate) struct Flow<'a, 'b, P> {
    pub(super) portal: P,
    pub(super) gateway: Control,
    pub(super) sources: &'a dyn Sources,
    pub(super) clock: &'a dyn Clock,
    pub(super) facts: RunFacts<'a>,
    pub(super) log: &'a mut RunLog<'b>,
    pub(super) interrupt: Interrupt,
    pub(super) watcher: &'a dyn Watcher,
    pub(super) ending: Ending,
    /// The empty form, tab by tab, as the survey saw it.
    pub(super) empty: Vec<ObservedTab>,
    /// Whether an earlier run submitted the change: the portal's list may still lag behind that.
    pub(super) submitted_before: bool,
    /// Whether a save was sent that nobody answered.
    pub(super) unanswered: bool,
    /// How many changes the portal had taken when the first tab was begun, and uploads and sign-ins since.
    pub(super) accepted_before: u64,
    /// How many changes had passed to the portal when the draft was read for the last time, and sign-ins since.
    pub(super) changes_reviewed: u64,
    /// The tab whose values are being entered.
    pub(super) entering: Option<TabId>,
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

/// A verb that only reads. If the session is lost, the agent signs in again and reads once more: nothing can be doubled by that.
macro_rules! rereading {
    ($flow:ident, $stage:expr, $call:expr) => {{
        match verb!($flow, $stage, $call) {
            Err(stop) if $flow.is_signed_out(&stop) => {
                $flow.sign_in_again($stage).await?;
                verb!($flow, $stage, $call)
            }
            other => other,
        }
    }};
}
pub(super) use rereading;

impl<'a, 'b, P: Portal> Flow<'a, 'b, P> {
    /// A run over an open portal.
    pub fn new(
        portal: P,
        gateway: Control,
        context: &RunContext<'a>,
        facts: RunFacts<'a>,
        log: &'a mut RunLog<'b>,
    ) -> Self {
        let RunContext { sources, clock, interrupt, watcher } = context.clone();
        // What is asked for at the end; every stage writes down what it learns.
        let ending = Ending::early(Outcome::HaltedAbandoned, Vec::new(), None, "start");
        Self {
            portal,
            gateway,
            sources,
            clock,
            facts,
            log,
            interrupt,
            watcher,
            ending,
            empty: Vec::new(),
            submitted_before: false,
            unanswered: false,
            accepted_before: 0,
            changes_reviewed: 0,
            entering: None,
        }
    }

    /// Runs to the end, whatever the end is. The portal stays open.
    pub(crate) async fn drive(&mut self) -> Ending {
        match self.stages().await {
            Ok(ending) => ending,
            Err(stop) => self.settle(stop).await,
        }
    }

    /// Goes on with another browser and its gateway, whose interlock is locked.
    pub(crate) fn continue_with(&mut self, portal: P, gateway: Control) {
        self.portal = portal;
        self.gateway = gateway;
    }

    /// The portal, for whoever takes it from here.
    pub(crate) fn into_portal(self) -> P {
        self.portal
    }

    async fn stages(&mut self) -> Result<Ending, StopReason> {
        let draft = match self.survey().await? {
            StartPoint::Afresh => self.enter().await?,
            StartPoint::From(draft) => self.go_on(draft).await?,
            StartPoint::Doubt { draft, since } => return Ok(self.end_doubt(&draft, since).await),
        };
        self.review(&draft).await?;
        if self.facts.draft_only {
            return Ok(self.end(Outcome::DraftSaved, Vec::new()));
        }
        self.commit(&draft).await
    }

    /// The ending as far as it is known, with this outcome.
    pub(super) fn end(&mut self, outcome: Outcome, halt: Vec<HaltReason>) -> Ending {
        let stood_on = self.ending.stood_on.clone();
        let ending = std::mem::replace(&mut self.ending, Ending::early(outcome, Vec::new(), None, &stood_on));
        Ending { outcome, halt, ..ending }
    }

    pub(super) async fn note(&mut self, stage: Stage, event: &Event) -> Result<(), StopReason> {
        self.log.event(self.clock.now(), stage, event).await?;
        tracing::info_span!("stage", %stage).in_scope(|| tracing::debug!(event = event.name(), "noted"));
        self.watcher.noted(event);
        Ok(())
    }

    /// Notes what was seen, and what was decided about it.
    pub(super) fn observe(
        &mut self,
        stage: Stage,
        place: &str,
        look: Observation<'_>,
        verdict: &Verdict,
    ) -> Result<(), StopReason> {
        self.watcher.on_observation(WatchEvent::Observation(&look));
        let rules = &self.facts.map.banners;
        let seen = JudgedObservation { at: self.clock.now(), stage, place, look, rules, verdict };
        Ok(self.log.observe(&seen)?)
    }

    /// A page that states the whole exception.
    pub(super) fn summary_of<'p>(&self, lines: &'p [PlannedField], page: &'p ObservedPage) -> Observation<'p>
    where
        'a: 'p,
    {
        Observation::Summary(PageObservation { lines, files: self.facts.plan.files().collect(), page })
    }

    pub(super) fn stand(&mut self, stage: Stage, place: &str) {
        self.ending.stood_on = format!("{stage}: {place}");
        tracing::info_span!("stage", %stage).in_scope(|| tracing::info!(place, "step"));
        self.watcher.step(stage, place);
    }

    pub(super) fn after<T>(&self, stage: Stage, result: Option<Result<T, PortalError>>) -> Result<T, StopReason> {
        let alarms = alarms(&self.gateway, stage);
        if let Some(reasons) = NonEmpty::from_vec(alarms) {
            return Err(StopReason::Halt(reasons));
        }
        match result {
            None => Err(StopReason::Halt(NonEmpty::one(HaltReason {
                code: HaltCode::Interrupted,
                stage,
                subject: "run".to_owned(),
                expected: Fact::public("a run that nobody stops"),
                observed: Fact::public("stopped by Ctrl-C or another signal"),
                source: FactSource::Agent,
            }))),
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(self.stop_of(stage, error)),
        }
    }

    /// Before the first keystroke what does not answer is the environment; afterwards it is a halt.
    fn stop_of(&self, stage: Stage, error: PortalError) -> StopReason {
        let before_entry = match self.log.progress() {
            Progress::Empty | Progress::Preparing | Progress::Doubting | Progress::Reopened => true,
            Progress::Entering
            | Progress::Saving
            | Progress::Drafted
            | Progress::Held
            | Progress::Released
            | Progress::Answered
            | Progress::Ended => false,
        };
        let silent = matches!(
            error,
            PortalError::Timeout(_) | PortalError::Server | PortalError::Browser(_) | PortalError::SignInRefused
        );
        if before_entry && silent {
            return StopReason::Environment(error.to_string());
        }
        StopReason::Halt(NonEmpty::one(reason_of(stage, error)))
    }

    /// Whether the portal has taken a change, other than a file or a sign-in, since the first tab was begun.
    pub(super) fn took_something(&self) -> bool {
        self.gateway.accepted() > self.accepted_before
    }

    pub(super) fn is_signed_out(&self, stop: &StopReason) -> bool {
        signed_out_at(stop).is_some()
    }

    pub(super) async fn sign_in_again(&mut self, stage: Stage) -> Result<(), StopReason> {
        let (accepted, changes) = (self.gateway.accepted(), self.gateway.changes());
        verb!(self, stage, self.portal.sign_in())?;
        self.accepted_before += self.gateway.accepted() - accepted;
        self.changes_reviewed += self.gateway.changes() - changes;
        self.note(stage, &Event::SignedIn).await
    }

    /// Keeps a picture; `shows_why` tells whether it is one of what the run halts for.
    pub(super) async fn keep_picture(
        &mut self,
        stage: Stage,
        name: &str,
        scene: Scene<'_>,
        shows_why: bool,
    ) -> Result<(), StopReason> {
        let caption = caption(stage, name, scene, self.clock.now());
        let picture: MaskedPicture = verb!(self, stage, self.portal.picture(scene, &caption))?;
        let path = self.log.picture(stage, name, &picture)?;
        self.ending.pictures.extend(shows_why.then_some(path));
        Ok(())
    }

    /// Keeps a picture, if there can be one: the run has come to its end without it. Tells its path below the evidence folder.
    pub(super) async fn try_picture(&mut self, stage: Stage, name: &str, scene: Scene<'_>) -> Option<String> {
        let caption = caption(stage, name, scene, self.clock.now());
        let picture = self.portal.picture(scene, &caption).await.ok()?;
        self.log.picture(stage, name, &picture).ok()
    }

    pub(super) fn limit(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
}

/// The stage at which the session ended, if that is all that is wrong.
pub(super) fn signed_out_at(stop: &StopReason) -> Option<Stage> {
    match stop {
        StopReason::Halt(reasons) if reasons.iter().all(|reason| reason.code == HaltCode::SessionLost) => {
            Some(reasons.first().stage)
        }
        StopReason::Halt(_) | StopReason::Environment(_) | StopReason::AlreadySubmitted(_) | StopReason::Gone(_) => {
            None
        }
    }
}

/// The halt reason that a failed verb stands for.
pub(super) fn reason_of(stage: Stage, error: PortalError) -> HaltReason {
    let told = error.to_string();
    let expected = match &error {
        PortalError::Timeout(_) => "an answer within the map's limit",
        PortalError::SessionLost | PortalError::SignInRefused => "a session that is signed in",
        PortalError::Dialog(_) => "no dialog but those that the map declares",
        PortalError::Unseen(_) => "no controls or alerts but where the map looks",
        PortalError::Missing(_) | PortalError::Ambiguous(..) => "one control where the map says",
        PortalError::NotOffered(_) => "one option of this value",
        PortalError::Server | PortalError::UnreadableList(_) | PortalError::Browser(_) => {
            "a working portal and browser"
        }
        PortalError::Unmaskable(_) => "a page that stands still for its picture",
    };
    let (code, observed) = match error {
        PortalError::Timeout(_) => (HaltCode::PortalTimeout, Fact::public(told)),
        PortalError::SessionLost | PortalError::SignInRefused => (HaltCode::SessionLost, Fact::public(told)),
        PortalError::Dialog(text) => (HaltCode::UnexpectedDialog, Fact::new(text.expose().clone(), Exposure::Message)),
        PortalError::Unseen(_) => (HaltCode::UnseenRegion, Fact::public(told)),
        PortalError::Missing(_) => (HaltCode::ControlMissing, Fact::public(told)),
        PortalError::NotOffered(_) => (HaltCode::OptionMissing, Fact::public(told)),
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
        expected: Fact::public(expected),
        observed,
        source: FactSource::Portal,
    }
}

/// What stands above a picture: the stage, what is shown, and when, in UTC.
fn caption(stage: Stage, name: &str, scene: Scene<'_>, at: Instant) -> String {
    let shown = match scene {
        Scene::Tab(tab) => format!("tab {}", tab.id),
        Scene::Lines(..) | Scene::Page => name.to_owned(),
    };
    let at = at.timestamp().strftime("%Y-%m-%d %H:%M:%S");
    if shown == stage.to_string() { format!("{stage}, {at} UTC") } else { format!("{stage}: {shown}, {at} UTC") }
}
