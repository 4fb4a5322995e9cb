//! Waiting, and the clock that time limits are held against: a test waits without time passing.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

/// How a fetcher waits between attempts.
pub trait Pace: Send + Sync {
    /// The clock that deadlines are held against.
    fn now(&self) -> Instant;
    fn wait(&self, how_long: Duration) -> BoxFuture<'_, ()>;
}

/// The process's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealPace;

impl Pace for RealPace {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait(&self, how_long: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(how_long))
    }
}

/// First wait before another attempt; it doubles from then on.
const FIRST: Duration = Duration::from_millis(200);
/// Longest wait that nobody asked for.
const LONGEST: Duration = Duration::from_secs(5);

/// How long to wait after the failed attempt number `attempt`, from 1. `jitter` from 0 to 1 spreads the clients of one server
/// over half of the wait.
pub(super) fn backoff(attempt: u32, jitter: f64) -> Duration {
    let whole = FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(LONGEST);
    whole.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_never_vanish() {
        assert_eq!(backoff(1, 1.0), Duration::from_millis(200));
        assert_eq!(backoff(2, 1.0), Duration::from_millis(400));
        assert_eq!(backoff(1, 0.0), Duration::from_millis(100));
        assert_eq!(backoff(u32::MAX, 1.0), LONGEST);
    }
}
