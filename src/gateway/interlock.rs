//! Hold, arm, release once: the state of the commit, without I/O.
//!
//! ```text
//! Locked ──expect──▶ Expecting ──attempt──▶ Held ──release──▶ Released
//!    ▲                   │                    │
//!    └──────lock─────────┴──lock / give up────┘
//! ```
//!
//! Every attempt outside `Expecting` is refused and counted. Before the release a single one of them forbids it for good;
//! after it they change nothing any more.

use crate::decide::recheck::Rechecked;
use crate::model::digest::Digest;
use crate::model::time::Instant;

/// One attempt to commit, numbered from 1 within the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptId(u64);

/// Where the commit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nobody may commit.
    Locked,
    /// The agent is about to cause exactly one commit request.
    Expecting,
    /// That request waits here.
    Held {
        /// Which attempt.
        attempt: AttemptId,
        /// Digest of what it carries.
        content: Digest,
    },
    /// It was let go. There is no way back, and no second time.
    Released,
}

/// What happens to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It waits.
    Hold(AttemptId),
    /// It is refused.
    Refuse,
}

/// Permission to release one held request, and no other, once.
#[derive(Debug)]
pub struct ReleaseToken {
    attempt: AttemptId,
    content: Digest,
    expires_at: Instant,
}

impl ReleaseToken {
    /// Permission for the attempt whose content the proof is about; at `expires_at` it no longer counts.
    pub fn new(attempt: AttemptId, proof: Rechecked, expires_at: Instant) -> Self {
        Self { attempt, content: proof.into_content(), expires_at }
    }

    /// The attempt that may be released.
    pub fn attempt(&self) -> AttemptId {
        self.attempt
    }
}

/// Why nothing was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseRefused {
    /// No request waits, or another one than the token names.
    #[error("the request that was compared is no longer waiting")]
    NotHeld,
    /// It carries something else than what was compared.
    #[error("the waiting request carries something else than what was compared")]
    OtherContent,
    /// The token is too old.
    #[error("the permission to release has expired")]
    Expired,
    /// Something else tried to commit meanwhile.
    #[error("another commit attempt was made before the release")]
    Stray,
}

/// The interlock of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interlock {
    phase: Phase,
    attempts: u64,
    strays: u64,
    refused: u64,
    given_up: bool,
}

impl Default for Interlock {
    fn default() -> Self {
        Self { phase: Phase::Locked, attempts: 0, strays: 0, refused: 0, given_up: false }
    }
}

impl Interlock {
    /// Where the commit stands.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Attempts before the release that the agent did not cause.
    pub fn strays(&self) -> u64 {
        self.strays
    }

    /// All attempts that were refused, before and after the release.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Whether the browser gave up a request that was held.
    pub fn given_up(&self) -> bool {
        self.given_up
    }

    /// Announces that the next attempt is the agent's own. Only from `Locked`.
    pub fn expect(&mut self) -> bool {
        let locked = self.phase == Phase::Locked;
        if locked {
            self.phase = Phase::Expecting;
        }
        locked
    }

    /// Ends an expectation or refuses the held request. After the release it does nothing.
    pub fn lock(&mut self) {
        match self.phase {
            Phase::Expecting => self.phase = Phase::Locked,
            Phase::Held { .. } => {
                self.phase = Phase::Locked;
                self.refused += 1;
            }
            Phase::Locked | Phase::Released => {}
        }
    }

    /// A commit request arrived.
    pub fn attempt(&mut self, content: Digest) -> Admission {
        self.attempts += 1;
        let attempt = AttemptId(self.attempts);
        match self.phase {
            Phase::Expecting => {
                self.phase = Phase::Held { attempt, content };
                Admission::Hold(attempt)
            }
            Phase::Locked | Phase::Held { .. } => {
                self.strays += 1;
                self.refused += 1;
                Admission::Refuse
            }
            Phase::Released => {
                self.refused += 1;
                Admission::Refuse
            }
        }
    }

    /// A commit was attempted where the agent never commits.
    pub fn stray(&mut self) {
        self.refused += 1;
        if self.phase != Phase::Released {
            self.strays += 1;
        }
    }

