//! What becomes of the portal when a run stops: a draft is saved unless saving would be wrong, and what is left is looked up.

use super::ending::Ending;
use super::flow::{Flow, StopReason};
use super::watch::WatchEvent;
use crate::decide::reconcile::{draft_may_be_saved, half_entered};
use crate::decide::rules::exceptions::opened;
use crate::decide::verdict::{HaltCode, HaltReason, NonEmpty, Stage};
use crate::evidence::journal::{Event, Progress};
use crate::evidence::outcome::{DraftState, Outcome};
use crate::model::form::{PlannedField, PlannedTab};
use crate::model::ids::DraftReference;
use crate::model::observed::Found;
use crate::model::portal_facts::{ListedException, ListedState};
use crate::model::private::Fact;
use crate::model::residue::PortalResidue;
use crate::portal::{Portal, PortalError, Scene};

/// Whether a halt is about what the portal announces.
fn said_by_the_portal(code: HaltCode) -> bool {
    matches!(
        code,
        HaltCode::ValidationRejected
            | HaltCode::UnexpectedBanner
            | HaltCode::UnexpectedDialog
            | HaltCode::ScopeBroadening
            | HaltCode::PortalError
    )
}

impl<P: Portal> Flow<'_, '_, P> {
    pub(super) async fn settle(&mut self, stop: StopReason) -> Ending {
        self.gateway.lock();
        match stop {
            StopReason::Environment(what) => {
                let mut ending = self.end(Outcome::Environment, Vec::new());
                ending.environment = Some(what);
                ending
            }
            StopReason::AlreadySubmitted(row) => {
                let mut ending = self.end(Outcome::AlreadySubmitted, Vec::new());
                // Whatever draft an earlier run left became this submission.
                (ending.draft, ending.draft_state) = (None, None);
                ending.number = Some(Fact::public(row.number));
                ending
            }
            StopReason::Gone(reasons) => {
                let _ = self.note_halt(&reasons).await;
                let _ = self.note(Stage::Survey, &Event::NothingFound).await;
                self.end(Outcome::HaltedAbandoned, reasons.iter().cloned().collect())
            }
            StopReason::Halt(reasons) => self.halt(reasons).await,
        }
    }

    async fn note_halt(&mut self, reasons: &NonEmpty<HaltReason>) -> Result<(), StopReason> {
        let codes = reasons.iter().map(|reason| reason.code).collect();
        let stage = reasons.first().stage;
        self.note(stage, &Event::Halted { stage, codes }).await
    }

    async fn halt(&mut self, reasons: NonEmpty<HaltReason>) -> Ending {
        let stage = reasons.first().stage;
        // Evidence that cannot be written is what the halt may be about: what is left at the portal matters more.
        let _ = self.note_halt(&reasons).await;
        let codes = || reasons.iter().map(|reason| reason.code);
        let dialog = codes().any(|code| code == HaltCode::UnexpectedDialog);
        // What halted the run is gone once something is saved. But a dialog of the browser lets no picture be taken before it is
        // dismissed, and what does not answer must not be left half covered before it is saved.
        let silent = |code| matches!(code, HaltCode::PortalTimeout | HaltCode::PortalError);
        let later = dialog || codes().any(silent);
        let mut seen = if later { None } else { self.try_picture(stage, "halt", Scene::Page).await };
        let outcome = match (self.log.progress(), self.log.left()) {
            // Nothing was looked at yet: as much in doubt as before, and no more.
            (Progress::Doubting, _) => {
                self.ending.environment = Some("the portal could not be looked at".to_owned());
                Outcome::Environment
            }
            // A run of its own knows that its request never left, even where that could not be written down.
            (_, PortalResidue::Draft { draft } | PortalResidue::PerhapsASubmission { draft, .. }) => {
                self.ending.draft = Some(draft);
                self.ending.draft_state.get_or_insert(DraftState::Unread);
                Outcome::HaltedDraft
            }
            (Progress::Entering, PortalResidue::PerhapsADraft { .. })
                if draft_may_be_saved(codes()) && self.ending.draft.is_none() =>
            {
                self.save_what_was_entered(dialog, stage == Stage::Attach).await
            }
            // An earlier run's, which may still arrive.
            (Progress::Preparing, PortalResidue::PerhapsADraft { .. }) => {
                self.ending.draft_state = Some(DraftState::Unread);
                Outcome::HaltedDraft
            }
            (_, PortalResidue::PerhapsADraft { .. }) => self.what_is_left().await,
            (_, PortalResidue::Nothing | PortalResidue::Submission { .. }) => Outcome::HaltedAbandoned,
        };
        if later {
            seen = self.try_picture(stage, "halt", Scene::Page).await;
        }
        // What the portal said is in no picture of a tab, and in this one.
        if let Some(seen) = seen
            && (self.ending.pictures.is_empty() || codes().any(said_by_the_portal))
        {
            self.ending.pictures = vec![seen];
        }
        self.end(outcome, reasons.iter().cloned().collect())
    }

