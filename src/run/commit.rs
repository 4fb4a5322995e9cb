//! Recheck, hold, intend, read once more, release once.

use std::time::{Duration, Instant as Monotonic};

use super::alarms::alarms;
use super::ending::Ending;
use super::facts::{RunFacts, judge_again, judge_held, reading};
use super::flow::{Flow, StopReason, rereading, verb};
use crate::decide::recheck::compare;
use crate::decide::reconcile;
use crate::decide::rules::commit::changed_unseen;
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, NonEmpty, Stage, Verdict};
use crate::evidence::journal::{Event, Progress};
use crate::evidence::observations::{Observation, PageObservation};
use crate::evidence::outcome::{CommitAnswer, Outcome};
use crate::gateway::control::{Answered, Held, Release};
use crate::gateway::interlock::{ReleaseRefused, ReleaseToken};
use crate::model::form::PlannedField;
use crate::model::gates::Gates;
use crate::model::ids::DraftReference;
use crate::model::private::Fact;
use crate::model::time::Instant;
use crate::portal::{Portal, PortalError, Scene, ShownPage};
use crate::sources::SourceFacts;
use crate::sources::record_file::ReadRecord;

fn interrupted() -> HaltReason {
    let observed = "stopped by Ctrl-C or another signal";
    held_reason(HaltCode::Interrupted, "a run that nobody stops", observed, FactSource::Agent)
}

fn held_reason(code: HaltCode, expected: &str, observed: impl ToString, source: FactSource) -> HaltReason {
    HaltReason {
        code,
        stage: Stage::Recheck,
        subject: "commit".to_owned(),
        expected: Fact::public(expected),
        observed: Fact::public(observed),
        source,
    }
}

impl<P: Portal> Flow<'_, '_, P> {
    pub(super) async fn commit(&mut self, draft: &DraftReference) -> Result<Ending, StopReason> {
        self.recheck_panel(draft).await?;
        let held = self.hold_commit().await?;
        let ended = match self.recheck_held(draft, &held).await {
            Ok(token) => self.release(token).await,
            Err(stop) => Err(stop),
        };
        if ended.is_err() {
            self.withdraw().await;
        }
        ended
    }

    /// Refuses the held request, and only then writes that it never left.
    async fn withdraw(&mut self) {
        self.gateway.lock();
        if self.log.progress() == Progress::Released {
            // If that cannot be written, whoever comes next looks the commit up: more than needed, and safe.
            let _ = self.note(Stage::Recheck, &Event::CommitWithdrawn).await;
        }
    }

    /// The summary and, on the page from which the click will be made, approvers and freeze window: all read anew, since a
    /// commit may carry nothing but a reference and somebody may have changed the draft.
    async fn recheck_panel(&mut self, draft: &DraftReference) -> Result<(), StopReason> {
        let stage = Stage::Recheck;
        self.stand(stage, "summary, approvers and freeze window");
        let plan = self.facts.plan;
        let map = &self.facts.map.file;
        self.changes_reviewed = self.gateway.changes();
        let one_page = map.review.path == map.recheck.path;
        if !one_page {
            let page = rereading!(self, stage, self.portal.read_page(ShownPage::Review(draft), &plan.review))?;
            let verdict = reconcile::summary(stage, &plan.review, plan, &page, &self.facts.map.banners);
            self.observe(stage, "review", self.summary_of(&plan.review, &page), &verdict)?;
            if let Verdict::Halt(reasons) = verdict {
                return Err(StopReason::Halt(reasons));
            }
        }
        let further = plan.review.iter().filter(|line| !plan.recheck.iter().any(|known| known.id == line.id));
        let lines: Vec<PlannedField> =
            if one_page { plan.recheck.iter().chain(further).cloned().collect() } else { plan.recheck.clone() };
        let shown = ShownPage::Recheck(draft);
        let page = rereading!(self, stage, self.portal.read_page(shown, &lines))?;
        let mut reasons = Vec::new();
        if one_page {
            let verdict = reconcile::summary(stage, &plan.review, plan, &page, &self.facts.map.banners);
            self.observe(stage, "review", self.summary_of(&plan.review, &page), &verdict)?;
            reasons.extend(verdict.reasons().iter().cloned());
        }
        let verdict = reconcile::recheck_panel(plan, &page, &self.facts.map.banners);
        let panel = PageObservation { lines: &plan.recheck, files: Vec::new(), page: &page };
        self.observe(stage, "recheck", Observation::Recheck(panel), &verdict)?;
        let news: Vec<_> = verdict.reasons().iter().filter(|reason| !reasons.contains(*reason)).cloned().collect();
        reasons.extend(news);
        let verdict = Verdict::of(reasons);
        let halts = matches!(verdict, Verdict::Halt(_));
        self.keep_picture(stage, "recheck", Scene::Lines(shown, &plan.recheck), halts).await?;
        match verdict {
            Verdict::Proceed(()) => self.note(stage, &Event::PanelRechecked).await,
            Verdict::Halt(reasons) => Err(StopReason::Halt(reasons)),
        }
    }

