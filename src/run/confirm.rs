//! After the release, or after a run that may have released: look the exception up, and say only what is proven.

use std::time::Duration;

use super::ending::Ending;
use super::flow::{Flow, StopReason, reason_of};
use super::watch::WatchEvent;
use crate::decide::reconcile;
use crate::decide::rules::confirmation::{AfterRelease, Proof, Said, agreed, proof};
use crate::decide::verdict::{HaltReason, NonEmpty, Stage, Verdict};
use crate::evidence::journal::Event;
use crate::evidence::observations::Observation;
use crate::evidence::outcome::{DraftState, Outcome};
use crate::model::ids::DraftReference;
use crate::model::portal_facts::LookedUp;
use crate::model::private::Fact;
use crate::model::residue::PortalResidue;
use crate::model::time::Instant;
use crate::portal::{Portal, PortalError, Scene, ShownPage};

/// How often the list is read while it shows no submitted exception.
const LOOK_UPS: usize = 3;

impl<P: Portal> Flow<'_, '_, P> {
    /// The commit was released by this run: proves it, or ends in doubt.
    pub(super) async fn confirm(&mut self, released_at: Instant) -> Ending {
        self.stand(Stage::Confirm, "looking the exception up");
        let on_page = self.portal.confirmation_number().await.ok().flatten();
        if let Some(number) = &on_page {
            self.watcher.on_observation(WatchEvent::Number(number));
        }
        let seen = self.try_picture(Stage::Confirm, "confirmation", Scene::Page).await;
        self.ending.pictures.extend(seen);
        match self.prove(on_page.as_deref(), released_at, self.arrival()).await {
            Ok(proven) => self.end_proven(proven).await,
            Err(error) => {
                let reason = reason_of(Stage::Confirm, error);
                let mut ending = self.end(Outcome::InDoubt, vec![reason.clone()]);
                ending.unasked = Some((released_at, reason));
                ending
            }
        }
    }

    /// Asks once more, in a fresh browser, what became of the commit that this run released: reading can double nothing, and
    /// the first browser may be gone.
    pub(super) async fn confirm_again(&mut self, ending: Ending, released_at: Instant) -> Ending {
        self.stand(Stage::Confirm, "looking the exception up in a fresh browser");
        self.ending = ending;
        let (first, latest) = (self.ending.halt.clone(), self.arrival());
        let asked = async {
            self.portal.prove_path().await?;
            self.portal.sign_in().await?;
            self.prove(None, released_at, latest).await
        };
        match (asked.await, NonEmpty::from_vec(first)) {
            (Ok(proven), _) => self.end_proven(proven).await,
            (Err(error), None) => self.end_in_doubt(NonEmpty::one(reason_of(Stage::Confirm, error))).await,
            (Err(_), Some(first)) => self.end_in_doubt(first).await,
        }
    }

    /// Nobody could be asked: in doubt, for that reason.
    pub(super) async fn end_unasked(&mut self, ending: Ending, reason: HaltReason) -> Ending {
        self.ending = ending;
        self.end_in_doubt(NonEmpty::one(reason)).await
    }

    /// An earlier run may have committed: looks it up, and enters nothing whatever comes of it. What cannot be looked up leaves
    /// everything as it was, to be looked up another time.
    pub(super) async fn end_doubt(&mut self, draft: &DraftReference, since: Instant) -> Ending {
        let stage = Stage::Confirm;
        self.stand(stage, "looking the exception up");
        // The request may have been let go until its time was over.
        let latest = self.arrival() + Self::limit(self.facts.map.file.limits.hold_s);
        let Some(said) = self.facts.said else {
            return match self.prove(None, since, latest).await {
                Ok(proven) => self.end_proven(proven).await,
                Err(error) => self.end_unanswered(error.to_string()),
            };
        };
        match self.look_up_said(said, draft, latest).await {
            Ok(settled) => self.end_resolved(settled).await,
            Err(error) => self.end_unanswered(error.to_string()),
        }
    }

    /// Whether the portal agrees with what a person says. That nothing was submitted is believed only when nothing can arrive
    /// any more, and where the draft is gone as well, not before the list was read once more after that.
    async fn look_up_said(
        &mut self,
        said: &Said,
        draft: &DraftReference,
        latest: Duration,
    ) -> Result<Result<PortalResidue, NonEmpty<HaltReason>>, PortalError> {
        let change = &self.facts.record.record.exception.change_id;
        let mut pauses = match said {
            Said::Submitted(_) => Vec::new(),
            Said::NotSubmitted => vec![self.arrival(), latest],
        };
        loop {
            if let Some(pause) = pauses.pop() {
                self.clock.rest(pause).await;
            }
            let rows = self.look_up().await?;
            let settled = agreed(said, change, draft, &LookedUp { rows });
            match settled {
                Ok(PortalResidue::Nothing) if !pauses.is_empty() => {}
                Ok(_) | Err(_) => return Ok(settled),
            }
        }
    }

    fn end_unanswered(&mut self, what: String) -> Ending {
        let mut ending = self.end(Outcome::Environment, Vec::new());
        ending.environment = Some(what);
        ending
    }