    /// The browser gave up waiting for `attempt`.
    pub(crate) fn give_up(&mut self, attempt: AttemptId) {
        if matches!(self.phase, Phase::Held { attempt: held, .. } if held == attempt) {
            self.phase = Phase::Locked;
            self.refused += 1;
            self.given_up = true;
        }
    }

    /// Lets the held request go.
    ///
    /// # Errors
    ///
    /// [`ReleaseRefused`]; nothing has been released then, and the request is still held unless it was gone already.
    pub fn release(&mut self, token: ReleaseToken, now: Instant) -> Result<(), ReleaseRefused> {
        let Phase::Held { attempt, content } = self.phase else { return Err(ReleaseRefused::NotHeld) };
        if attempt != token.attempt {
            return Err(ReleaseRefused::NotHeld);
        }
        if content != token.content {
            return Err(ReleaseRefused::OtherContent);
        }
        if now >= token.expires_at {
            return Err(ReleaseRefused::Expired);
        }
        if self.strays > 0 {
            return Err(ReleaseRefused::Stray);
        }
        self.phase = Phase::Released;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Instant {
        Instant::from(jiff::Timestamp::from_second(second).unwrap())
    }

    impl ReleaseToken {
        /// What nobody outside of these tests can have: the same permission twice.
        fn again(&self) -> Self {
            Self { ..*self }
        }
    }

    fn held() -> (Interlock, ReleaseToken) {
        let mut interlock = Interlock::default();
        assert!(interlock.expect());
        let content = Digest::of(b"commit");
        let Admission::Hold(attempt) = interlock.attempt(content) else { panic!("the expected attempt was refused") };
        (interlock, ReleaseToken { attempt, content, expires_at: at(100) })
    }

    #[test]
    fn an_attempt_that_nobody_expects_is_refused_and_forbids_the_release_for_good() {
        let mut interlock = Interlock::default();
        assert_eq!(interlock.attempt(Digest::of(b"stray")), Admission::Refuse);
        interlock.expect();
        let content = Digest::of(b"commit");
        let Admission::Hold(attempt) = interlock.attempt(content) else { panic!() };
        let token = ReleaseToken { attempt, content, expires_at: at(100) };
        assert_eq!(interlock.release(token.again(), at(0)), Err(ReleaseRefused::Stray));
    }

    #[test]
    fn a_second_attempt_while_one_is_held_forbids_the_release() {
        let (mut interlock, token) = held();
        assert_eq!(interlock.attempt(Digest::of(b"commit")), Admission::Refuse);
        assert_eq!(interlock.release(token.again(), at(0)), Err(ReleaseRefused::Stray));
    }

    #[test]
    fn exactly_one_request_is_ever_released() {
        let (mut interlock, token) = held();
        assert_eq!(interlock.release(token.again(), at(0)), Ok(()));
        assert_eq!(interlock.release(token.again(), at(0)), Err(ReleaseRefused::NotHeld));
        assert_eq!(interlock.attempt(Digest::of(b"commit")), Admission::Refuse);
        assert!(!interlock.expect());
        interlock.lock();
        assert_eq!(interlock.phase(), Phase::Released);
        assert_eq!((interlock.strays(), interlock.refused()), (0, 1));
    }

    #[test]
    fn a_token_counts_for_its_own_request_content_and_time_alone() {
        let (mut interlock, token) = held();
        assert_eq!(interlock.release(token.again(), at(100)), Err(ReleaseRefused::Expired));
        let other = ReleaseToken { content: Digest::of(b"other"), ..token.again() };
        assert_eq!(interlock.release(other, at(0)), Err(ReleaseRefused::OtherContent));
        let other = ReleaseToken { attempt: AttemptId(9), ..token.again() };
        assert_eq!(interlock.release(other, at(0)), Err(ReleaseRefused::NotHeld));
        assert_eq!(interlock.release(token.again(), at(99)), Ok(()));
    }

    #[test]
    fn a_request_that_the_browser_gave_up_cannot_be_released() {
        let (mut interlock, token) = held();
        interlock.give_up(token.attempt);
        assert!(interlock.given_up());
        assert_eq!(interlock.release(token.again(), at(0)), Err(ReleaseRefused::NotHeld));
    }

    #[test]
    fn a_refused_hold_cannot_be_released() {
        let (mut interlock, token) = held();
        interlock.lock();
        assert_eq!(interlock.release(token.again(), at(0)), Err(ReleaseRefused::NotHeld));
        assert_eq!(interlock.refused(), 1);
    }

    /// Phase, strays, refusals, and whether one was given up.
    fn stands(interlock: &Interlock) -> (Phase, u64, u64, bool) {
        (interlock.phase(), interlock.strays(), interlock.refused(), interlock.given_up())
    }

    #[test]
    fn attempts_are_numbered_from_one_and_the_refused_ones_count_too() {
        let mut interlock = Interlock::default();
        let content = Digest::of(b"commit");
        assert_eq!(interlock.attempt(content), Admission::Refuse);
        assert!(interlock.expect());
        assert_eq!(interlock.attempt(content), Admission::Hold(AttemptId(2)));
        interlock.lock();
        assert!(interlock.expect());
        assert_eq!(interlock.attempt(content), Admission::Hold(AttemptId(3)));
        // The token of an earlier attempt is none for this one.
        let token = ReleaseToken { attempt: AttemptId(2), content, expires_at: at(100) };
        assert_eq!(interlock.release(token.again(), at(0)), Err(ReleaseRefused::NotHeld));
    }

    #[test]
    fn only_a_locked_interlock_begins_to_expect() {
        let mut interlock = Interlock::default();
        assert!(interlock.expect());
        assert!(!interlock.expect());
        let (mut interlock, token) = held();
        let before = stands(&interlock);
        assert!(!interlock.expect());
        assert_eq!(stands(&interlock), before);
        assert_eq!(interlock.release(token.again(), at(0)), Ok(()));
        assert!(!interlock.expect());
        assert_eq!(stands(&interlock), (Phase::Released, 0, 0, false));
    }

    #[test]
    fn every_refusal_is_counted_once_and_only_those_that_nobody_caused_are_strays() {
        let content = Digest::of(b"commit");
        let mut interlock = Interlock::default();
        assert_eq!(stands(&interlock), (Phase::Locked, 0, 0, false));
        interlock.attempt(content);
        interlock.attempt(content);
        interlock.stray();
        assert_eq!(stands(&interlock), (Phase::Locked, 3, 3, false));
        // Locking refuses what is held, and only that.
        interlock.lock();
        interlock.expect();
        interlock.lock();
        assert_eq!(stands(&interlock), (Phase::Locked, 3, 3, false));
        let (mut interlock, token) = held();
        let phase = interlock.phase();
        interlock.attempt(content);
        interlock.stray();
        assert_eq!(stands(&interlock), (phase, 2, 2, false));
        interlock.lock();
        assert_eq!(stands(&interlock), (Phase::Locked, 2, 3, false));
        assert_eq!(interlock.release(token.again(), at(0)), Err(ReleaseRefused::NotHeld));
    }

    #[test]
    fn after_the_release_refusals_are_counted_and_nothing_is_a_stray() {
        let (mut interlock, token) = held();
        assert_eq!(interlock.release(token.again(), at(0)), Ok(()));
        interlock.attempt(Digest::of(b"again"));
        interlock.stray();
        interlock.lock();
        interlock.give_up(token.attempt);
        assert_eq!(stands(&interlock), (Phase::Released, 0, 2, false));
    }

    #[test]
    fn giving_up_ends_the_held_request_and_no_other() {
        let (mut interlock, token) = held();
        let before = stands(&interlock);
        interlock.give_up(AttemptId(9));
        assert_eq!(stands(&interlock), before);
        interlock.give_up(token.attempt);
        assert_eq!(stands(&interlock), (Phase::Locked, 0, 1, true));
        interlock.give_up(token.attempt);
        assert_eq!(stands(&interlock), (Phase::Locked, 0, 1, true));
        let mut expecting = Interlock::default();
        expecting.expect();
        expecting.give_up(AttemptId(1));
        assert_eq!(stands(&expecting), (Phase::Expecting, 0, 0, false));
    }
}
