//! `--hand-over`: a run that halted leaves its live browser to a person. The agent keeps running behind it, and the gateway
//! keeps refusing every commit, until the browser is closed.

use super::ending::Ending;
use super::finish::write_note;
use super::flow::Flow;
use super::interrupt::Interrupt;
use crate::decide::verdict::Stage;
use crate::evidence::journal::Event;
use crate::evidence::outcome::{DraftState, Outcome};
use crate::model::ids::RunId;
use crate::portal::Portal;

impl<P: Portal> Flow<'_, '_, P> {
    /// Writes the note, so that the person can read it, and waits until the browser is closed or the agent is asked to stop. What
    /// the person has changed meanwhile is part of the ending.
    pub(super) async fn hand_over(&mut self, run: &RunId, mut ending: Ending, interrupt: &Interrupt) -> Ending {
        self.gateway.lock();
        let (before, changes) = (self.gateway.interlock().refused(), self.gateway.changes());
        // The person needs the browser even where the note cannot be written.
        let _ = write_note(run, &ending, &self.facts, self.log);
        let _ = self.note(Stage::Seal, &Event::HandedOver).await;
        self.stand(Stage::Seal, "the browser is yours; close it when you are done. Commits stay refused");
        tokio::select! {
            () = self.portal.closed() => {}
            () = interrupt.pressed() => {}
        }
        let blocked = self.gateway.interlock().refused().saturating_sub(before);
        let changes = self.gateway.changes().saturating_sub(changes);
        let _ = self.note(Stage::Seal, &Event::TakenBack { blocked, changes }).await;
        if changes > 0 && ending.outcome == Outcome::HaltedAbandoned {
            // The person may have saved something.
            (ending.outcome, ending.draft_state) = (Outcome::HaltedDraft, Some(DraftState::Unread));
        }
        ending
    }
}
