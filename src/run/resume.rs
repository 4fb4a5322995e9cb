//! Going on from a draft that an earlier run left: compare it, complete it, never make a second one.

use super::flow::{Flow, StopReason, rereading, verb};
use crate::decide::rules::resumption::{TabStanding, resumed_tab};
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
