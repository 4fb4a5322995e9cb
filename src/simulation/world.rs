//! The simulated world: one portal's server, the sources, the disks and processes of two hosts, and what goes wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant as Virtual;

use super::chance::RandomSource;
use crate::model::digest::Digest;
use crate::model::form::FormValue;
use crate::model::ids::FieldId;
use crate::model::observed::ListedFile;
use crate::model::time::Instant;
use crate::run::clock::Clock;
use crate::run::interrupt::InterruptSwitch;

/// When every simulated world begins, in seconds since 1970.
pub(crate) const BEGINS: i64 = 1_795_262_400;

/// What may go wrong, and once in how many edge calls. Nought: never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FaultRates {
    /// Portal: no answer, a server error, a lost session.
    pub portal: u64,
    /// Portal: a change arrives late, or is stored and not answered.
    pub lost_answers: u64,
    /// Portal: the list lags behind.
    pub lag: bool,
    /// The page sends a commit of its own, or a second one.
    pub strays: u64,
    /// The page puts something else into the commit.
    pub altered: bool,
    /// The evidence store fails, or loses its answer.
    pub store: u64,
    /// The disk is full.
    pub disk: u64,
    /// A source does not answer.
    pub sources: u64,
    /// An approval is revoked at this step.
    pub revoked_at: Option<u64>,
    /// The clock steps back by an hour now and then.
    pub clock: u64,
    /// The browser dies.
    pub browser: u64,
    /// The run is interrupted at this step.
    pub interrupt_at: Option<u64>,
}

/// A form or a stored exception: values, and listed files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    pub values: BTreeMap<FieldId, FormValue>,
    pub files: BTreeMap<FieldId, Vec<ListedFile>>,
}

/// One stored exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub number: String,
    pub submitted: bool,
    pub content: Content,
    pub at: Instant,
}

/// A change on its way to the server.
#[derive(Debug, Clone)]
pub(crate) enum Sent {
    Save { reference: Option<String>, content: Content },
    Commit { draft: String },
}

/// One release of a commit request, and what was true at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    pub process: u64,
    pub gates: bool,
    pub durable: bool,
    pub shared: bool,
    pub as_planned: bool,
}

/// A file on a simulated disk; what lies beyond `synced` may be lost.
#[derive(Debug, Clone, Default)]
pub(crate) struct DiskFile {
    pub bytes: Vec<u8>,
    pub synced: usize,
}

pub struct World {
    pub chance: RandomSource,
    pub weather: FaultRates,
    pub began: Virtual,
    pub skew: i64,
    /// How far the second host's clock goes wrong, in seconds.
    pub apart: i64,
    /// The portal saves every part of the form by itself.
    pub by_parts: bool,
    pub steps: u64,
    /// Processes that are dead or over.
    pub gone: BTreeSet<u64>,
    pub process: u64,
    /// The process dies at this step.
    pub dies_at: Option<u64>,
    /// The process stands still at this step, until it is let go.
    pub pauses_at: Option<u64>,
    pub disks: BTreeMap<String, BTreeMap<String, DiskFile>>,
    pub entries: Vec<Stored>,
    pub on_their_way: Vec<(Virtual, Sent)>,
    pub earlier: Vec<(Virtual, Vec<Stored>)>,
    pub serial: u64,
    pub sessions: u64,
    pub revoked: bool,
    pub switch: Option<InterruptSwitch>,
    pub releases: Vec<Released>,
    pub shared_intents: usize,
    pub faults: u64,
    pub calls: u64,
}

/// Shared by everything that is simulated.
#[derive(Clone)]
pub(crate) struct Sim {
    world: Arc<Mutex<World>>,
    died: Arc<watch::Sender<u64>>,
    paused: Arc<watch::Sender<bool>>,
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sim")
    }
}

/// Longest time that anything stays on its way, and that a list lags behind; together what the map's limit allows for.
pub(crate) const LATEST: Duration = Duration::from_secs(15);

