//! The stages before the commit: survey, fill, attach, draft, review. Each looks, has it judged, and notes both.

use std::time::Duration;

use super::flow::{Flow, StartPoint, StopReason, rereading, verb};
use super::watch::WatchEvent;
use crate::decide::reconcile;
use crate::decide::rules::clocks;
use crate::decide::rules::resumption::{Course, course};
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, NonEmpty, Stage, Verdict};
use crate::evidence::journal::Event;
use crate::evidence::observations::{Observation, TabObservation};
use crate::evidence::outcome::DraftState;
use crate::model::form::PlannedTab;
use crate::model::ids::{DraftReference, TabId};
use crate::model::portal_facts::ListedException;
use crate::model::private::{Exposure, Fact};
use crate::model::residue::PortalResidue;
use crate::portal::{LocalFile, Portal, Scene, ShownPage};

impl<P: Portal> Flow<'_, '_, P> {
    pub(super) async fn survey(&mut self) -> Result<StartPoint, StopReason> {
        let stage = Stage::Survey;
        self.stand(stage, "gateway");
        verb!(self, stage, self.portal.prove_path())?;
        self.note(stage, &Event::PathProven).await?;
        self.stand(stage, "sign-in");
        let account = verb!(self, stage, self.portal.sign_in())?;
        self.watcher.on_observation(WatchEvent::Account(&account));
        self.ending.account = Some(account);
        self.note(stage, &Event::SignedIn).await?;
        if let Some(portal) = self.gateway.portal_time() {
            let agreed = clocks::agree(self.clock.now(), portal, self.facts.map.file.limits.clock_tolerance_s);
            agreed.map_err(|apart| StopReason::Environment(apart.to_string()))?;
        }
        let left = self.log.left();
        match &left {
            PortalResidue::PerhapsASubmission { draft, since } => {
                return Ok(StartPoint::Doubt { draft: draft.clone(), since: *since });
            }
            PortalResidue::Nothing
            | PortalResidue::PerhapsADraft { .. }
            | PortalResidue::Draft { .. }
            | PortalResidue::Submission { .. } => {}
        }
        self.stand(stage, "existing exceptions");
        let change = &self.facts.record.record.exception.change_id;
        let rows = rereading!(self, stage, self.portal.list_exceptions())?;
        let mut found = course(change, &left, &rows);
        self.observe(stage, "exceptions", Observation::Exceptions(change, &left, &rows), &found.verdict())?;
        if self.may_lag(&left, &found) {
            self.stand(stage, "waiting for what may still be on its way");
            let rest = self.arrival();
            verb!(self, stage, async {
                self.clock.rest(rest).await;
                Ok(())
            })?;
            let rows = rereading!(self, stage, self.portal.list_exceptions())?;
            found = course(change, &left, &rows);
            self.observe(stage, "exceptions", Observation::Exceptions(change, &left, &rows), &found.verdict())?;
        }
        let way = match found {
            Course::Afresh => StartPoint::Afresh,
            Course::From(draft) => StartPoint::From(draft),
            Course::PerhapsAlreadySubmitted(row) => return Err(self.compare_with_submitted(row).await?),
            Course::Gone(reasons) => return Err(StopReason::Gone(reasons)),
            Course::Obstructed(reasons) => return Err(StopReason::Halt(reasons)),
        };
        if let Some(reasons) = self.facts.closed {
            // Gates that have closed since keep nobody from finding out what became of the draft, and from nothing less.
            return Err(StopReason::Halt(reasons.clone()));
        }
        match (&way, &left) {
            (StartPoint::Afresh, PortalResidue::PerhapsADraft { .. }) => self.note(stage, &Event::NothingFound).await?,
            (StartPoint::From(draft), _) => {
                self.ending.draft = Some(draft.clone());
                self.ending.draft_state = Some(DraftState::Unread);
            }
            (StartPoint::Afresh | StartPoint::Doubt { .. }, _) => {}
        }
        match self.look_at_empty_form().await {
            Err(stop) if self.is_signed_out(&stop) => {
                self.sign_in_again(stage).await?;
                self.look_at_empty_form().await?;
            }
            other => other?,
        }
        Ok(way)
    }

