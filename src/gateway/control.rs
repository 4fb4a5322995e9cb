//! The agent's hand on the gateway: what passed, what was refused, what is held, and the one release.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Clock};

use tokio::sync::{oneshot, watch};

use super::interlock::{Admission, AttemptId, Interlock, Phase, ReleaseRefused, ReleaseToken};
use crate::model::portal_facts::{CommitContent, Refused};
use crate::model::server_clock::ServerClock;
use crate::model::time::Instant;

/// What became of the released request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// The portal answered.
    Status {
        /// HTTP status.
        status: u16,
        /// Whether it led on to the page for signing in.
        sign_in: bool,
    },
    /// The connection failed before anything was sent: nothing was committed.
    NotSent,
    /// It was sent, and no answer came.
    NoAnswer,
}

/// The release as it happened.
#[derive(Debug)]
pub struct Release {
    /// When the first byte was forwarded; none when no connection could be made.
    pub sent_at: Option<Clock>,
    /// The portal's answer.
    pub answered: Answered,
    /// Keeps the answer from the browser.
    pub kept: AnswerKept,
}

/// While this lives, the browser waits for the portal's answer: the agent first writes down that it came. Dropping it passes
/// the answer on, so nobody can forget to.
#[derive(Debug, Default)]
pub struct AnswerKept {
    _until_dropped: Option<oneshot::Sender<()>>,
}

impl AnswerKept {
    /// The answer's keeper, and what ends when it is dropped.
    pub(super) fn new() -> (Self, oneshot::Receiver<()>) {
        let (keep, passed_on) = oneshot::channel();
        (Self { _until_dropped: Some(keep) }, passed_on)
    }
}

/// What the waiting request is told.
pub(crate) enum Decision {
    Forward(oneshot::Sender<Release>, Duration),
    Refuse,
}

struct Waiting {
    attempt: AttemptId,
    content: CommitContent,
    decide: oneshot::Sender<Decision>,
}

/// Different refused requests that are told one by one.
const DIFFERENT: usize = 100;

/// Probes that are remembered: the agent waits for its latest.
const PROBES: usize = 16;

/// How long a reading may take before it counts as one that a portal leaves open.
const OPEN_POLL: Duration = Duration::from_secs(8);

struct OnItsWay {
    reads: bool,
    since: Clock,
}

#[derive(Default)]
struct State {
    interlock: Interlock,
    waiting: Option<Waiting>,
    refused: BTreeMap<Refused, u64>,
    passed: u64,
    changes: u64,
    accepted: u64,
    sign_outs: u64,
    reads_only: bool,
    in_flight: BTreeMap<u64, OnItsWay>,
    probes: VecDeque<String>,
    server_errors: usize,
    portal_clock: Option<ServerClock>,
}

/// Shared between the proxy's tasks and the agent.
#[derive(Clone)]
pub struct Control {
    state: Arc<Mutex<State>>,
    activity: watch::Sender<u64>,
}

impl Default for Control {
    fn default() -> Self {
        Self { state: Arc::default(), activity: watch::Sender::new(0) }
    }
}

/// A held commit request as the agent sees it.
#[derive(Debug, Clone)]
pub struct Held {
    /// Which attempt.
    pub attempt: AttemptId,
    /// What it carries.
    pub content: CommitContent,
}

