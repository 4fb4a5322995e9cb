//! The stages before the commit: survey, fill, attach, draft, review. Each looks, has it judged, and notes both.

use super::clock::Clock;
use super::flow::{Flow, Stop, Watcher, Way, rereading, verb};
use crate::decide::reconcile;
use crate::decide::rules::resumption::{Course, course};
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, NonEmpty, Stage, Verdict};
use crate::evidence::journal::Event;
use crate::evidence::outcome::DraftState;
use crate::model::form::PlannedTab;
use crate::model::ids::DraftReference;
use crate::model::left::Left;
use crate::model::portal_facts::ListedException;
use crate::model::private::{Exposure, Fact};
use crate::model::time::Instant;
use crate::portal::{LocalFile, Portal, Scene, ShownPage};
use crate::sources::Sources;

impl<P: Portal, S: Sources, C: Clock, W: Watcher> Flow<'_, '_, P, S, C, W> {
    pub(super) async fn survey(&mut self) -> Result<Way, Stop> {
        let stage = Stage::Survey;
        self.stand(stage, "gateway");
        verb!(self, stage, self.portal.prove_path())?;
        self.note(stage, &Event::PathProven).await?;
        self.stand(stage, "sign-in");
        let account = verb!(self, stage, self.portal.sign_in())?;
        self.ending.account = Some(account);
        self.note(stage, &Event::SignedIn).await?;
        let left = self.books.left();
        match &left {
            Left::PerhapsASubmission { draft, since } => {
                return Ok(Way::Doubt { draft: draft.clone(), since: *since });
            }
            Left::PerhapsADraft { since } => self.let_arrive(stage, *since).await?,
            Left::Nothing | Left::Draft { .. } | Left::Submission { .. } => {}
        }
        self.stand(stage, "existing exceptions");
        let rows = rereading!(self, stage, self.portal.list_exceptions())?;
        let way = match course(&self.facts.record.record.exception.change_id, &left, &rows) {
            Course::Afresh => Way::Afresh,
            Course::From(draft) => Way::From(draft),
            Course::PerhapsAlreadySubmitted(row) => return Err(self.compare_with_submitted(row).await?),
            Course::Gone(reasons) => return Err(Stop::Gone(reasons)),
            Course::Obstructed(reasons) => return Err(Stop::Halt(reasons)),
        };
        match (&way, &left) {
            (Way::Afresh, Left::PerhapsADraft { .. }) => self.note(stage, &Event::NothingFound).await?,
            (Way::From(draft), _) => {
                self.ending.draft = Some(draft.clone());
                self.ending.draft_state = Some(DraftState::Unread);
            }
            (Way::Afresh | Way::Doubt { .. }, _) => {}
        }
        self.look_at_empty_form().await?;
        Ok(way)
    }

    /// Visits every tab of an empty form, before anything is typed.
    async fn look_at_empty_form(&mut self) -> Result<(), Stop> {
        let stage = Stage::Survey;
        rereading!(self, stage, self.portal.open_form())?;
        let mut reasons = Vec::new();
        for tab in &self.facts.plan.tabs {
            self.stand(stage, tab.id.as_str());
            let observed = verb!(self, stage, self.portal.read_tab(tab))?;
            let verdict = reconcile::surveyed_tab(tab, &observed, &self.facts.map.banners);
            self.saw_tab(stage, tab, &observed, &verdict)?;
            self.empty.push(observed);
            if let Verdict::Halt(found) = verdict {
                // A banner stands over every tab: once is enough.
                let news = found.iter().filter(|reason| !reasons.contains(*reason)).cloned().collect::<Vec<_>>();
                reasons.extend(news);
                self.keep_picture(stage, &format!("survey-{}", tab.id), Scene::Tab(tab)).await?;
            }
        }
        if let Some(reasons) = NonEmpty::from_vec(reasons) {
            return Err(Stop::Halt(reasons));
        }
        self.note(stage, &Event::Surveyed).await
    }