    /// Visits every tab of an empty form, before anything is typed.
    async fn look_at_empty_form(&mut self) -> Result<(), StopReason> {
        let stage = Stage::Survey;
        self.stand(stage, "the form");
        self.empty.clear();
        verb!(self, stage, self.portal.open_form())?;
        let mut reasons = Vec::new();
        for tab in self.facts.plan.tabs.iter().filter(|tab| !tab.after_save) {
            if let Verdict::Halt(found) = self.look_at_empty_tab(tab).await? {
                // A banner stands over every tab: once is enough.
                let news = found.iter().filter(|reason| !reasons.contains(*reason)).cloned().collect::<Vec<_>>();
                reasons.extend(news);
            }
        }
        if let Some(reasons) = NonEmpty::from_vec(reasons) {
            return Err(StopReason::Halt(reasons));
        }
        self.note(stage, &Event::Surveyed).await
    }

    /// Looks at a tab before anything is typed into it.
    pub(super) async fn look_at_empty_tab(&mut self, tab: &PlannedTab) -> Result<Verdict, StopReason> {
        let stage = Stage::Survey;
        self.stand(stage, tab.id.as_str());
        let observed = verb!(self, stage, self.portal.read_tab(tab))?;
        let verdict = reconcile::surveyed_tab(tab, &observed, &self.facts.map.banners);
        let look = Observation::Survey(TabObservation { planned: tab, observed: &observed });
        self.observe(stage, tab.id.as_str(), look, &verdict)?;
        self.empty.push(observed);
        if let Verdict::Halt(_) = verdict {
            self.keep_picture(stage, &format!("survey-{}", tab.id), Scene::Tab(tab), true).await?;
        }
        Ok(verdict)
    }

    /// Whether the list shows less than an earlier run may have left: then it is read once more, when nothing can arrive any
    /// more. That is counted from now: no clock has to be believed for it.
    fn may_lag(&self, left: &PortalResidue, found: &Course) -> bool {
        match (left, found) {
            (
                PortalResidue::PerhapsADraft { .. } | PortalResidue::Draft { .. } | PortalResidue::Submission { .. },
                Course::Afresh | Course::Gone(_),
            ) => true,
            (PortalResidue::Nothing, Course::Afresh) => self.submitted_before,
            (
                PortalResidue::Nothing
                | PortalResidue::PerhapsADraft { .. }
                | PortalResidue::Draft { .. }
                | PortalResidue::Submission { .. }
                | PortalResidue::PerhapsASubmission { .. },
                Course::Afresh
                | Course::From(_)
                | Course::PerhapsAlreadySubmitted(_)
                | Course::Gone(_)
                | Course::Obstructed(_),
            ) => false,
        }
    }

    /// How long what was sent may still take to show in the portal's list. Nothing announces its arrival, so that there is
    /// nothing but time to wait for.
    pub(super) fn arrival(&self) -> Duration {
        Self::limit(self.facts.map.file.limits.arrival_s)
    }

    async fn compare_with_submitted(&mut self, row: ListedException) -> Result<StopReason, StopReason> {
        let stage = Stage::Survey;
        let lines = &self.facts.plan.submitted;
        let page = rereading!(self, stage, self.portal.read_page(ShownPage::Submitted(&row.number), lines))?;
        let verdict = reconcile::summary(stage, lines, self.facts.plan, &page, &self.facts.map.banners);
        self.observe(stage, "submitted", self.summary_of(lines, &page), &verdict)?;
        Ok(match verdict {
            Verdict::Proceed(()) => StopReason::AlreadySubmitted(row),
            Verdict::Halt(differences) => {
                let mut reasons = NonEmpty::one(HaltReason {
                    code: HaltCode::ExistingException,
                    stage,
                    subject: "exceptions".to_owned(),
                    expected: Fact::public("no submitted exception for this change, or exactly this one"),
                    observed: row.fact(format!("{}, which differs from the record", row.number)),
                    source: FactSource::Portal,
                });
                reasons.extend(differences.iter().cloned());
                match self.log.left() {
                    // Somebody finished the draft by hand, and otherwise: of this run's doing nothing is left.
                    PortalResidue::Draft { .. } | PortalResidue::PerhapsADraft { .. } => StopReason::Gone(reasons),
                    PortalResidue::Nothing
                    | PortalResidue::Submission { .. }
                    | PortalResidue::PerhapsASubmission { .. } => StopReason::Halt(reasons),
                }
            }
        })
    }