    /// Reads the sources anew, for at most `within`, and judges them. Returns what the verdict proceeds with, and when the last
    /// source had answered.
    async fn recheck_sources<T>(
        &mut self,
        within: Duration,
        judge: impl FnOnce(&RunFacts<'_>, &ReadRecord, &Gates, Instant) -> Verdict<T>,
    ) -> Result<(T, Monotonic), StopReason> {
        let stage = Stage::Recheck;
        let read = tokio::select! {
            biased;
            read = self.sources.read(Some(self.facts.record)) => read.map_err(|error| error.told()),
            () = self.interrupt.pressed() => return Err(StopReason::Halt(NonEmpty::one(interrupted()))),
            () = tokio::time::sleep(within) => Err(format!("the sources did not answer: not within {} s", within.as_secs())),
        };
        let SourceFacts { record, gates } = read.map_err(|observed| {
            let expected = "an answer from every source";
            let reason = held_reason(HaltCode::SourceUnavailable, expected, observed, FactSource::Record);
            StopReason::Halt(NonEmpty::one(reason))
        })?;
        let answered = Monotonic::now();
        let now = self.clock.now();
        let verdict = judge(&self.facts, &record, &gates, now);
        let kept = reading(stage, &self.facts, &record, &gates, now, &verdict.without_proof(), self.log.gate);
        self.log.read(kept);
        Ok((verdict.into_result()?, answered))
    }

    /// Clicks, and waits until the request that the click caused stands at the gateway.
    async fn hold_commit(&mut self) -> Result<Held, StopReason> {
        let stage = Stage::Recheck;
        let approach = verb!(self, stage, self.portal.approach_commit())?;
        let rules = &self.facts.map.banners;
        let verdict = reconcile::approach(approach.dialog.as_ref(), &approach.banners, rules);
        self.observe(stage, "dialog", Observation::Dialog(approach.dialog.as_ref(), &approach.banners), &verdict)?;
        if let Verdict::Halt(reasons) = verdict {
            return Err(StopReason::Halt(reasons));
        }
        // Once before the click, so that nothing is clicked in vain; again once the request is held.
        self.recheck_sources(Self::limit(self.facts.map.file.limits.hold_s), judge_again).await?;
        self.stand(stage, "holding the commit request");
        self.gateway.expect_commit();
        let pressed = verb!(self, stage, self.portal.press_commit());
        if let Err(stop) = pressed {
            self.gateway.lock();
            return Err(stop);
        }
        let gateway = self.gateway.clone();
        let within = Self::limit(self.facts.map.file.limits.click_s);
        let held = verb!(self, stage, async { Ok::<_, PortalError>(gateway.held(within).await) });
        match held {
            Ok(Some(held)) => {
                self.note(stage, &Event::CommitHeld { content: held.content.digest }).await?;
                Ok(held)
            }
            Ok(None) => {
                self.gateway.lock();
                let observed = "no commit request within the limit";
                Err(StopReason::Halt(NonEmpty::one(held_reason(
                    HaltCode::PortalTimeout,
                    "a commit request after the click",
                    observed,
                    FactSource::Gateway,
                ))))
            }
            Err(stop) => {
                self.gateway.lock();
                Err(stop)
            }
        }
    }

    /// With the request held: its own content, then the intent on disk and in the store, then the sources anew, uncached. Their
    /// answer is the last thing before the release: nothing waits in between.
    async fn recheck_held(&mut self, draft: &DraftReference, held: &Held) -> Result<ReleaseToken, StopReason> {
        let stage = Stage::Recheck;
        let held_since = self.clock.now();
        let verdict = compare(&self.facts.plan.commit, draft, &held.content);
        self.observe(stage, "commit", Observation::Commit, &verdict.without_proof())?;
        let mut reasons = verdict.reasons().to_vec();
        reasons.extend(changed_unseen(&self.facts.plan.commit, self.gateway.changes() - self.changes_reviewed));
        reasons.extend(alarms(&self.gateway, stage));
        if self.interrupt.is_pressed() {
            reasons.push(interrupted());
        }
        if let Some(reasons) = NonEmpty::from_vec(reasons) {
            return Err(StopReason::Halt(reasons));
        }
        let compared = verdict.into_result()?;
        let hold = self.facts.map.file.limits.hold_s;
        let expires_at = i64::try_from(hold)
            .ok()
            .and_then(|seconds| held_since.timestamp().checked_add(jiff::SignedDuration::from_secs(seconds)).ok())
            .map_or(held_since, Instant::from);
        let portal_time = self.gateway.portal_time();
        self.note(Stage::Commit, &Event::CommitIntent { content: held.content.digest, portal_time }).await?;
        let judge = |facts: &RunFacts<'_>, record: &ReadRecord, gates: &Gates, now| {
            judge_held(compared, facts, record, gates, now)
        };
        let (proof, answered) = self.recheck_sources(Self::limit(hold), judge).await?;
        let mut late = alarms(&self.gateway, stage);
        late.extend(changed_unseen(&self.facts.plan.commit, self.gateway.changes() - self.changes_reviewed));
        if let Some(reasons) = NonEmpty::from_vec(late) {
            return Err(StopReason::Halt(reasons));
        }
        self.log.unlocked_by = self.log.readings.len().checked_sub(1);
        self.ending.recheck_to_commit_ms = Some(answered.elapsed().as_secs_f64() * 1e3);
        Ok(ReleaseToken::new(held.attempt, proof, expires_at))
    }

