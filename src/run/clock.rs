//! Time as an argument: clocks that never run backwards.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant as Monotonic};

use futures_util::future::LocalBoxFuture;

use crate::model::time::Instant;

/// Reads the time.
pub trait Clock {
    fn now(&self) -> Instant;
    /// Lets this much time pass.
    fn rest(&self, how_long: Duration) -> LocalBoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(how_long))
    }
}

/// The machine's clock, which does not step back: what it showed at the start plus the time that has really passed, or what it
/// shows now, whichever is later. So an approval that has expired stays expired, and a held request does not gain time.
#[derive(Debug)]
pub struct SystemClock {
    started_at: Instant,
    started: Monotonic,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started_at: Instant::from(jiff::Timestamp::now()), started: Monotonic::now() }
    }
}

fn later(from: Instant, passed: Duration) -> Instant {
    jiff::SignedDuration::try_from(passed)
        .ok()
        .and_then(|passed| from.timestamp().checked_add(passed).ok())
        .map_or(from, Instant::from)
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        later(self.started_at, self.started.elapsed()).max(Instant::from(jiff::Timestamp::now()))
    }
}

/// A clock that shows no earlier time than it showed before.
pub(crate) struct MonotonicClock<'a> {
    clock: &'a dyn Clock,
    last: Mutex<Instant>,
}

impl<'a> MonotonicClock<'a> {
    /// From `clock`, from now on.
    pub fn from(clock: &'a dyn Clock) -> Self {
        Self { clock, last: Mutex::new(clock.now()) }
    }
}

impl Clock for MonotonicClock<'_> {
    fn now(&self) -> Instant {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = self.clock.now().max(*last);
        *last
    }

    fn rest(&self, how_long: Duration) -> LocalBoxFuture<'_, ()> {
        self.clock.rest(how_long)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Steps(Cell<usize>, Vec<Instant>);

    impl Clock for Steps {
        fn now(&self) -> Instant {
            let at = self.0.get();
            self.0.set(at + 1);
            self.1[at]
        }
    }

    #[test]
    fn a_clock_that_steps_back_stands_still() {
        let at = |second| Instant::from(jiff::Timestamp::from_second(second).unwrap());
        let clock = Steps(Cell::new(0), vec![at(100), at(110), at(50), at(111)]);
        let steady = MonotonicClock::from(&clock);
        assert_eq!([steady.now(), steady.now(), steady.now()], [at(110), at(110), at(111)]);
    }
}