    pub(super) async fn fill_tab(&mut self, tab: &PlannedTab) -> Result<(), StopReason> {
        let stage = Stage::Fill;
        self.stand(stage, tab.id.as_str());
        self.note(stage, &Event::EntryBegins { tab: tab.id.clone() }).await?;
        if self.log.tabs_filled.is_empty() {
            self.accepted_before = self.gateway.accepted();
        }
        self.entering = Some(tab.id.clone());
        let observed = verb!(self, stage, self.portal.enter_tab(tab))?;
        let verdict = reconcile::filled_tab(tab, &observed, &self.facts.map.banners);
        self.log.note_entered(&tab.fields, &observed.controls);
        self.observe(
            stage,
            tab.id.as_str(),
            Observation::Fill(TabObservation { planned: tab, observed: &observed }),
            &verdict,
        )?;
        if tab.files.is_empty() || matches!(verdict, Verdict::Halt(_)) {
            let halts = matches!(verdict, Verdict::Halt(_));
            self.keep_picture(stage, &format!("fill-{}", tab.id), Scene::Tab(tab), halts).await?;
        }
        if let Verdict::Halt(reasons) = verdict {
            return Err(StopReason::Halt(reasons));
        }
        self.entering = None;
        self.log.tabs_filled.push(tab.id.clone());
        self.note(stage, &Event::TabFilled { tab: tab.id.clone() }).await
    }

    pub(super) async fn upload(&mut self, tab: &PlannedTab, files: &[LocalFile]) -> Result<(), StopReason> {
        let stage = Stage::Attach;
        self.stand(stage, tab.id.as_str());
        self.note(stage, &Event::UploadBegins { tab: tab.id.clone() }).await?;
        let before = self.gateway.accepted();
        let uploaded = verb!(self, stage, self.portal.upload_tab(tab, files));
        // A file is no draft.
        self.accepted_before += self.gateway.accepted() - before;
        let observed = uploaded?;
        let verdict = reconcile::uploads(stage, tab, &observed);
        self.observe(
            stage,
            tab.id.as_str(),
            Observation::Attach(TabObservation { planned: tab, observed: &observed }),
            &verdict,
        )?;
        let halts = matches!(verdict, Verdict::Halt(_));
        self.keep_picture(stage, &format!("attach-{}", tab.id), Scene::Tab(tab), halts).await?;
        if let Verdict::Halt(reasons) = verdict {
            return Err(StopReason::Halt(reasons));
        }
        self.log.uploaded.extend(tab.files.iter().map(|file| file.role.to_string()));
        self.note(stage, &Event::Uploaded { tab: tab.id.clone() }).await
    }

