//! One run of the real flow in a simulated process.

use std::sync::Arc;

use object_store::memory::InMemory;

use super::scene::{SimPorts, SimSources, run_of, scene};
use super::story::person;
use super::world::{HostClock, Sim};
use crate::evidence::documents::{RunDocument, Versions};
use crate::mask::masked::{MaskGate, Masked, Permissions};
use crate::model::digest::Digest;
use crate::run::clock::Clock as _;
use crate::run::context::RunContext;
use crate::run::facts::{RunFacts, judge_packet};
use crate::run::interrupt::Interrupt;
use crate::run::launch::Run;
use crate::run::order::{Begin, InputError};
use crate::run::watch::Unwatched;

/// How one run ended, as far as anybody can tell.
pub enum Ended {
    Died,
    Refused,
    Document(Box<Masked<RunDocument>>),
}

/// One run of the real flow in a simulated process, to its end or its death.
pub(crate) async fn execute(sim: Sim, store: Arc<InMemory>, process: u64, host: &'static str, begin: Begin) -> Ended {
    let scene = scene();
    let (map, plan) =
        if sim.lock().by_parts { (&scene.by_parts.0, &scene.by_parts.1) } else { (&scene.map, &scene.plan) };
    let (switch, interrupt) = Interrupt::by_hand();
    sim.lock().switch = Some(switch);
    let gate = Arc::new(MaskGate::new(Permissions::default(), [0; 32], Vec::new()));
    let operator = person("op.night");
    let facts = RunFacts {
        record: &scene.record,
        map,
        plan,
        portal: &scene.base,
        operator: &operator,
        account: "portal.robot",
        resumed_by: begin.continues().map(|order| &order.by),
        policy: &scene.policy,
        file_states: &scene.states,
        files: &scene.files,
        draft_only: false,
        said: begin.said(),
        closed: None,
    };
    let digest = Digest::of(b"simulated");
    let judged_at = HostClock { sim: sim.clone(), host }.now();
    let verdict = judge_packet(&facts, &scene.record, &scene.gates, judged_at);
    let run = Run {
        begin: &begin,
        id: run_of(process),
        facts: &facts,
        gates: &scene.gates,
        gate: &gate,
        record: "record.json".into(),
        portal: scene.base.origin().ascii_serialization(),
        versions: Versions {
            agent: "simulated",
            browser: None,
            map: digest,
            map_name: "simulated".into(),
            policy: digest,
            packet: digest,
            record: digest,
            portal: "simulated".into(),
        },
        hand_over: false,
        sealer: None,
        started_at: HostClock { sim: sim.clone(), host }.now(),
        judged_at,
        verdict,
    };
    let clock = HostClock { sim: sim.clone(), host };
    let sources = SimSources { sim: sim.clone(), process };
    let context = RunContext { sources: &sources, clock: &clock, interrupt, watcher: &Unwatched };
    let mut ports = SimPorts::new(&sim, process, host, &store);
    let ended = tokio::select! {
        biased;
        () = sim.death_of(process) => Ended::Died,
        ended = run.carry_out(&mut ports, context) => match ended {
            Ok(document) => Ended::Document(Box::new(document)),
            Err(InputError::File(_) | InputError::Sources(_) | InputError::Plan(_) | InputError::Origin(_) | InputError::Folder(_)
                | InputError::Store(_) | InputError::Journal(_) | InputError::NotContinuable { .. }) => Ended::Refused,
        },
    };
    sim.lock().gone.insert(process);
    ended
}
