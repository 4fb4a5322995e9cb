//! The real flow against a simulated portal, sources, disks, store and processes, with seeded chance: crashes, lost and late
//! answers, faults of every kind, people and a second host in between. Compiled for tests alone.
//!
//! A seed means one story for ever. `TEST_STORIES=1000000 cargo test --release --lib simulation -- --nocapture` tells a
//! million of them, and `TEST_STORY=SEED` one, with everything that happened in it.

mod chance;
mod disk;
mod execute;
mod portal;
mod rules;
mod scene;
mod store;
mod story;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use execute::{Ended, execute};
use object_store::memory::InMemory;
use story::{Told, tell};
use world::{FaultRates, Sim};

use crate::decide::verdict::HaltCode;
use crate::run::order::Begin;

/// Stories that the suite tells.
const STORIES: u64 = 2_000;

fn told(seed: u64) -> Told {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(tell(seed))
}

/// Counts over many stories.
#[derive(Debug, Default)]
struct Counts {
    stories: u64,
    runs: u64,
    crashes: u64,
    calls: u64,
    faults: u64,
    releases: u64,
    outcomes: BTreeMap<&'static str, u64>,
    broken: Vec<(u64, String)>,
}

impl Counts {
    fn add(&mut self, seed: u64, told: Told) {
        self.stories += 1;
        self.runs += told.runs;
        self.crashes += told.crashes;
        self.calls += told.calls;
        self.faults += told.faults;
        self.releases += told.releases;
        for outcome in told.outcomes {
            *self.outcomes.entry(outcome.as_str()).or_default() += 1;
        }
        self.broken.extend(told.broken.into_iter().map(|what| (seed, what)));
    }

    fn merge(mut self, other: Self) -> Self {
        self.stories += other.stories;
        self.runs += other.runs;
        self.crashes += other.crashes;
        self.calls += other.calls;
        self.faults += other.faults;
        self.releases += other.releases;
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        self.broken.extend(other.broken);
        self
    }
}

/// Tells the stories of these seeds, on two threads.
fn tell_all(seeds: std::ops::Range<u64>) -> Counts {
    let half = seeds.start + (seeds.end - seeds.start) / 2;
    let count = |seeds: std::ops::Range<u64>| {
        let mut counts = Counts::default();
        for seed in seeds {
            counts.add(seed, told(seed));
        }
        counts
    };
    let (first, second) = (seeds.start..half, half..seeds.end);
    std::thread::scope(|scope| {
        let other = scope.spawn(move || count(second));
        count(first).merge(other.join().unwrap())
    })
}

#[test]
fn whatever_dies_nothing_is_doubled_lost_or_reported_untruly() {
    if let Ok(seed) = std::env::var("TEST_STORY") {
        let told = told(seed.parse().unwrap());
        println!("{told:#?}");
        assert_eq!(told.broken, Vec::<String>::new());
        return;
    }
    let stories = std::env::var("TEST_STORIES").map_or(STORIES, |count| count.parse().unwrap());
    let begun = Instant::now();
    let counts = tell_all(0..stories);
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} stories, {} runs ({:.0} a second), {} crashes, {} faults, {} edge calls, {} releases",
        counts.stories,
        counts.runs,
        counts.runs as f64 / seconds,
        counts.crashes,
        counts.faults,
        counts.calls,
        counts.releases
    );
    println!("outcomes {:?}", counts.outcomes);
    let shown: Vec<_> = counts.broken.iter().take(10).collect();
    assert!(shown.is_empty(), "{} rules were broken; the first, by seed: {shown:#?}", counts.broken.len());
    // Everything that the simulation is for did happen.
    for outcome in ["submitted", "already-submitted", "halted-draft", "halted-abandoned", "in-doubt", "environment"] {
        assert!(counts.outcomes.get(outcome).is_some_and(|count| *count > stories / 1000), "{outcome} hardly happened");
    }
}

#[test]
fn a_seed_tells_the_same_story_again() {
    for seed in 0..50 {
        assert_eq!(told(seed), told(seed), "seed {seed}");
    }
}

/// What is left at the portal stays the first thing that a refused run says, also where it cannot write.
#[test]
fn an_earlier_run_is_named_also_by_one_that_cannot_write() {
    let mut refusals = 0;
    for dies_at in (1..110).step_by(3) {
        let [can, cannot] = [0, 1].map(|disk| refused_after_a_death(dies_at, disk));
        let Some(code) = can else { continue };
        assert_eq!(cannot, Some(code), "after a death at step {dies_at}");
        refusals += 1;
    }
    assert!(refusals > 8, "{refusals} refusals");
}

/// The code with which a run is refused that begins afresh after another has died at this step; nothing where it is not refused.
fn refused_after_a_death(dies_at: u64, disk: u64) -> Option<HaltCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let sim = Sim::new(7, FaultRates::default());
        let store = Arc::new(InMemory::new());
        sim.lock().process = 1;
        sim.lock().dies_at = Some(dies_at);
        execute(sim.clone(), Arc::clone(&store), 1, "h1", Begin::Afresh).await;
        {
            let mut world = sim.lock();
            world.dies_at = None;
            world.weather.disk = disk;
            world.process = 2;
        }
        let Ended::Document(document) = execute(sim, store, 2, "h1", Begin::Afresh).await else { return None };
        let first = document.get().halt.first().map(|reason| reason.get().code);
        first.filter(|code| matches!(code, HaltCode::ClaimedByAnotherRun | HaltCode::EarlierRunInDoubt))
    })
}