    /// Saves the form, or one tab of it, once. A draft that is known must stay that draft. `last` says whether nothing is to be
    /// entered any more.
    pub(super) async fn save(&mut self, tab: Option<&TabId>, last: bool) -> Result<DraftReference, StopReason> {
        let stage = Stage::Draft;
        self.stand(stage, "saving");
        let known = self.log.left().draft().cloned();
        self.note(stage, &Event::SaveBegins).await?;
        self.unanswered = true;
        let saved = verb!(self, stage, self.portal.save_draft(tab))?;
        self.unanswered = false;
        let reason = |code, observed: Fact| HaltReason {
            code,
            stage,
            subject: "draft".to_owned(),
            expected: Fact::public("a saved draft without complaints"),
            observed,
            source: FactSource::Portal,
        };
        let complaints = saved.complaints.iter();
        let complaints = complaints
            .map(|text| reason(HaltCode::ValidationRejected, Fact::new(text.expose().clone(), Exposure::Message)));
        let complaints = NonEmpty::from_vec(complaints.collect());
        if let Some(draft) = &saved.reference {
            self.watcher.on_observation(WatchEvent::Draft(draft));
        }
        let Some(draft) = saved.reference else {
            return Err(StopReason::Halt(complaints.unwrap_or_else(|| {
                NonEmpty::one(reason(HaltCode::PortalError, Fact::public("the portal did not save")))
            })));
        };
        if let Some(known) = known.filter(|known| *known != draft) {
            let observed = Fact::public(format!("{draft}, beside {known}"));
            return Err(StopReason::Halt(NonEmpty::one(reason(HaltCode::ExistingException, observed))));
        }
        self.ending.draft = Some(draft.clone());
        self.ending.draft_state = Some(if last { DraftState::Unread } else { DraftState::Partial });
        let named = draft.clone();
        let event = if last { Event::DraftSaved { draft: named } } else { Event::DraftBegun { draft: named } };
        self.note(stage, &event).await?;
        match complaints {
            // Validation that came too late for the tab it belongs to.
            Some(complaints) => Err(StopReason::Halt(complaints)),
            None => Ok(draft),
        }
    }

    /// Reopens the draft from the server and compares every value as stored. That only reads: a session that ends meanwhile is
    /// renewed, once.
    pub(super) async fn verify(&mut self, draft: &DraftReference) -> Result<(), StopReason> {
        match self.verify_once(draft).await {
            Err(stop) if self.is_signed_out(&stop) => {
                self.sign_in_again(Stage::Draft).await?;
                self.verify_once(draft).await
            }
            other => other,
        }
    }

    async fn verify_once(&mut self, draft: &DraftReference) -> Result<(), StopReason> {
        let stage = Stage::Draft;
        verb!(self, stage, self.portal.open_draft(draft))?;
        let mut reasons = Vec::new();
        for tab in &self.facts.plan.tabs {
            self.stand(stage, tab.id.as_str());
            reasons.extend(self.verify_tab(tab).await?);
        }
        if let Some(reasons) = NonEmpty::from_vec(reasons) {
            self.ending.draft_state = Some(DraftState::Differs);
            return Err(StopReason::Halt(reasons));
        }
        self.ending.draft_state = Some(DraftState::Verified);
        self.note(stage, &Event::DraftVerified).await
    }

    async fn verify_tab(&mut self, tab: &PlannedTab) -> Result<Vec<HaltReason>, StopReason> {
        let stage = Stage::Draft;
        let observed = verb!(self, stage, self.portal.read_tab(tab))?;
        let verdict = reconcile::drafted_tab(tab, &observed, &self.facts.map.banners);
        self.observe(
            stage,
            tab.id.as_str(),
            Observation::Draft(TabObservation { planned: tab, observed: &observed }),
            &verdict,
        )?;
        match verdict {
            Verdict::Proceed(()) => Ok(Vec::new()),
            Verdict::Halt(reasons) => {
                self.keep_picture(stage, &format!("draft-{}", tab.id), Scene::Tab(tab), true).await?;
                Ok(reasons.iter().cloned().collect())
            }
        }
    }

    pub(super) async fn review(&mut self, draft: &DraftReference) -> Result<(), StopReason> {
        let stage = Stage::Review;
        self.stand(stage, "summary");
        let lines = &self.facts.plan.review;
        let shown = ShownPage::Review(draft);
        let page = rereading!(self, stage, self.portal.read_page(shown, lines))?;
        let verdict = reconcile::summary(stage, lines, self.facts.plan, &page, &self.facts.map.banners);
        self.observe(stage, "review", self.summary_of(lines, &page), &verdict)?;
        let halts = matches!(verdict, Verdict::Halt(_));
        self.keep_picture(stage, "review", Scene::Lines(shown, lines), halts).await?;
        match verdict {
            Verdict::Proceed(()) => self.note(stage, &Event::Reviewed).await,
            Verdict::Halt(reasons) => Err(StopReason::Halt(reasons)),
        }
    }
}