    /// Waits until whatever an earlier run had on its way at `since` has arrived: a list that is read before proves nothing.
    pub(super) async fn let_arrive(&mut self, stage: Stage, since: Instant) -> Result<(), Stop> {
        self.stand(stage, "waiting for what may still be on its way");
        let longest = self.facts.map.file.limits.ready_s;
        let passed = u64::try_from(self.clock.now().seconds_since(since)).unwrap_or_default();
        // Nothing announces its arrival, so that there is nothing but time to wait for.
        let rest = Self::limit(longest.saturating_sub(passed));
        verb!(self, stage, async {
            tokio::time::sleep(rest).await;
            Ok(())
        })
    }

    async fn compare_with_submitted(&mut self, row: ListedException) -> Result<Stop, Stop> {
        let stage = Stage::Survey;
        let lines = &self.facts.plan.submitted;
        let page = rereading!(self, stage, self.portal.read_page(ShownPage::Submitted(&row.number), lines))?;
        let verdict = reconcile::summary(stage, lines, self.facts.plan, &page, &self.facts.map.banners);
        self.saw_page(stage, "submitted", lines, &page, &verdict)?;
        Ok(match verdict {
            Verdict::Proceed(()) => Stop::AlreadySubmitted(row),
            Verdict::Halt(differences) => {
                let mut reasons = NonEmpty::one(HaltReason {
                    code: HaltCode::ExistingException,
                    stage,
                    subject: "exceptions".to_owned(),
                    expected: Fact::public("no submitted exception for this change, or exactly this one"),
                    observed: Fact::public(format!("{}, which differs from the record", row.number)),
                    source: FactSource::Portal,
                });
                reasons.extend(differences.iter().cloned());
                Stop::Halt(reasons)
            }
        })
    }

    pub(super) async fn fill(&mut self) -> Result<(), Stop> {
        for tab in &self.facts.plan.tabs {
            self.fill_tab(tab).await?;
        }
        Ok(())
    }

    pub(super) async fn fill_tab(&mut self, tab: &PlannedTab) -> Result<(), Stop> {
        let stage = Stage::Fill;
        self.stand(stage, tab.id.as_str());
        self.note(stage, &Event::EntryBegins { tab: tab.id.clone() }).await?;
        let observed = verb!(self, stage, self.portal.enter_tab(tab))?;
        let verdict = reconcile::filled_tab(tab, &observed, &self.facts.map.banners);
        self.books.note_entered(&tab.fields, &observed.controls);
        self.saw_tab(stage, tab, &observed, &verdict)?;
        if tab.files.is_empty() || matches!(verdict, Verdict::Halt(_)) {
            self.keep_picture(stage, &format!("fill-{}", tab.id), Scene::Tab(tab)).await?;
        }
        if let Verdict::Halt(reasons) = verdict {
            return Err(Stop::Halt(reasons));
        }
        self.books.tabs_filled.push(tab.id.clone());
        self.note(stage, &Event::TabFilled { tab: tab.id.clone() }).await
    }

    pub(super) async fn attach(&mut self) -> Result<(), Stop> {
        for tab in self.facts.plan.tabs.iter().filter(|tab| !tab.files.is_empty()) {
            let wanted = |file: &&LocalFile| tab.files.contains(&file.planned);
            let files: Vec<LocalFile> = self.facts.files.iter().filter(wanted).cloned().collect();
            self.upload(tab, &files).await?;
        }
        Ok(())
    }

    pub(super) async fn upload(&mut self, tab: &PlannedTab, files: &[LocalFile]) -> Result<(), Stop> {
        let stage = Stage::Attach;
        self.stand(stage, tab.id.as_str());
        self.note(stage, &Event::UploadBegins { tab: tab.id.clone() }).await?;
        let observed = verb!(self, stage, self.portal.upload_tab(tab, files))?;
        let verdict = reconcile::uploads(stage, tab, &observed);
        self.saw_tab(stage, &PlannedTab { fields: Vec::new(), ..tab.clone() }, &observed, &verdict)?;
        self.keep_picture(stage, &format!("attach-{}", tab.id), Scene::Tab(tab)).await?;
        if let Verdict::Halt(reasons) = verdict {
            return Err(Stop::Halt(reasons));
        }
        self.books.uploaded.extend(tab.files.iter().map(|file| file.role.to_string()));
        self.note(stage, &Event::Uploaded { tab: tab.id.clone() }).await
    }

