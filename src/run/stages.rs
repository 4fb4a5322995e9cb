//! The stages before the commit: survey, fill, attach, draft, review. Each looks, has it judged, and notes both.

use super::books::Seen;
use super::flow::{Clock, Flow, Stop, Watcher, verb};
use crate::decide::reconcile;
use crate::decide::rules::exceptions::{BeforeEntry, before_entry};
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, NonEmpty, Stage, Verdict};
use crate::evidence::documents::DraftState;
use crate::evidence::journal::Event;
use crate::model::form::PlannedTab;
use crate::model::ids::DraftReference;
use crate::model::portal_facts::ListedException;
use crate::model::private::{Exposure, Fact};
use crate::portal::{LocalFile, Portal, Scene, ShownPage};
use crate::sources::Sources;

impl<P: Portal, S: Sources, C: Clock, W: Watcher> Flow<'_, '_, P, S, C, W> {
    pub(super) async fn survey(&mut self) -> Result<(), Stop> {
        let stage = Stage::Survey;
        self.stand(stage, "gateway");
        verb!(self, stage, self.portal.prove_path())?;
        self.note(stage, &Event::PathProven)?;
        self.stand(stage, "sign-in");
        let account = verb!(self, stage, self.portal.sign_in())?;
        self.account = Some(account);
        self.note(stage, &Event::SignedIn)?;
        self.stand(stage, "existing exceptions");
        let rows = verb!(self, stage, self.portal.list_exceptions())?;
        match before_entry(&self.facts.record.record.exception.change_id, &rows) {
            BeforeEntry::Clear => {}
            BeforeEntry::Obstructed(reasons) => {
                if let Some(reasons) = NonEmpty::from_vec(reasons) {
                    return Err(Stop::Halt(reasons));
                }
            }
            BeforeEntry::PerhapsAlreadySubmitted(row) => return self.compare_with_submitted(row).await,
        }
        verb!(self, stage, self.portal.open_form())?;
        let mut reasons = Vec::new();
        for tab in &self.facts.plan.tabs {
            self.stand(stage, tab.id.as_str());
            let observed = verb!(self, stage, self.portal.read_tab(tab))?;
            let verdict = reconcile::surveyed_tab(tab, &observed, &self.facts.map.banners);
            self.books.observe(&Seen {
                at: self.clock.now(),
                stage,
                place: tab.id.to_string(),
                planned: &tab.fields,
                found: &observed.controls,
                banners: &observed.banners,
                verdict: &verdict,
            })?;
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
        self.note(stage, &Event::Surveyed)
    }

    async fn compare_with_submitted(&mut self, row: ListedException) -> Result<(), Stop> {
        let stage = Stage::Survey;
        let lines = &self.facts.plan.submitted;
        let page = verb!(self, stage, self.portal.read_page(ShownPage::Submitted(&row.number), lines))?;
        let verdict = reconcile::summary(stage, lines, self.facts.plan, &page, &self.facts.map.banners);
        self.books.observe(&Seen {
            at: self.clock.now(),
            stage,
            place: "submitted".to_owned(),
            planned: lines,
            found: &page.lines,
            banners: &page.banners,
            verdict: &verdict,
        })?;
        match verdict {
            Verdict::Proceed(()) => Err(Stop::AlreadySubmitted(row)),
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
                Err(Stop::Halt(reasons))
            }
        }
    }

    pub(super) async fn fill(&mut self) -> Result<(), Stop> {
        let stage = Stage::Fill;
        for tab in &self.facts.plan.tabs {
            self.stand(stage, tab.id.as_str());
            self.note(stage, &Event::EntryBegins { tab: tab.id.clone() })?;
            let observed = verb!(self, stage, self.portal.enter_tab(tab))?;
            let verdict = reconcile::filled_tab(tab, &observed, &self.facts.map.banners);
            self.books.note_entered(&tab.fields, &observed.controls);
            self.books.observe(&Seen {
                at: self.clock.now(),
                stage,
                place: tab.id.to_string(),
                planned: &tab.fields,
                found: &observed.controls,
                banners: &observed.banners,
                verdict: &verdict,
            })?;
            if tab.files.is_empty() || matches!(verdict, Verdict::Halt(_)) {
                self.keep_picture(stage, &format!("fill-{}", tab.id), Scene::Tab(tab)).await?;
            }
            if let Verdict::Halt(reasons) = verdict {
                return Err(Stop::Halt(reasons));
            }
            self.books.tabs_filled.push(tab.id.clone());
            self.note(stage, &Event::TabFilled { tab: tab.id.clone() })?;
        }
        Ok(())
    }

