//! `--hand-over`: a run that halted leaves its live browser to a person. The agent keeps running behind it, and the gateway
//! keeps refusing every commit, until the browser is closed.

use super::ending::{Ending, taken_back};
use super::finish::write_note;
use super::flow::Flow;
use super::interrupt::Interrupt;
use crate::decide::verdict::Stage;
use crate::evidence::journal::Event;
use crate::model::ids::RunId;
use crate::portal::Portal;

impl<P: Portal> Flow<'_, '_, P> {
    /// Writes the note, so that the person can read it, and waits until the browser is closed or the agent is asked to stop.
    /// Tells whether the person has changed anything at the portal meanwhile: what, [`Self::look_after`] finds out.
    pub(super) async fn hand_over(&mut self, run: &RunId, ending: &Ending, interrupt: &Interrupt) -> bool {
        self.gateway.lock();
        let (before, changes) = (self.gateway.interlock().refused(), self.gateway.changes());
        // The person needs the browser even where the note cannot be written.
        let _ = write_note(run, ending, &self.facts, self.log, self.clock.now());
        let _ = self.note(Stage::Seal, &Event::HandedOver).await;
        self.stand(Stage::Seal, "the browser is yours; close it when you are done. Commits stay refused");
        tokio::select! {
            () = self.portal.closed() => {}
            () = interrupt.pressed() => {}
        }
        let blocked = self.gateway.interlock().refused().saturating_sub(before);
        let changes = self.gateway.changes().saturating_sub(changes);
        let _ = self.note(Stage::Seal, &Event::TakenBack { blocked, changes }).await;
        changes > 0
    }

    /// Looks up, in a fresh browser, what a person has made of the portal who had the other one. What was known of the draft
    /// before is not believed any more.
    pub(super) async fn look_after(&mut self, ending: Ending) -> Ending {
        self.gateway.lock();
        self.stand(Stage::Seal, "looking up what was left");
        let asked = async {
            self.portal.prove_path().await?;
            self.portal.sign_in().await?;
            self.look_up().await
        };
        let rows = asked.await.ok();
        let change = &self.facts.record.record.exception.change_id;
        taken_back(ending, change, rows.as_deref())
    }
}