    /// Saves the form, once. A draft of an earlier run must stay that draft.
    pub(super) async fn save(&mut self) -> Result<DraftReference, Stop> {
        let stage = Stage::Draft;
        self.stand(stage, "saving");
        let known = self.books.left().draft().cloned();
        self.note(stage, &Event::SaveBegins).await?;
        let saved = verb!(self, stage, self.portal.save_draft())?;
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
        let Some(draft) = saved.reference else {
            return Err(Stop::Halt(complaints.unwrap_or_else(|| {
                NonEmpty::one(reason(HaltCode::PortalError, Fact::public("the portal did not save")))
            })));
        };
        if let Some(known) = known.filter(|known| *known != draft) {
            let observed = Fact::public(format!("{draft}, beside {known}"));
            return Err(Stop::Halt(NonEmpty::one(reason(HaltCode::ExistingException, observed))));
        }
        self.ending.draft = Some(draft.clone());
        self.ending.draft_state = Some(DraftState::Unread);
        self.note(stage, &Event::DraftSaved { draft: draft.clone() }).await?;
        match complaints {
            // Validation that came too late for the tab it belongs to.
            Some(complaints) => Err(Stop::Halt(complaints)),
            None => Ok(draft),
        }
    }

    /// Reopens the draft from the server and compares every value as stored.
    pub(super) async fn verify(&mut self, draft: &DraftReference) -> Result<(), Stop> {
        let stage = Stage::Draft;
        rereading!(self, stage, self.portal.open_draft(draft))?;
        let mut reasons = Vec::new();
        for tab in &self.facts.plan.tabs {
            self.stand(stage, tab.id.as_str());
            reasons.extend(self.verify_tab(tab).await?);
        }
        if let Some(reasons) = NonEmpty::from_vec(reasons) {
            self.ending.draft_state = Some(DraftState::Differs);
            return Err(Stop::Halt(reasons));
        }
        self.ending.draft_state = Some(DraftState::Verified);
        self.note(stage, &Event::DraftVerified).await
    }

    async fn verify_tab(&mut self, tab: &PlannedTab) -> Result<Vec<HaltReason>, Stop> {
        let stage = Stage::Draft;
        let observed = verb!(self, stage, self.portal.read_tab(tab))?;
        let verdict = reconcile::drafted_tab(tab, &observed, &self.facts.map.banners);
        self.saw_tab(stage, tab, &observed, &verdict)?;
        match verdict {
            Verdict::Proceed(()) => Ok(Vec::new()),
            Verdict::Halt(reasons) => {
                self.keep_picture(stage, &format!("draft-{}", tab.id), Scene::Tab(tab)).await?;
                Ok(reasons.iter().cloned().collect())
            }
        }
    }

    pub(super) async fn review(&mut self, draft: &DraftReference) -> Result<(), Stop> {
        let stage = Stage::Review;
        self.stand(stage, "summary");
        let lines = &self.facts.plan.review;
        let shown = ShownPage::Review(draft);
        let page = rereading!(self, stage, self.portal.read_page(shown, lines))?;
        let verdict = reconcile::summary(stage, lines, self.facts.plan, &page, &self.facts.map.banners);
        self.saw_page(stage, "review", lines, &page, &verdict)?;
        self.keep_picture(stage, "review", Scene::Lines(shown, lines)).await?;
        match verdict {
            Verdict::Proceed(()) => self.note(stage, &Event::Reviewed).await,
            Verdict::Halt(reasons) => Err(Stop::Halt(reasons)),
        }
    }
}
