//! One story: a change that is submitted, by as many runs as it takes, while everything goes wrong that the weather brings.

use std::sync::Arc;

use object_store::memory::InMemory;

use super::chance::RandomSource;
use super::execute::{Ended, execute};
use super::portal::edit;
use super::scene::{run_of, scene};
use super::world::{FaultRates, Sim};
use crate::decide::rules::confirmation::Said;
use crate::decide::verdict::HaltCode;
use crate::evidence::claims::ClaimLog;
use crate::evidence::outcome::Outcome;
use crate::evidence::shared::SharedStore;
use crate::model::ids::{FieldId, PersonId, RunId};
use crate::run::order::{Begin, Continue};

/// What became of one story.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    pub runs: u64,
    pub crashes: u64,
    pub calls: u64,
    pub faults: u64,
    pub releases: u64,
    pub outcomes: Vec<Outcome>,
    /// Rules that were broken.
    pub broken: Vec<String>,
    /// Round by round, for whoever has to find out why.
    pub log: Vec<String>,
}

/// A story under way.
pub(super) struct Story {
    pub(super) sim: Sim,
    pub(super) store: Arc<InMemory>,
    pub(super) chance: RandomSource,
    pub(super) processes: u64,
    pub(super) told: Told,
    pub(super) fault_free: bool,
    pub(super) edited: bool,
    /// A person edited the draft after its commit had been released and before it arrived: what is submitted then is theirs.
    pub(super) edited_too_late: bool,
    /// Drafts and submissions before the run.
    pub(super) before: usize,
    /// Somebody vouched for the end of a process that only stood still. It may have begun to save before that, and the portal
    /// knows no fence: a draft may be left over. Never a second submission.
    pub(super) wrongly_vouched: bool,
    /// Disk or store fail at times.
    pub(super) unwritten: bool,
}

pub(super) fn person(name: &str) -> PersonId {
    PersonId::parse(name).unwrap()
}

/// Tells the story of a seed.
pub async fn tell(seed: u64) -> Told {
    let mut chance = RandomSource::new(seed);
    let fault_free = chance.one_in(8);
    let weather = if fault_free { FaultRates::default() } else { weather(&mut chance) };
    let sim = Sim::new(chance.next(), weather);
    let mut story = Story {
        sim,
        store: Arc::new(InMemory::new()),
        chance,
        processes: 0,
        told: Told::default(),
        fault_free,
        edited: false,
        edited_too_late: false,
        before: 0,
        wrongly_vouched: false,
        unwritten: weather.disk + weather.store > 0,
    };
    story.sim.lock().by_parts = seed.is_multiple_of(3);
    if !fault_free {
        let apart = i64::try_from(story.chance.below(121)).unwrap_or_default() - 60;
        story.sim.lock().apart = apart;
    }
    story.told.log.push(format!("weather {weather:?}"));
    story.tell().await;
    story.told
}

/// Some kinds of fault, most of them off.
fn weather(chance: &mut RandomSource) -> FaultRates {
    let mut sometimes = |often: u64, rarest: u64| if chance.one_in(often) { 1 + chance.below(rarest) } else { 0 };
    let mut weather = FaultRates {
        portal: sometimes(4, 40),
        lost_answers: sometimes(3, 3),
        lag: false,
        strays: sometimes(12, 60),
        altered: false,
        store: sometimes(4, 40),
        disk: sometimes(6, 60),
        sources: sometimes(6, 8),
        revoked_at: None,
        clock: sometimes(6, 40),
        browser: sometimes(6, 80),
        interrupt_at: None,
    };
    weather.lag = chance.one_in(3);
    weather.altered = chance.one_in(20);
    weather.revoked_at = chance.one_in(6).then(|| 1 + chance.below(120));
    weather.interrupt_at = chance.one_in(8).then(|| 1 + chance.below(120));
    weather
}

