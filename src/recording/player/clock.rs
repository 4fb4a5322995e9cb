//! The clock of a recording as the clock of a run.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use crate::model::time::Instant;
use crate::recording::traffic::dial::Dial;
use crate::run::clock::Clock;

impl Clock for Dial {
    fn now(&self) -> Instant {
        self.read()
    }

    /// Nobody waits for a time that has long passed.
    fn rest(&self, how_long: Duration) -> LocalBoxFuture<'_, ()> {
        self.pass(how_long);
        Box::pin(std::future::ready(()))
    }
}
