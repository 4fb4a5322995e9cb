//! What a server's clock shows, by an answer that it has dated and the time that has passed since. Pure.

use std::time::Instant;

use jiff::Timestamp;

/// A server's clock, read off one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServerClock {
    /// When the answer was made, by the server's clock.
    pub made: Timestamp,
    /// When it was here, by ours.
    pub received: Instant,
}

impl ServerClock {
    /// What it shows `now`, at least: how long the answer was on its way is not known.
    pub(crate) fn at(self, now: Instant) -> Timestamp {
        let passed = now.saturating_duration_since(self.received);
        self.made.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// The one of two readings that shows more. An answer that was on its way for long, or was kept for less than the difference
    /// that is let pass, never sets the clock back: so such differences do not add up.
    pub(crate) fn ahead(self, other: Self) -> Self {
        let when = self.received.max(other.received);
        if self.at(when) >= other.at(when) { self } else { other }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn clock(made: &str, received: Instant) -> ServerClock {
        ServerClock { made: made.parse().unwrap(), received }
    }

    #[test]
    fn a_servers_clock_goes_on_while_nobody_asks_it() {
        let start = Instant::now();
        let read = clock("2026-11-21T02:00:00Z", start);
        assert_eq!(read.at(start + Duration::from_secs(360)).to_string(), "2026-11-21T02:06:00Z");
        // Asked for before that answer was here.
        assert_eq!(read.at(start.checked_sub(Duration::from_secs(9)).unwrap_or(start)), read.made);
    }

    #[test]
    fn a_younger_answer_that_was_kept_for_a_while_does_not_set_the_clock_back() {
        let start = Instant::now();
        let first = clock("2026-11-21T02:00:00Z", start);
        let kept = clock("2026-11-21T02:01:01Z", start + Duration::from_secs(120));
        assert_eq!((first.ahead(kept), kept.ahead(first)), (first, first));
        let faster = clock("2026-11-21T02:02:01Z", start + Duration::from_secs(120));
        assert_eq!((first.ahead(faster), faster.ahead(first)), (faster, faster));
    }
}