    async fn save_what_was_entered(&mut self, dialog: bool, uploading: bool) -> Outcome {
        self.stand(Stage::Draft, "saving what was entered");
        if dialog {
            // Only a dialog of the browser can be dismissed without answering it; one of the page stays.
            let _ = self.portal.dismiss_dialog().await;
        }
        // What a file control holds would go with the form: the portal would have a file that the note does not know of.
        if !self.holds_nothing_half_entered().await || (uploading && !self.holds_no_file().await) {
            return self.what_is_left().await;
        }
        if self.note(Stage::Draft, &Event::SaveBegins).await.is_err() {
            // What nobody could read about afterwards is not sent. And if another run has taken over, the draft is its own.
            return self.what_is_left().await;
        }
        let alone = self.facts.plan.tabs.iter().find(|tab| tab.saved_alone && Some(&tab.id) == self.entering.as_ref());
        match self.portal.save_draft(alone.map(|tab| &tab.id)).await {
            Ok(saved) => match saved.reference {
                Some(draft) => {
                    self.watcher.on_observation(WatchEvent::Draft(&draft));
                    let _ = self.note(Stage::Draft, &Event::DraftSaved { draft: draft.clone() }).await;
                    self.ending.draft = Some(draft);
                    self.ending.draft_state = Some(DraftState::Partial);
                    Outcome::HaltedDraft
                }
                None => self.what_is_left().await,
            },
            Err(_) => {
                self.unanswered = true;
                self.what_is_left().await
            }
        }
    }

    /// Whether no field of the tab that was being filled is half entered. One that is gets the value back that it had, and is
    /// read again: a draft holds what was approved, or nothing.
    async fn holds_nothing_half_entered(&mut self) -> bool {
        let planned = self.facts.plan.tabs.iter().find(|tab| Some(&tab.id) == self.entering.as_ref());
        let Some(tab) = planned else { return true };
        let Some(empty) = self.empty.iter().find(|seen| seen.tab == tab.id) else { return true };
        let Ok(now) = self.portal.read_tab(tab).await else { return false };
        let fields = half_entered(tab, empty, &now);
        if fields.is_empty() {
            self.log.note_entered(&tab.fields, &now.controls);
            return true;
        }
        let back = PlannedTab { fields, files: Vec::new(), ..tab.clone() };
        match self.portal.enter_tab(&back).await {
            Ok(then) => {
                let there = |field: &PlannedField| matches!(then.controls.get(&field.id), Some(Found::One(_)));
                self.log.note_entered(&tab.fields, &now.controls);
                back.fields.iter().all(there) && half_entered(tab, empty, &then).is_empty()
            }
            Err(_) => false,
        }
    }

    /// Whether the form's file controls are empty, now that they were emptied.
    async fn holds_no_file(&mut self) -> bool {
        for tab in self.facts.plan.tabs.iter().filter(|tab| !tab.files.is_empty()) {
            if self.portal.drop_files(tab).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Looks up whether a draft was left. What cannot be looked up counts as left.
    async fn what_is_left(&mut self) -> Outcome {
        self.stand(Stage::Draft, "looking up what was left");
        self.ending.draft_state = Some(DraftState::Unread);
        if self.ending.draft.is_some() {
            // It was named, and could not be written down.
            return Outcome::HaltedDraft;
        }
        if self.unanswered {
            if !self.saved_or_refused().await {
                // The portal may still be storing it: an empty list would prove nothing.
                return Outcome::HaltedDraft;
            }
            self.clock.rest(self.arrival()).await;
        }
        let took_something = self.took_something();
        let Ok(rows) = self.look_up().await else { return Outcome::HaltedDraft };
        // Before the first keystroke nothing open was listed, so whatever is open for this change now is this run's.
        let change = &self.facts.record.record.exception.change_id;
        let open: Vec<_> = opened(change, &rows).collect();
        let own = open.iter().find(|row| row.change_id == change.as_str()).or(open.first());
        match own {
            // The portal took something, and lists nothing: where that is, a person must find out.
            None if took_something => Outcome::HaltedDraft,
            None => {
                let _ = self.note(Stage::Draft, &Event::NothingFound).await;
                self.ending.draft_state = None;
                Outcome::HaltedAbandoned
            }
            Some(row) => {
                let own = row.change_id == change.as_str();
                let draft = row.state == ListedState::Draft && row.recognised && own;
                self.ending.draft = DraftReference::parse(&row.number).ok().filter(|_| draft);
                Outcome::HaltedDraft
            }
        }
    }

    /// Waits until no change is on its way to the portal any more; whether that came about within the limit.
    async fn saved_or_refused(&self) -> bool {
        let gateway = &self.gateway;
        let mut activity = gateway.activity();
        let settled = async {
            while gateway.changes_in_flight() > 0 {
                if activity.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(Self::limit(self.facts.map.file.limits.ready_s), settled).await.is_ok()
    }

    /// The list of exceptions, read only. A lost session is renewed once: reading can double nothing.
    pub(super) async fn look_up(&mut self) -> Result<Vec<ListedException>, PortalError> {
        let rows = self.list_again().await?;
        self.watcher.on_observation(WatchEvent::Rows(&rows));
        Ok(rows)
    }

    async fn list_again(&mut self) -> Result<Vec<ListedException>, PortalError> {
        match self.portal.list_exceptions().await {
            Err(PortalError::SessionLost) => {
                self.portal.sign_in().await?;
                self.portal.list_exceptions().await
            }
            Err(PortalError::Dialog(_)) => {
                self.portal.dismiss_dialog().await?;
                self.portal.list_exceptions().await
            }
            Err(PortalError::Timeout(_) | PortalError::Server) => self.portal.list_exceptions().await,
            other => other,
        }
    }
}
