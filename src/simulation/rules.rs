//! What must be true of every run of a story, and of the whole.

use super::disk::read;
use super::execute::Ended;
use super::portal::differences;
use super::scene::{run_of, scene};
use super::story::Story;
use super::world::World;
use crate::decide::verdict::HaltCode;
use crate::evidence::journal::{Entry, Event, JOURNAL};
use crate::evidence::observations::OBSERVATIONS;
use crate::evidence::outcome::{DraftState, Outcome};
use crate::evidence::readings::APPROVALS;
use crate::model::residue::PortalResidue;
use crate::rejudge::bundle::{OtherPolicy, judge};
use crate::run::finish::TAKEOVER_TEXT;
use crate::run::order::Begin;

impl Story {
    /// What must be true of every run that ended.
    pub(super) fn note(&mut self, process: u64, host: &str, begin: &Begin, ended: &Ended, overtaken: bool) {
        self.told.runs += 1;
        let document = match ended {
            Ended::Died => {
                self.told.crashes += 1;
                self.told.log.push(format!("p{process:04} died"));
                return;
            }
            Ended::Refused => {
                self.told.log.push(format!("p{process:04} refused"));
                return;
            }
            Ended::Document(document) => document.get(),
        };
        let codes: Vec<HaltCode> = document.halt.iter().map(|reason| reason.get().code).collect();
        self.told
            .log
            .push(format!("p{process:04} ended {:?} {codes:?} agreed {:?}", document.outcome, document.agreed));
        self.told.outcomes.push(document.outcome);
        let (drafts, submissions, disk, whole) = {
            let mut world = self.sim.lock();
            let note = read(&world, &format!("{host}/{}", run_of(process)), TAKEOVER_TEXT).is_some();
            let lasting = world.on_their_way.is_empty();
            world.catch_up();
            (world.drafts(), world.submissions(), note || world.weather.disk > 0, lasting)
        };
        let named = format!("p{process:04}");
        self.judged_again(&named, &format!("{host}/{}", run_of(process)));
        let aside = matches!(codes.first(), Some(HaltCode::ClaimedByAnotherRun | HaltCode::EarlierRunInDoubt));
        match document.outcome {
            Outcome::Submitted | Outcome::AlreadySubmitted => {
                if submissions != 1 || (drafts != 0 && !self.wrongly_vouched) {
                    self.broken(format!("{named} says submitted; the portal holds {submissions}, and {drafts} drafts"));
                }
            }
            Outcome::HaltedAbandoned if aside || overtaken => {}
            Outcome::HaltedAbandoned => {
                // Of what was there before, a run that begins afresh says nothing; and nor does one that finds it in its way.
                let before = if *begin == Begin::Afresh { self.before } else { submissions };
                if whole && drafts + submissions > before && !codes.contains(&HaltCode::ExistingException) {
                    self.broken(format!(
                        "{named} says that nothing is left; {drafts} drafts, {submissions} submissions"
                    ));
                }
            }
            Outcome::HaltedDraft => {
                let known = document.draft_state.is_some_and(|state| state != DraftState::Unread);
                // Where somebody vouched wrongly, an earlier process may have left a second one.
                let untrue = drafts == 0 || (drafts > 1 && !self.wrongly_vouched);
                if known && untrue && !overtaken {
                    self.broken(format!("{named} says that a draft is left; there are {drafts}"));
                }
            }
            Outcome::InDoubt => {
                // That a request was refused after all has to be written, too, to be known.
                let unwritten = self.unwritten || self.wrongly_vouched;
                if self.sim.lock().releases.is_empty() && self.told.crashes == 0 && !overtaken && !unwritten {
                    self.broken(format!("{named} is in doubt, and nothing was ever released"));
                }
            }
            Outcome::DraftSaved | Outcome::Environment => {}
        }
        let halted = matches!(document.outcome, Outcome::HaltedDraft | Outcome::HaltedAbandoned | Outcome::InDoubt);
        let resolved = document.agreed == Some(true);
        if halted && !disk && !resolved {
            self.broken(format!("{named} halted and left no note"));
        }
        if halted && codes.is_empty() && !resolved {
            self.broken(format!("{named} halted and does not say why"));
        }
    }

    /// What a run recorded is enough to judge it again, and by the rules that judged it, it comes out as it did.
    fn judged_again(&mut self, named: &str, folder: &str) {
        let (observations, approvals) = {
            let world = self.sim.lock();
            (read(&world, folder, OBSERVATIONS), read(&world, folder, APPROVALS))
        };
        let Some(approvals) = approvals else { return };
        match judge(observations.as_deref(), &approvals, &OtherPolicy::default()) {
            Ok(rejudged) if rejudged.changes.is_empty() => {}
            Ok(rejudged) => self.broken(format!("{named}, judged again: {:?}", rejudged.changes)),
            Err(error) => self.broken(format!("{named} cannot be judged again: {error}")),
        }
    }

    /// What must be true of the whole.
    pub(super) fn at_the_end(&mut self) {
        let (releases, entries, calls, faults) = {
            let mut world = self.sim.lock();
            world.catch_up();
            (world.releases.clone(), world.entries.clone(), world.calls, world.faults)
        };
        self.told.calls = calls;
        self.told.faults = faults;
        self.told.releases = releases.len() as u64;
        let allowed = 1 + doubts_ended_by_not_submitted(&self.sim.lock());
        if self.told.releases > allowed {
            let released = self.told.releases;
            self.broken(format!("{released} commits were released, {allowed} may have been"));
        }
        for release in &releases {
            let checks = [
                (release.gates, "a gate was false at the release"),
                (release.durable, "the intent was not on disk at the release"),
                (release.shared, "the intent was not in the store at the release"),
                (release.as_planned, "the request carried something else than the record"),
            ];
            for (held, what) in checks {
                if !held {
                    self.broken(format!("p{:04}: {what}", release.process));
                }
            }
        }
        let submitted: Vec<_> = entries.iter().filter(|entry| entry.submitted).collect();
        if submitted.len() > 1 {
            self.broken(format!("{} submissions", submitted.len()));
        }
        for entry in &submitted {
            let differs = differences(&entry.content, &scene().plan.tabs);
            if !differs.is_empty() && !self.edited_too_late {
                self.told.broken.push(format!("{} differs from the record in {differs:?}", entry.number));
            }
        }
        let drafts = entries.len() - submitted.len();
        if !self.wrongly_vouched && (drafts > 1 || (drafts == 1 && !submitted.is_empty())) {
            self.broken(format!("{drafts} drafts beside {} submissions", submitted.len()));
        }
    }
}

/// How many journals say that a doubt was ended by "not submitted": each allows one commit more. Whoever comes next goes by what
/// is on disk, and so does this.
fn doubts_ended_by_not_submitted(world: &World) -> u64 {
    let journals = world.disks.values().filter_map(|files| files.get(JOURNAL));
    let lines = journals.flat_map(|file| file.bytes.split_inclusive(|byte| *byte == b'\n'));
    let events = lines.filter_map(|line| serde_json::from_slice::<Entry>(line).ok()).map(|entry| entry.event);
    let denials = events.filter(|event| {
        matches!(event, Event::Resolved { left: PortalResidue::Nothing | PortalResidue::Draft { .. } })
    });
    denials.count() as u64
}