    async fn end_resolved(&mut self, settled: Result<PortalResidue, NonEmpty<HaltReason>>) -> Ending {
        let left = match settled {
            Ok(left) => left,
            Err(reasons) => {
                self.ending.agreed = Some(false);
                return self.end_in_doubt(reasons).await;
            }
        };
        if let Err(stop) = self.note(Stage::Confirm, &Event::Resolved { left: left.clone() }).await {
            // What cannot be written down is not resolved.
            self.ending.agreed = Some(false);
            let reasons = match stop {
                StopReason::Halt(reasons) => reasons.iter().cloned().collect(),
                StopReason::Environment(_) | StopReason::AlreadySubmitted(_) | StopReason::Gone(_) => Vec::new(),
            };
            return self.end(Outcome::InDoubt, reasons);
        }
        self.ending.agreed = Some(true);
        match left {
            PortalResidue::Submission { number } => {
                let differences = self.differences(&number).await;
                Ending { halt: differences, ..self.end_submitted(number) }
            }
            PortalResidue::Draft { draft } | PortalResidue::PerhapsASubmission { draft, .. } => {
                self.ending.draft = Some(draft);
                self.ending.draft_state = Some(DraftState::Unread);
                self.end(Outcome::HaltedDraft, Vec::new())
            }
            PortalResidue::Nothing | PortalResidue::PerhapsADraft { .. } => {
                self.end(Outcome::HaltedAbandoned, Vec::new())
            }
        }
    }

    /// In what the submitted exception differs from the record; nothing where it cannot be read. For people to know: whoever
    /// resolved the run has taken it as it is.
    async fn differences(&mut self, number: &str) -> Vec<HaltReason> {
        let stage = Stage::Confirm;
        let lines = &self.facts.plan.submitted;
        let Ok(page) = self.portal.read_page(ShownPage::Submitted(number), lines).await else { return Vec::new() };
        let verdict = reconcile::summary(stage, lines, self.facts.plan, &page, &self.facts.map.banners);
        let _ = self.observe(stage, "submitted", self.summary_of(lines, &page), &verdict);
        match verdict {
            Verdict::Proceed(()) => Vec::new(),
            Verdict::Halt(reasons) => reasons.iter().cloned().collect(),
        }
    }

    async fn end_proven(&mut self, proven: Result<String, NonEmpty<HaltReason>>) -> Ending {
        match proven {
            Ok(number) => {
                let _ = self.note(Stage::Confirm, &Event::Confirmed { number: number.clone() }).await;
                self.end_submitted(number)
            }
            Err(reasons) => self.end_in_doubt(reasons).await,
        }
    }

    fn end_submitted(&mut self, number: String) -> Ending {
        let mut ending = self.end(Outcome::Submitted, Vec::new());
        ending.draft_state = None;
        ending.number = Some(Fact::public(number));
        ending
    }

    async fn end_in_doubt(&mut self, reasons: NonEmpty<HaltReason>) -> Ending {
        let codes = reasons.iter().map(|reason| reason.code).collect();
        let _ = self.note(Stage::Confirm, &Event::Halted { stage: Stage::Confirm, codes }).await;
        self.end(Outcome::InDoubt, reasons.iter().cloned().collect())
    }

    /// The number of the one submission that is proven, or why none is; an error when the portal does not let itself be asked.
    async fn prove(
        &mut self,
        on_page: Option<&str>,
        released_at: Instant,
        latest: Duration,
    ) -> Result<Result<String, NonEmpty<HaltReason>>, PortalError> {
        let stage = Stage::Confirm;
        let mut looked_up = LookedUp { rows: self.look_up().await? };
        for _ in 1..LOOK_UPS {
            // A list may lag behind what was stored. Reading it again can double nothing.
            if looked_up.submitted().next().is_some() {
                break;
            }
            looked_up = LookedUp { rows: self.look_up().await? };
        }
        if looked_up.submitted().next().is_none() {
            self.clock.rest(latest).await;
            looked_up = LookedUp { rows: self.look_up().await? };
        }
        let facts = AfterRelease {
            change: &self.facts.record.record.exception.change_id,
            number_form: &self.facts.map.number_form,
            number_on_page: on_page,
            looked_up: &looked_up,
            released_at,
            clock_tolerance_s: self.facts.map.file.limits.clock_tolerance_s,
        };
        let (row, verdict) = match proof(&facts) {
            Proof::One(row) => (Ok(row), Verdict::Proceed(())),
            Proof::None(reasons) => (Err(reasons.clone()), Verdict::Halt(reasons)),
        };
        // The proof stands without its note.
        let _ = self.observe(stage, "confirmation", Observation::Confirmation, &verdict);
        let row = match row {
            Ok(row) => row,
            Err(reasons) => return Ok(Err(reasons)),
        };
        let lines = &self.facts.plan.submitted;
        let shown = ShownPage::Submitted(&row.number);
        let page = self.portal.read_page(shown, lines).await?;
        let verdict = reconcile::summary(stage, lines, self.facts.plan, &page, &self.facts.map.banners);
        let _ = self.observe(stage, "submitted", self.summary_of(lines, &page), &verdict);
        let seen = self.try_picture(stage, "submitted", Scene::Lines(shown, lines)).await;
        self.ending.pictures.extend(seen);
        Ok(match verdict {
            Verdict::Proceed(()) => Ok(row.number),
            Verdict::Halt(reasons) => {
                self.ending.otherwise = Some(row.number);
                Err(reasons)
            }
        })
    }
}