impl Story {
    async fn tell(&mut self) {
        let rounds = if self.fault_free { 1 } else { 1 + self.chance.below(4) };
        let mut last = None;
        for _ in 0..rounds {
            let begin = self.choose(last.as_ref()).await;
            last = Some(self.round(begin).await);
            if !self.fault_free {
                self.person();
            }
        }
        if self.fault_free {
            if self.told.outcomes != [Outcome::Submitted] {
                self.broken("a run without a fault was not submitted");
            }
        } else {
            self.clear_up(last).await;
        }
        self.at_the_end();
    }

    pub(super) fn broken(&mut self, what: impl Into<String>) {
        self.told.broken.push(what.into());
    }

    /// The run that holds the change, if one does.
    async fn holder(&self) -> Option<(RunId, String)> {
        let store = SharedStore::over(Arc::clone(&self.store) as _, "simulated");
        let change = &scene().record.record.exception.change_id;
        let row = ClaimLog::of(&store, &scene().base.origin().ascii_serialization(), change);
        let standing = row.standing().await.ok()??;
        if standing.is_free() {
            return None;
        }
        standing.entry.map(|entry| (entry.run, entry.holder.host))
    }

    /// What somebody at the terminal does next.
    async fn choose(&mut self, last: Option<&Ended>) -> Begin {
        let Some((run, host)) = self.holder().await else { return Begin::Afresh };
        if self.chance.one_in(5) {
            return Begin::Afresh;
        }
        let order = Continue { run, by: person("op.day"), reason: "go on".into(), from_host: Some(host) };
        let doubt = match last {
            Some(Ended::Document(document)) => {
                let codes = document.get().halt.iter().map(|reason| reason.get().code);
                document.get().outcome == Outcome::InDoubt
                    || codes.into_iter().any(|code| code == HaltCode::EarlierRunInDoubt)
            }
            Some(Ended::Died | Ended::Refused) | None => false,
        };
        if doubt && !self.chance.one_in(4) {
            let lie = self.chance.one_in(3);
            return Begin::Resolve(order, self.word(lie));
        }
        Begin::Resume(order)
    }

    /// What a person says of the portal, having looked.
    fn word(&self, lie: bool) -> Said {
        let mut world = self.sim.lock();
        world.catch_up();
        let number = world.entries.iter().find(|entry| entry.submitted).map(|entry| entry.number.clone());
        match (number, lie) {
            (Some(number), false) => Said::Submitted(number),
            (None, false) | (Some(_), true) => Said::NotSubmitted,
            (None, true) => Said::Submitted("FEX-777777".into()),
        }
    }

    /// What a person does to the draft between two runs.
    fn person(&mut self) {
        if !self.chance.one_in(6) {
            return;
        }
        let kind = self.chance.below(3);
        let mut world = self.sim.lock();
        world.catch_up();
        world.faults += 1;
        match kind {
            0 => {
                world.entries.retain(|entry| entry.submitted);
                drop(world);
                self.told.log.push("a person discards the draft".into());
            }
            1 => {
                edit(&mut world, &FieldId::parse("service").unwrap(), "payments");
                let too_late = world.commits_on_their_way();
                drop(world);
                self.edited = true;
                self.edited_too_late |= too_late;
                self.told.log.push("a person edits the draft".into());
            }
            _ => {
                edit(&mut world, &FieldId::parse("contact").unwrap(), "comms.desk");
                drop(world);
                self.told.log.push("a person completes the draft".into());
            }
        }
    }

