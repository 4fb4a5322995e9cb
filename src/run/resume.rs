//! Entering: from an empty form, also when the session ends meanwhile, or from a draft that an earlier run left. That one is
//! compared and completed; never is a second one made.

use super::entry::{Step, TabWork, order};
use super::flow::{Flow, StopReason, rereading, signed_out_at, verb};
use crate::decide::rules::resumption::{Course, TabStanding, course, resumed_tab};
use crate::decide::verdict::{NonEmpty, Stage, Verdict};
use crate::evidence::journal::{Event, Progress};
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
            // What was saved as a whole has been read again, and signed in for.
            if self.log.progress() == Progress::Drafted {
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
        let plan = self.facts.plan;
        let files = |tab: &PlannedTab| {
            let wanted = |file: &&LocalFile| tab.files.contains(&file.planned);
            self.facts.files.iter().filter(wanted).cloned().collect()
        };
        let work = plan.tabs.iter().map(|tab| TabWork { tab, fill: true, files: files(tab) }).collect();
        self.carry_out(work, None).await
    }

    /// Does the work in its order, and reads the draft again. Between two saves the draft is opened anew: the page that answers
    /// a save may be another than the form.
    async fn carry_out(
        &mut self,
        work: Vec<TabWork<'_>>,
        draft: Option<DraftReference>,
    ) -> Result<DraftReference, StopReason> {
        let whole = self.facts.map.file.draft.save.is_some();
        let mut steps = order(work, draft.is_some(), whole).into_iter().peekable();
        let mut draft = draft;
        while let Some(step) = steps.next() {
            match step {
                Step::Fill(tab) => {
                    if !self.empty.iter().any(|seen| seen.tab == tab.id) && tab.after_save {
                        self.look_at_empty_tab(tab).await?.into_result()?;
                    }
                    self.fill_tab(tab).await?;
                }
                Step::Upload(tab, files) => self.upload(tab, &files).await?,
                Step::Save(tab) => {
                    let saved = self.save(tab.map(|tab| &tab.id), steps.peek().is_none()).await?;
                    if steps.peek().is_some() {
                        self.stand(Stage::Draft, "opening what was saved");
                        verb!(self, Stage::Draft, self.portal.open_draft(&saved))?;
                    }
                    draft = Some(saved);
                }
            }
        }
        let Some(draft) = draft else {
            return Err(StopReason::Environment("the map says of no tab how it is saved".to_owned()));
        };
        if self.log.progress() == Progress::Entering {
            self.note(Stage::Attach, &Event::DraftSaved { draft: draft.clone() }).await?;
        }
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
        let history = self.log.journal.history();
        let all = history.map(|history| history.work.clone()).unwrap_or_default();
        let same = history.is_some_and(|history| history.filled_from == self.facts.record.packet);
        let work = if same { all.clone() } else { TabProgress::default() };
        let mut standings = Vec::new();
        let empty = std::mem::take(&mut self.empty);
        for tab in &plan.tabs {
            self.stand(stage, tab.id.as_str());
            let known = empty.iter().find(|seen| seen.tab == tab.id);
            // Of a tab that an empty form has not, what is blank is untouched.
            let unknown = ObservedTab::unknown(tab.id.clone());
            let standing = self.compare_tab(tab, known.unwrap_or(&unknown), &work).await?;
            let from_another = !same && all.fields.contains_key(&tab.id);
            standings.push(if from_another { standing.by_whomever() } else { standing });
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
        let left = plan.tabs.iter().zip(&standings).map(|(tab, standing)| {
            let missing = |file: &&LocalFile| standing.missing_files.contains(&file.planned);
            let files = self.facts.files.iter().filter(missing).cloned().collect();
            TabWork { tab, fill: !standing.missing.is_empty(), files }
        });
        let left = left.collect();
        self.carry_out(left, Some(draft)).await
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
            self.keep_picture(stage, &format!("resumed-{}", tab.id), Scene::Tab(tab), true).await?;
        }
        Ok(standing)
    }
}