impl Control {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not unlock anything: the state is valid after every single assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.state());
        self.activity.send_modify(|count| *count = count.wrapping_add(1));
        result
    }

    /// Changes whenever anything happens at the gateway.
    pub fn activity(&self) -> watch::Receiver<u64> {
        self.activity.subscribe()
    }

    /// Requests that are on their way and worth waiting for: not the held one, and no reading that has taken so long that
    /// it must be one of those which a portal leaves open until it has news.
    pub(crate) fn in_flight(&self) -> usize {
        let waits = |one: &&OnItsWay| !one.reads || one.since.elapsed() < OPEN_POLL;
        self.state().in_flight.values().filter(waits).count()
    }

    /// Requests on their way that may change something.
    pub(crate) fn changes_in_flight(&self) -> usize {
        self.state().in_flight.values().filter(|one| !one.reads).count()
    }

    /// Requests that passed.
    pub fn passed(&self) -> u64 {
        self.state().passed
    }

    /// Requests that passed and may have changed something.
    pub fn changes(&self) -> u64 {
        self.state().changes
    }

    /// Changes that the portal took: it answered with success, or led on to another page than the one for signing in.
    pub fn accepted(&self) -> u64 {
        self.state().accepted
    }

    /// Refused requests with how often each.
    pub fn refused(&self) -> Vec<(Refused, u64)> {
        self.state().refused.iter().map(|(refused, count)| (refused.clone(), *count)).collect()
    }

    /// The interlock as it stands.
    pub fn interlock(&self) -> Interlock {
        self.state().interlock.clone()
    }

    /// Whether a probe with this nonce came through.
    pub(crate) fn saw_probe(&self, nonce: &str) -> bool {
        self.state().probes.iter().any(|seen| seen == nonce)
    }

    /// Waits for a probe with this nonce, at most `within`; whether it came.
    pub(crate) async fn await_probe(&self, nonce: &str, within: Duration) -> bool {
        let mut activity = self.activity();
        let seen = async {
            while !self.saw_probe(nonce) {
                if activity.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(within, seen).await.is_ok() && self.saw_probe(nonce)
    }

    /// Server errors (status 500 and above) that the portal gave.
    pub(crate) fn server_errors(&self) -> usize {
        self.state().server_errors
    }

    /// What the portal's own clock shows now, at least, by its dated answers; nothing where it dates none.
    pub fn portal_time(&self) -> Option<Instant> {
        Some(Instant::from(self.state().portal_clock?.at(Clock::now())))
    }

    /// An answer of the portal was dated.
    pub(super) fn dated(&self, read: ServerClock) {
        self.change(|state| state.portal_clock = Some(state.portal_clock.map_or(read, |known| known.ahead(read))));
    }

    /// Announces that the next commit request is the agent's own.
    pub fn expect_commit(&self) -> bool {
        self.change(|state| state.interlock.expect())
    }

    /// From now on lets nothing pass that may change something, declared or not.
    pub(crate) fn read_only(&self) {
        self.change(|state| state.reads_only = true);
    }

    /// Whether only readings pass.
    pub(super) fn is_read_only(&self) -> bool {
        self.state().reads_only
    }

    /// Refuses the held request, if any, and every further one until the next announcement.
    pub fn lock(&self) {
        let waiting = self.change(|state| {
            state.interlock.lock();
            state.waiting.take()
        });
        if let Some(waiting) = waiting {
            // The page may have gone already; then nobody waits for the refusal.
            let _ = waiting.decide.send(Decision::Refuse);
        }
    }

    /// The held request, as soon as there is one, or none when `within` has passed or something else tried to commit.
    pub async fn held(&self, within: Duration) -> Option<Held> {
        let mut activity = self.activity();
        let found = async {
            loop {
                if let Some(held) = self.held_now() {
                    return Some(held);
                }
                if self.interlock().strays() > 0 || activity.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::time::timeout(within, found).await.unwrap_or(None)
    }

    /// The held request, if the browser still waits for it.
    pub fn held_now(&self) -> Option<Held> {
        let state = self.state();
        let waiting = state.waiting.as_ref()?;
        let Phase::Held { attempt, .. } = state.interlock.phase() else { return None };
        (attempt == waiting.attempt).then(|| Held { attempt, content: waiting.content.clone() })
    }

    /// Lets the held request go, once, and waits for the portal's answer, at most `within`. The browser gets the answer when
    /// the caller drops [`Release::kept`].
    ///
    /// # Errors
    ///
    /// [`ReleaseRefused`]: nothing was sent.
    pub async fn release(
        &self,
        token: ReleaseToken,
        now: Instant,
        within: Duration,
    ) -> Result<Release, ReleaseRefused> {
        let (tell, told) = oneshot::channel();
        let taken = self.change(|state| {
            let waiting = state.waiting.take().ok_or(ReleaseRefused::NotHeld)?;
            if waiting.attempt != token.attempt() || waiting.decide.is_closed() {
                state.interlock.lock();
                return Err(ReleaseRefused::NotHeld);
            }
            if let Err(refused) = state.interlock.release(token, now) {
                state.waiting = Some(waiting);
                return Err(refused);
            }
            Ok(waiting.decide.send(Decision::Forward(tell, within)).is_ok())
        })?;
        Ok(match told.await {
            Ok(release) => release,
            // The task that had the request in its hands is gone, and never sent it.
            Err(_) if !taken => Release { sent_at: None, answered: Answered::NotSent, kept: AnswerKept::default() },
            Err(_) => Release { sent_at: None, answered: Answered::NoAnswer, kept: AnswerKept::default() },
        })
    }

    /// A commit request arrived: what the gateway decides about it, or nothing when it is refused at once.
    pub(crate) fn attempt(&self, content: CommitContent) -> Option<(AttemptId, oneshot::Receiver<Decision>)> {
        self.change(|state| match state.interlock.attempt(content.digest) {
            Admission::Hold(attempt) => {
                let (decide, decided) = oneshot::channel();
                state.waiting = Some(Waiting { attempt, content, decide });
                Some((attempt, decided))
            }
            Admission::Refuse => None,
        })
    }

    pub(super) fn give_up(&self, attempt: AttemptId) {
        self.change(|state| {
            state.interlock.give_up(attempt);
            if state.waiting.as_ref().is_some_and(|waiting| waiting.attempt == attempt) {
                state.waiting = None;
            }
        });
    }

    pub(super) fn refuse(&self, refused: Refused) {
        self.change(|state| {
            let known = state.refused.contains_key(&refused) || state.refused.len() < DIFFERENT;
            let kept = if known { refused } else { Refused::further(refused.why) };
            *state.refused.entry(kept).or_default() += 1;
        });
    }

    pub(super) fn probe(&self, nonce: &str) {
        self.change(|state| {
            if state.probes.len() == PROBES {
                state.probes.pop_front();
            }
            // A page can ask for one, too, of any length.
            state.probes.push_back(nonce.chars().take(64).collect());
        });
    }

    pub(super) fn server_error(&self) {
        self.change(|state| state.server_errors += 1);
    }

    /// Answers so far that led on to the page for signing in. A page that asks by script need not show it.
    pub fn sign_outs(&self) -> u64 {
        self.state().sign_outs
    }

    pub(super) fn sign_out(&self) {
        self.change(|state| state.sign_outs += 1);
    }

    pub(super) fn accept(&self) {
        self.change(|state| state.accepted += 1);
    }

    /// A commit at an origin that is not the portal's.
    pub(super) fn stray(&self) {
        self.change(|state| state.interlock.stray());
    }

    pub(super) fn begin(&self, reads: bool) -> InFlight {
        let number = self.change(|state| {
            state.passed += 1;
            state.changes += u64::from(!reads);
            state.in_flight.insert(state.passed, OnItsWay { reads, since: Clock::now() });
            state.passed
        });
        InFlight(self.clone(), number)
    }
}

/// One request on its way; dropping it ends it.
pub(super) struct InFlight(Control, u64);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.change(|state| state.in_flight.remove(&self.1));
    }
}