impl Sim {
    pub fn new(seed: u64, weather: FaultRates) -> Self {
        let world = World {
            chance: RandomSource::new(seed),
            weather,
            began: Virtual::now(),
            skew: 0,
            apart: 0,
            by_parts: false,
            steps: 0,
            gone: BTreeSet::new(),
            process: 0,
            dies_at: None,
            pauses_at: None,
            disks: BTreeMap::new(),
            entries: Vec::new(),
            on_their_way: Vec::new(),
            earlier: Vec::new(),
            serial: 0,
            sessions: 0,
            revoked: false,
            switch: None,
            releases: Vec::new(),
            shared_intents: 0,
            faults: 0,
            calls: 0,
        };
        Self {
            world: Arc::new(Mutex::new(world)),
            died: Arc::new(watch::Sender::new(0)),
            paused: Arc::new(watch::Sender::new(false)),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an edge call of a process, and kills it where it is to die. Whether it still lives.
    pub fn step(&self, process: u64) -> bool {
        let mut world = self.lock();
        if world.gone.contains(&process) {
            return false;
        }
        world.calls += 1;
        if world.process != process {
            return true;
        }
        world.steps += 1;
        if world.dies_at == Some(world.steps) {
            world.kill(process);
            drop(world);
            self.died.send_modify(|count| *count += 1);
            return false;
        }
        let steps = Some(world.steps);
        if world.weather.revoked_at == steps {
            world.revoked = true;
            world.faults += 1;
        }
        if world.weather.interrupt_at == steps
            && let Some(switch) = &world.switch
        {
            switch.press();
            world.faults += 1;
        }
        if world.pauses_at == Some(world.steps) {
            world.pauses_at = None;
            drop(world);
            self.paused.send_replace(true);
        }
        true
    }

    /// An edge call that takes a moment. Never returns in a process that is dead; waits in one that stands still.
    pub(crate) async fn edge(&self, process: u64) {
        let alive = self.step(process);
        if !alive {
            std::future::pending::<()>().await;
        }
        let pause = {
            let mut world = self.lock();
            let longest = if world.weather == FaultRates::default() { 3 } else { 40 };
            Duration::from_millis(1 + world.chance.below(longest))
        };
        tokio::time::sleep(pause).await;
        let mut paused = self.paused.subscribe();
        let mine = self.lock().process == process;
        if mine && *paused.borrow() {
            let _ = paused.wait_for(|paused| !paused).await;
        }
        if self.lock().gone.contains(&process) {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until a process is dead.
    pub(crate) async fn death_of(&self, process: u64) {
        let mut died = self.died.subscribe();
        let _ = died.wait_for(|_| self.lock().gone.contains(&process)).await;
    }

    /// Waits until the process under way stands still.
    pub(crate) async fn standstill(&self) {
        let mut paused = self.paused.subscribe();
        let _ = paused.wait_for(|paused| *paused).await;
    }

    /// Lets it go on.
    pub(crate) fn let_go(&self) {
        self.paused.send_replace(false);
    }
}

impl World {
    /// Once in `times` something goes wrong.
    pub fn fails(&mut self, times: u64) -> bool {
        let fails = times > 0 && self.chance.one_in(times);
        self.faults += u64::from(fails);
        fails
    }

    /// The process is gone, and of its disk's last words only what was synced is sure.
    pub fn kill(&mut self, process: u64) {
        self.gone.insert(process);
        self.faults += 1;
        let Self { disks, chance, .. } = self;
        for file in disks.values_mut().flat_map(BTreeMap::values_mut) {
            let unsure = (file.bytes.len() - file.synced) as u64;
            let kept = file.synced + usize::try_from(chance.below(unsure + 1)).unwrap_or_default();
            file.bytes.truncate(kept);
            file.synced = kept;
        }
    }

    pub fn now(&self) -> Instant {
        let passed = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let at = jiff::Timestamp::from_millisecond(BEGINS * 1000 + passed);
        Instant::from(at.unwrap_or_default())
    }

    /// Everything that has arrived by now takes effect.
    pub(crate) fn catch_up(&mut self) {
        let now = Virtual::now();
        self.on_their_way.sort_by_key(|(due, _)| *due);
        while self.on_their_way.first().is_some_and(|(due, _)| *due <= now) {
            let (due, sent) = self.on_their_way.remove(0);
            let before = self.entries.clone();
            self.earlier.push((due, before));
            self.apply(sent);
        }
    }

    fn apply(&mut self, sent: Sent) {
        let at = self.now();
        match sent {
            Sent::Save { reference: Some(known), content } => {
                let draft = self.entries.iter_mut().find(|entry| entry.number == known && !entry.submitted);
                if let Some(draft) = draft {
                    draft.content = content;
                }
            }
            Sent::Save { reference: None, content } => {
                self.serial += 1;
                let number = format!("DRF-{:06}", self.serial);
                self.entries.push(Stored { number, submitted: false, content, at });
            }
            Sent::Commit { draft } => {
                self.serial += 1;
                let number = format!("FEX-{:06}", self.serial);
                let found = self.entries.iter_mut().find(|entry| entry.number == draft && !entry.submitted);
                if let Some(entry) = found {
                    *entry = Stored { number, submitted: true, content: entry.content.clone(), at };
                }
            }
        }
    }

    /// What the list shows: the entries, or what they were a while ago.
    pub fn listed(&mut self) -> Vec<Stored> {
        self.catch_up();
        let lags = self.weather.lag;
        if lags && self.chance.one_in(2) {
            let now = Virtual::now();
            // Before the last change that is younger than the longest lag.
            let stale = self.earlier.iter().find(|(changed, _)| now.duration_since(*changed) < LATEST);
            if let Some((_, entries)) = stale {
                self.faults += 1;
                return entries.clone();
            }
        }
        self.entries.clone()
    }

    pub fn drafts(&self) -> usize {
        self.entries.iter().filter(|entry| !entry.submitted).count()
    }

    /// A commit that nobody can take back any more has not arrived yet.
    pub(crate) fn commits_on_their_way(&self) -> bool {
        self.on_their_way.iter().any(|(_, sent)| matches!(sent, Sent::Commit { .. }))
    }

    pub(crate) fn submissions(&self) -> usize {
        self.entries.iter().filter(|entry| entry.submitted).count()
    }

    pub(crate) fn content_digest(draft: &str) -> Digest {
        Digest::of(draft.as_bytes())
    }
}

/// The clock of one host: it may go wrong by a minute for ever, and step back by an hour for a while.
pub(crate) struct HostClock {
    pub sim: Sim,
    pub host: &'static str,
}

impl Clock for HostClock {
    fn now(&self) -> Instant {
        let mut world = self.sim.lock();
        let times = world.weather.clock;
        if world.fails(times) {
            world.skew = if world.skew == 0 { -3600 } else { 0 };
        }
        let skew = world.skew + if self.host == "h2" { world.apart } else { 0 };
        let now = world.now().timestamp().checked_add(jiff::SignedDuration::from_secs(skew));
        now.map_or_else(|_| world.now(), Instant::from)
    }
}