    /// One run, which may die or be overtaken.
    async fn round(&mut self, begin: Begin) -> Ended {
        let process = self.next_process();
        let host = if self.chance.one_in(3) { "h2" } else { "h1" };
        let fate = if self.fault_free { 9 } else { self.chance.below(10) };
        {
            let mut world = self.sim.lock();
            world.process = process;
            world.steps = 0;
            world.dies_at = (fate < 5).then(|| 1 + world.chance.below(110));
            world.pauses_at = (fate == 5).then(|| 1 + world.chance.below(110));
        }
        let overtaken = fate == 5;
        self.told.log.push(format!("p{process:04} on {host}: {begin:?}"));
        if !overtaken {
            return self.run(process, host, begin, false).await;
        }
        // Another host takes over while this process stands still; then it goes on as if nothing had happened.
        let other = self.next_process();
        let other_host = if host == "h1" { "h2" } else { "h1" };
        let sim = self.sim.clone();
        let first = execute(self.sim.clone(), Arc::clone(&self.store), process, host, begin.clone());
        let second = async {
            tokio::select! {
                () = sim.standstill() => {}
                // It ended before it came to that.
                () = sim.death_of(process) => return None,
                () = tokio::time::sleep(std::time::Duration::from_secs(600)) => return None,
            }
            let store = SharedStore::over(Arc::clone(&self.store) as _, "simulated");
            let row = ClaimLog::of(
                &store,
                &scene().base.origin().ascii_serialization(),
                &scene().record.record.exception.change_id,
            );
            let entry =
                row.standing().await.ok().flatten().filter(|standing| !standing.is_free()).and_then(|it| it.entry);
            let ended = match entry {
                Some(entry) => {
                    let order = Continue {
                        run: entry.run,
                        by: person("op.day"),
                        reason: "it stands still".into(),
                        from_host: Some(entry.holder.host),
                    };
                    let begin = Begin::Resume(order);
                    Some(execute(sim.clone(), Arc::clone(&self.store), other, other_host, begin).await)
                }
                None => None,
            };
            sim.let_go();
            ended
        };
        let (first, second) = tokio::join!(first, second);
        self.sim.let_go();
        self.wrongly_vouched = true;
        self.told.log.push(format!("p{other:04} on {other_host} overtook it"));
        self.note(process, host, &begin, &first, true);
        if let Some(second) = second {
            let resume = Begin::Resume(Continue {
                run: run_of(process),
                by: person("op.day"),
                reason: String::new(),
                from_host: None,
            });
            self.note(other, other_host, &resume, &second, true);
        }
        first
    }

    fn next_process(&mut self) -> u64 {
        self.processes += 1;
        self.processes
    }

    async fn run(&mut self, process: u64, host: &'static str, begin: Begin, overtaken: bool) -> Ended {
        self.before = {
            let mut world = self.sim.lock();
            world.catch_up();
            world.entries.len()
        };
        let ended = execute(self.sim.clone(), Arc::clone(&self.store), process, host, begin.clone()).await;
        self.note(process, host, &begin, &ended, overtaken);
        ended
    }

    /// The storm is over: whoever comes next can end it.
    async fn clear_up(&mut self, last: Option<Ended>) {
        {
            let mut world = self.sim.lock();
            world.weather = FaultRates::default();
            world.revoked = false;
            world.skew = 0;
            world.dies_at = None;
            world.pauses_at = None;
        }
        if self.edited {
            let mut world = self.sim.lock();
            edit(&mut world, &FieldId::parse("service").unwrap(), "checkout-api");
        }
        let mut last = last;
        for _ in 0..8 {
            let begin = match self.holder().await {
                None => Begin::Afresh,
                Some((run, host)) => {
                    let order =
                        Continue { run, by: person("op.day"), reason: "fault-free".into(), from_host: Some(host) };
                    let doubt = matches!(&last, Some(Ended::Document(document))
                        if document.get().outcome == Outcome::InDoubt
                            || document.get().halt.iter().any(|reason| reason.get().code == HaltCode::EarlierRunInDoubt));
                    if doubt { Begin::Resolve(order, self.word(false)) } else { Begin::Resume(order) }
                }
            };
            let process = self.next_process();
            {
                let mut world = self.sim.lock();
                world.process = process;
                world.steps = 0;
            }
            self.told.log.push(format!("p{process:04} fault-free: {begin:?}"));
            let ended = self.run(process, "h1", begin, false).await;
            let done = matches!(&ended, Ended::Document(document)
                if matches!(document.get().outcome, Outcome::Submitted | Outcome::AlreadySubmitted));
            last = Some(ended);
            if done {
                return;
            }
        }
        // A draft that is left over is for a person to discard.
        let stays = self.sim.lock().submissions() == 1 || self.wrongly_vouched;
        if !stays {
            self.broken("no way out: eight fault-free runs did not submit the change");
        }
    }
}