    pub(super) async fn attach(&mut self) -> Result<(), Stop> {
        let stage = Stage::Attach;
        for tab in self.facts.plan.tabs.iter().filter(|tab| !tab.files.is_empty()) {
            self.stand(stage, tab.id.as_str());
            self.note(stage, &Event::UploadBegins { tab: tab.id.clone() })?;
            let wanted = |file: &&LocalFile| tab.files.contains(&file.planned);
            let files: Vec<LocalFile> = self.facts.files.iter().filter(wanted).cloned().collect();
            let observed = verb!(self, stage, self.portal.upload_tab(tab, &files))?;
            let verdict = reconcile::uploads(stage, tab, &observed);
            self.books.observe(&Seen {
                at: self.clock.now(),
                stage,
                place: tab.id.to_string(),
                planned: &[],
                found: &observed.controls,
                banners: &observed.banners,
                verdict: &verdict,
            })?;
            self.keep_picture(stage, &format!("attach-{}", tab.id), Scene::Tab(tab)).await?;
            if let Verdict::Halt(reasons) = verdict {
                return Err(Stop::Halt(reasons));
            }
            self.books.uploaded.extend(tab.files.iter().map(|file| file.role.to_string()));
            self.note(stage, &Event::Uploaded { tab: tab.id.clone() })?;
        }
        Ok(())
    }

    pub(super) async fn save_and_verify(&mut self) -> Result<DraftReference, Stop> {
        let stage = Stage::Draft;
        self.stand(stage, "saving");
        self.note(stage, &Event::SaveBegins)?;
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
        self.draft = Some(draft.clone());
        self.draft_state = Some(DraftState::Unread);
        self.note(stage, &Event::DraftSaved { draft: draft.clone() })?;
        if let Some(complaints) = complaints {
            // Validation that came too late for the tab it belongs to.
            return Err(Stop::Halt(complaints));
        }
        verb!(self, stage, self.portal.open_draft(&draft))?;
        let mut reasons = Vec::new();
        for tab in &self.facts.plan.tabs {
            self.stand(stage, tab.id.as_str());
            reasons.extend(self.verify_tab(tab).await?);
        }
        if let Some(reasons) = NonEmpty::from_vec(reasons) {
            self.draft_state = Some(DraftState::Differs);
            return Err(Stop::Halt(reasons));
        }
        self.draft_state = Some(DraftState::Verified);
        self.note(stage, &Event::DraftVerified)?;
        Ok(draft)
    }

    async fn verify_tab(&mut self, tab: &PlannedTab) -> Result<Vec<HaltReason>, Stop> {
        let stage = Stage::Draft;
        let observed = verb!(self, stage, self.portal.read_tab(tab))?;
        let verdict = reconcile::drafted_tab(tab, &observed, &self.facts.map.banners);
        self.books.observe(&Seen {
            at: self.clock.now(),
            stage,
            place: tab.id.to_string(),
            planned: &tab.fields,
            found: &observed.controls,
            banners: &observed.banners,
            verdict: &verdict,
        })?;
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
        let page = verb!(self, stage, self.portal.read_page(shown, lines))?;
        let verdict = reconcile::summary(stage, lines, self.facts.plan, &page, &self.facts.map.banners);
        self.books.observe(&Seen {
            at: self.clock.now(),
            stage,
            place: "review".to_owned(),
            planned: lines,
            found: &page.lines,
            banners: &page.banners,
            verdict: &verdict,
        })?;
        self.keep_picture(stage, "review", Scene::Lines(shown, lines)).await?;
        match verdict {
            Verdict::Proceed(()) => self.note(stage, &Event::Reviewed),
            Verdict::Halt(reasons) => Err(Stop::Halt(reasons)),
        }
    }
}
