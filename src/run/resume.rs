//! Entering: from an empty form, also when the session ends meanwhile, or from a draft that an earlier run left. That one is
//! compared and completed; never is a second one made.

use super::flow::{Flow, StopReason, rereading, signed_out_at, verb};
use crate::decide::rules::resumption::{Course, TabStanding, course, resumed_tab};
use crate::decide::verdict::{NonEmpty, Stage, Verdict};
use crate::evidence::journal::Event;
use crate::evidence::observations::{Observation, TabObservation};
use crate::evidence::outcome::DraftState;
use crate::model::form::PlannedTab;
use crate::model::ids::DraftReference;
use crate::model::observed::ObservedTab;
use crate::model::residue::TabProgress;
use crate::portal::{LocalFile, Portal, Scene};

impl<P: Portal> Flow<'_, '_, P> {
    /// Fills an empty form, attaches the files and saves. If the session ends meanwhile, the agent signs in again, at most once
    /// a stage, and looks up what was left: it goes on with the draft, or from an empty form if there is none.
    pub(super) async fn enter(&mut self) -> Result<DraftReference, StopReason> {
        let mut renewed = Vec::new();
        loop {
            let stop = match self.enter_once().await {
                Ok(draft) => return Ok(draft),
                Err(stop) => stop,
            };
            let Some(stage) = signed_out_at(&stop).filter(|stage| !renewed.contains(stage)) else { return Err(stop) };
            if self.ending.draft.is_some() {
                return Err(stop);
            }
            renewed.push(stage);
            match self.look_for_a_draft(stage).await? {
                // What the portal took and does not list may be a draft: a second one is not begun.
                Course::Afresh if self.took_something() => return Err(stop),
                Course::Afresh => self.begin_anew(stage).await?,
                Course::From(draft) => {
                    self.ending.draft = Some(draft.clone());
                    self.ending.draft_state = Some(DraftState::Unread);
                    return self.go_on(draft).await;
                }
                Course::PerhapsAlreadySubmitted(_) | Course::Gone(_) | Course::Obstructed(_) => return Err(stop),
            }
        }
    }

    async fn enter_once(&mut self) -> Result<DraftReference, StopReason> {
        self.fill().await?;
        self.attach().await?;
        let draft = self.save().await?;
        self.verify(&draft).await?;
        Ok(draft)
    }

    /// Signs in again and reads the list, once nothing that was sent can arrive any more.
    async fn look_for_a_draft(&mut self, stage: Stage) -> Result<Course, StopReason> {
        self.stand(stage, "signing in again");
        let sent = self.unanswered || self.took_something();
        self.sign_in_again(stage).await?;
        let change = &self.facts.record.record.exception.change_id;
        let left = self.log.left();
        let mut rows = verb!(self, stage, self.portal.list_exceptions())?;
        let mut found = course(change, &left, &rows);
        if sent && found == Course::Afresh {
            let rest = self.arrival();
            verb!(self, stage, async {
                self.clock.rest(rest).await;
                Ok(())
            })?;
            rows = verb!(self, stage, self.portal.list_exceptions())?;
            found = course(change, &left, &rows);
        }
        self.observe(stage, "exceptions", Observation::Exceptions(change, &left, &rows), &found.verdict())?;
        Ok(found)
    }

    /// Opens an empty form again: of what was entered nothing is left.
    async fn begin_anew(&mut self, stage: Stage) -> Result<(), StopReason> {
        self.note(stage, &Event::NothingFound).await?;
        self.unanswered = false;
        self.entering = None;
        self.log.begin_anew();
        verb!(self, stage, self.portal.open_form())
    }

    /// Opens the draft, compares every tab with the record and with what the agent had entered, enters what nobody has entered
    /// yet, and saves it as the same draft. What somebody changed in an approved field halts.
    pub(super) async fn go_on(&mut self, draft: DraftReference) -> Result<DraftReference, StopReason> {
        let stage = Stage::Draft;
        self.stand(stage, "the draft as it was left");
        rereading!(self, stage, self.portal.open_draft(&draft))?;
        let plan = self.facts.plan;
        let known = self.log.journal.history().filter(|history| history.filled_from == self.facts.record.packet);
        let work = known.map(|history| history.work.clone()).unwrap_or_default();
        let mut standings = Vec::new();
        for (tab, empty) in plan.tabs.iter().zip(std::mem::take(&mut self.empty)) {
            self.stand(stage, tab.id.as_str());
            standings.push(self.compare_tab(tab, &empty, &work).await?);
        }
        let edits = standings.iter().flat_map(|standing| standing.edits.iter().cloned());
        self.ending.edits = edits.collect();
        let whole = standings.iter().all(TabStanding::is_complete);
        let reasons = standings.iter().flat_map(|standing| standing.reasons.iter().cloned()).collect();
        if let Some(reasons) = NonEmpty::from_vec(reasons) {
            self.ending.draft_state = Some(DraftState::Differs);
            return Err(StopReason::Halt(reasons));
        }
        let complete = plan.tabs.iter().zip(&standings).filter(|(_, standing)| standing.is_complete());
        let tabs = complete.map(|(tab, _)| tab.id.clone()).collect();
        self.note(stage, &Event::DraftAdopted { draft: draft.clone(), tabs }).await?;
        self.ending.draft_state = Some(if whole { DraftState::Verified } else { DraftState::Partial });
        if whole {
            self.note(stage, &Event::DraftVerified).await?;
            return Ok(draft);
        }
        for (tab, standing) in plan.tabs.iter().zip(&standings) {
            if !standing.missing.is_empty() {
                self.fill_tab(tab).await?;
            }
        }
        for (tab, standing) in plan.tabs.iter().zip(&standings) {
            let missing = |file: &&LocalFile| standing.missing_files.contains(&file.planned);
            let files: Vec<LocalFile> = self.facts.files.iter().filter(missing).cloned().collect();
            if !files.is_empty() {
                self.upload(tab, &files).await?;
            }
        }
        let saved = self.save().await?;
        self.verify(&saved).await?;
        Ok(saved)
    }

    async fn compare_tab(
        &mut self,
        tab: &PlannedTab,
        empty: &ObservedTab,
        work: &TabProgress,
    ) -> Result<TabStanding, StopReason> {
        let stage = Stage::Draft;
        let observed = verb!(self, stage, self.portal.read_tab(tab))?;
        let standing = resumed_tab(tab, &observed, empty, work, &self.facts.map.banners);
        let verdict = Verdict::of(standing.reasons.clone());
        self.log.note_entered(&tab.fields, &observed.controls);
        if standing.missing_files.is_empty() && standing.reasons.is_empty() {
            self.log.uploaded.extend(tab.files.iter().map(|file| file.role.to_string()));
        }
        if standing.is_complete() {
            self.log.tabs_filled.push(tab.id.clone());
        }
        let seen = TabObservation { planned: tab, observed: &observed };
        self.observe(stage, tab.id.as_str(), Observation::Resume(seen, empty, work), &verdict)?;
        if !standing.reasons.is_empty() {
            self.keep_picture(stage, &format!("resumed-{}", tab.id), Scene::Tab(tab)).await?;
        }
        Ok(standing)
    }
}