    async fn release(&mut self, token: ReleaseToken) -> Result<Ending, StopReason> {
        self.stand(Stage::Commit, "releasing the one commit request");
        let within = Self::limit(self.facts.map.file.limits.commit_s);
        if self.interrupt.is_pressed() {
            self.gateway.lock();
            self.ending.recheck_to_commit_ms = None;
            return Err(StopReason::Halt(NonEmpty::one(interrupted())));
        }
        let released_at = self.clock.now();
        // What the portal stores is dated by its own clock.
        let since = self.gateway.portal_time().unwrap_or(released_at);
        let begun = Monotonic::now();
        let released = match self.gateway.release(token, released_at, within).await {
            Ok(released) => released,
            Err(refused) => {
                self.gateway.lock();
                let code = match refused {
                    ReleaseRefused::Stray => HaltCode::UnexpectedCommitAttempt,
                    ReleaseRefused::NotHeld | ReleaseRefused::Expired => HaltCode::HoldExpired,
                    ReleaseRefused::OtherContent => HaltCode::CommitPayloadDiffers,
                };
                self.ending.recheck_to_commit_ms = None;
                let reason = held_reason(code, "the held request, still waiting", refused, FactSource::Gateway);
                return Err(StopReason::Halt(NonEmpty::one(reason)));
            }
        };
        let Release { sent_at, answered, kept } = released;
        let waited = sent_at.map(|at| at.saturating_duration_since(begun).as_secs_f64() * 1e3);
        self.ending.recheck_to_commit_ms =
            self.ending.recheck_to_commit_ms.zip(waited).map(|(judged, waited)| judged + waited);
        let (status, sign_in, sent) = match answered {
            Answered::Status { status, sign_in } => (Some(status), sign_in, true),
            Answered::NoAnswer => (None, false, true),
            Answered::NotSent => (None, false, false),
        };
        self.ending.released = u64::from(sent);
        self.ending.answer = sent.then(|| CommitAnswer::of(status, sign_in));
        // From here on the outcome is looked up; a journal that cannot be written does not change what was released.
        let _ = self.note(Stage::Commit, &Event::CommitAnswered { status, sign_in, sent }).await;
        drop(kept);
        if !sent {
            let observed = "the portal could not be reached; nothing was sent";
            let reason =
                held_reason(HaltCode::PortalError, "a connection to the portal", observed, FactSource::Gateway);
            let halted = Event::Halted { stage: Stage::Commit, codes: vec![reason.code] };
            let _ = self.note(Stage::Commit, &halted).await;
            return Ok(self.end(Outcome::HaltedDraft, vec![reason]));
        }
        Ok(self.confirm(since).await)
    }
}
