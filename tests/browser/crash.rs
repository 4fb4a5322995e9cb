//! The crash matrix: whatever is killed, and wherever, running again and resuming ends with one submission, and never with two
//! drafts.
//!
//! Every cell of the matrix is a test. The suite runs nine of those at which something may be doubled, each in one browser; the sweep
//! runs all of them in both. The simulation (`src/simulation`) kills at every place, without a browser.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use portal_agent::decide::rules::confirmation::Said;
use portal_agent::decide::verdict::{HaltCode, Stage};
use portal_agent::evidence::documents::RunDocument;
use portal_agent::evidence::journal::Event;
use portal_agent::evidence::outcome::Outcome;
use portal_agent::mask::masked::Masked;
use portal_agent::model::browser::BrowserKind;
use portal_agent::model::ids::RunId;
use portal_agent::reference_portal::Moment;
use portal_agent::reference_portal::faults::FaultPlan;
use portal_agent::run::order::InputError;
use portal_agent::run::watch::Watcher;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

use crate::browser_tests;
use crate::support::{Plan, Rig, codes, map_text, told};

async fn rig(browser: BrowserKind) -> Rig {
    let mut plan = Plan::new(browser, FaultPlan::none());
    plan.longest = 4_000;
    // What a process that was killed had sent may arrive late.
    Rig { lags: true, ..Rig::new(plan).await.with_map(short) }
}

/// Limits that keep the waits short.
fn short(map: String) -> String {
    map.replace("ready_s = 20", "ready_s = 8")
        .replace("arrival_s = 4", "arrival_s = 1")
        .replace("hold_s = 10", "hold_s = 5")
}

fn dying(rig: &Rig, browser: BrowserKind, event: &str, count: u64, run: Option<&RunId>) -> Command {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.parent().unwrap().parent().unwrap().join("examples/helper");
    assert!(program.is_file(), "{} is missing: build it with `cargo build --example helper`", program.display());
    let map = rig.folder.path().join("map.toml");
    std::fs::write(&map, short(map_text(&rig.portal))).unwrap();
    let mut command = Command::new(program);
    command
        .arg("die")
        .arg(rig.folder.path())
        .arg(browser.to_string())
        .arg(&map)
        .arg(rig.portal.url().as_str())
        .arg(event);
    command.arg(count.to_string()).args(run.map(RunId::as_str)).stdout(Stdio::piped());
    command
}

/// Lets the agent die at an entry of its journal; false when it came to its end instead.
async fn dies(rig: &Rig, browser: BrowserKind, event: &str, count: u64, run: Option<&RunId>) -> bool {
    let mut command = dying(rig, browser, event, count, run);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success() || output.status.signal() == Some(Signal::KILL.as_raw()), "{output:?}");
    !output.status.success()
}

/// Kills the agent while the portal has a request of it in its hands.
async fn dies_inside(rig: &Rig, browser: BrowserKind, moment: Moment) {
    let mut stopped = rig.portal.stop_at(moment);
    let mut child = dying(rig, browser, "never", 1, None).spawn().unwrap();
    let reached = tokio::time::timeout(Duration::from_secs(90), stopped.changed()).await;
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    assert!(reached.is_ok(), "{moment:?} was never reached");
}

/// What is said of a run must be what the portal holds.
fn check(rig: &Rig, cell: &str, run: &Masked<RunDocument>) {
    let oracle = rig.oracle();
    let holds = (oracle.drafts.len(), oracle.submitted.len());
    let refused = matches!(codes(run).first(), Some(HaltCode::ClaimedByAnotherRun | HaltCode::EarlierRunInDoubt));
    let told = || format!("{cell}: the portal holds {holds:?}\n{}", told(run));
    assert!(holds.0 <= 1 && holds.1 <= 1 && holds.0 + holds.1 <= 1, "{}", told());
    assert!(oracle.commit_requests <= 1 + denied(rig), "{}", told());
    match run.get().outcome {
        Outcome::Submitted | Outcome::AlreadySubmitted => assert_eq!(holds, (0, 1), "{}", told()),
        Outcome::HaltedAbandoned if refused => {}
        Outcome::HaltedAbandoned => assert_eq!(holds, (0, 0), "{}", told()),
        Outcome::HaltedDraft => assert_eq!(holds.1, 0, "{}", told()),
        Outcome::InDoubt => assert_eq!(holds.1, 0, "in doubt though it is submitted\n{}", told()),
        Outcome::DraftSaved | Outcome::Environment => panic!("{}", told()),
    }
}

/// How many doubts were ended by "not submitted", as the journals tell.
fn denied(rig: &Rig) -> u64 {
    let mut count = 0;
    for entry in std::fs::read_dir(rig.order.evidence.join("CHG0041877")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path().join("journal.jsonl")).unwrap_or_default();
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        count += events.filter(|event| event["event"] == "resolved" && event["left"] != "submission").count() as u64;
    }
    count
}

/// The run that holds the change.
fn holder(rig: &Rig) -> Option<RunId> {
    let row = std::fs::read_dir(rig.order.evidence.join(".claims")).ok()?.next()?.unwrap().path();
    let mut objects: Vec<_> = std::fs::read_dir(row).unwrap().map(|object| object.unwrap().path()).collect();
    objects.sort();
    let last: Value = serde_json::from_slice(&std::fs::read(objects.last()?).unwrap()).unwrap();
    (last["state"] == "held").then(|| RunId::parse(last["run"].as_str().unwrap()).unwrap())
}

/// Runs again, then resumes, then resolves, as somebody would, until the change is submitted.
async fn ends_well(rig: &Rig, cell: &str) {
    let again = rig.run().await;
    check(rig, cell, &again);
    let mut steps = vec![format!("again {:?} {:?}", again.get().outcome, codes(&again))];
    for _ in 0..3 {
        let Some(run) = holder(rig) else { break };
        let result = rig.resume(&run).await;
        let resumed = match result {
            Ok(document) => document,
            Err(InputError::NotContinuable { why, .. }) => panic!("{cell}: {steps:?}, then {why}"),
            Err(error) => panic!("{cell}: {error}"),
        };
        check(rig, cell, &resumed);
        steps.push(format!("resumed {:?} {:?}", resumed.get().outcome, codes(&resumed)));
        let doubt = resumed.get().outcome == Outcome::InDoubt || codes(&resumed).contains(&HaltCode::EarlierRunInDoubt);
        if doubt {
            let said =
                rig.oracle().submitted.first().map_or(Said::NotSubmitted, |one| Said::Submitted(one.reference.clone()));
            let resolved = rig.resolve(&holder(rig).unwrap(), said).await.unwrap();
            assert_eq!(resolved.get().agreed, Some(true), "{cell}: {}", told(&resolved));
            steps.push(format!("resolved {:?}", resolved.get().outcome));
        }
    }
    println!("{cell}: {}", steps.join(", "));
    let oracle = rig.oracle();
    assert_eq!((oracle.drafts.len(), oracle.submitted.len()), (0, 1), "{cell}: {steps:?}");
    assert_eq!(holder(rig), None, "{cell}: {steps:?}");
}

/// Dies when the journal has so many entries of this kind.
async fn agent_killed_at(browser: BrowserKind, event: &str, count: u64) {
    let rig = rig(browser).await;
    assert!(dies(&rig, browser, event, count, None).await, "no {event} {count} was written");
    ends_well(&rig, &format!("{browser}, agent killed at {event} {count}")).await;
}

async fn agent_killed_inside(browser: BrowserKind, moment: Moment) {
    let rig = rig(browser).await;
    dies_inside(&rig, browser, moment).await;
    ends_well(&rig, &format!("{browser}, agent killed inside {moment:?}")).await;
}

/// A resumption that dies is resumed like any other run.
async fn resumption_killed_at(browser: BrowserKind, event: &str) {
    let rig = rig(browser).await;
    assert!(dies(&rig, browser, "reviewed", 1, None).await);
    let run = holder(&rig).unwrap();
    assert!(dies(&rig, browser, event, 1, Some(&run)).await, "{event}");
    ends_well(&rig, &format!("{browser}, resumption killed at {event}")).await;
}

/// What of a driver's processes is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    DriverAndBrowser,
    Browser,
}

/// Kills the driver's group, or all of it but the driver, when an event stands in the journal.
struct Kills {
    event: &'static str,
    victim: Victim,
    group: Mutex<Option<i32>>,
}

impl Watcher for Kills {
    fn step(&self, _: Stage, _: &str) {}

    fn noted(&self, event: &Event) {
        let mut group = self.group.lock().unwrap();
        if let Event::BrowserStarted { group: started } = event {
            *group = *started;
        }
        if serde_json::to_value(event).unwrap()["event"] == self.event
            && let Some(group) = group.take()
        {
            match self.victim {
                Victim::DriverAndBrowser => kill_process_group(Pid::from_raw(group).unwrap(), Signal::KILL).unwrap(),
                Victim::Browser => members(group).into_iter().filter(|pid| *pid != group).for_each(|pid| {
                    // It may be gone with the one before it.
                    let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
                }),
            }
        }
    }
}

/// Processes of a group, by number.
fn members(group: i32) -> Vec<i32> {
    let numbers =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid: &i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect::<Vec<_>>());
            fields.is_some_and(|fields| fields.get(2).is_some_and(|field| *field == group.to_string()))
        })
        .collect()
}

async fn killed_at(browser: BrowserKind, victim: Victim, event: &'static str) {
    let rig = rig(browser).await;
    let kills = Kills { event, victim, group: Mutex::default() };
    let run = rig.run_with(&rig.sources, &kills).await.unwrap();
    let cell = format!("{browser}, {victim:?} killed at {event}");
    if run.get().outcome == Outcome::Environment {
        assert_eq!((rig.oracle().drafts.len(), rig.oracle().submitted.len()), (0, 0), "{cell}: {}", told(&run));
    } else {
        // Once released, a fresh browser finds out what became of it.
        assert_ne!(run.get().outcome, Outcome::InDoubt, "{cell}: {}", told(&run));
        check(&rig, &cell, &run);
    }
    ends_well(&rig, &format!("{cell}, ended {:?}", run.get().outcome)).await;
}

/// The portal restarts while it has an upload in its hands: the connection is cut, and the session is over. The agent signs in
/// again and begins anew, since nothing was saved.
async fn portal_restarts_inside_an_upload(browser: BrowserKind) {
    let rig = rig(browser).await;
    let mut stopped = rig.portal.stop_at(Moment::Upload);
    let (run, ()) = tokio::join!(rig.run(), async {
        stopped.changed().await.unwrap();
        rig.portal.restart().await.unwrap();
    });
    let cell = format!("{browser}, portal restarted inside an upload");
    assert_eq!(run.get().outcome, Outcome::Submitted, "{cell}: {}", told(&run));
    check(&rig, &cell, &run);
    ends_well(&rig, &cell).await;
}

macro_rules! cells {
    ($($where:ident $name:ident: $call:ident($($argument:expr),*);)*) => {
        browser_tests! {$(
            $where async fn $name(browser: BrowserKind) {
                $call(browser, $($argument),*).await;
            }
        )*}
    };
}

cells! {
    sweep agent_killed_at_opened: agent_killed_at("opened", 1);
    sweep agent_killed_at_claimed: agent_killed_at("claimed", 1);
    sweep agent_killed_at_packet_judged: agent_killed_at("packet-judged", 1);
    sweep agent_killed_at_browser_started: agent_killed_at("browser-started", 1);
    sweep agent_killed_at_path_proven: agent_killed_at("path-proven", 1);
    sweep agent_killed_at_signed_in: agent_killed_at("signed-in", 1);
    sweep agent_killed_at_surveyed: agent_killed_at("surveyed", 1);
    sweep agent_killed_at_entry_begins: agent_killed_at("entry-begins", 1);
    sweep agent_killed_at_tab_filled: agent_killed_at("tab-filled", 1);
    sweep agent_killed_at_entry_begins_4: agent_killed_at("entry-begins", 4);
    sweep agent_killed_at_tab_filled_6: agent_killed_at("tab-filled", 6);
    sweep agent_killed_at_upload_begins: agent_killed_at("upload-begins", 1);
    sweep agent_killed_at_uploaded: agent_killed_at("uploaded", 1);
    sweep agent_killed_at_save_begins: agent_killed_at("save-begins", 1);
    sweep agent_killed_at_draft_saved: agent_killed_at("draft-saved", 1);
    sweep agent_killed_at_draft_verified: agent_killed_at("draft-verified", 1);
    sweep agent_killed_at_reviewed: agent_killed_at("reviewed", 1);
    sweep agent_killed_at_panel_rechecked: agent_killed_at("panel-rechecked", 1);
    sweep agent_killed_at_commit_held: agent_killed_at("commit-held", 1);
    chromium agent_killed_at_commit_intent: agent_killed_at("commit-intent", 1);
    sweep agent_killed_at_commit_answered: agent_killed_at("commit-answered", 1);
    sweep agent_killed_at_confirmed: agent_killed_at("confirmed", 1);
    sweep agent_killed_at_ended: agent_killed_at("ended", 1);
    sweep agent_killed_inside_upload: agent_killed_inside(Moment::Upload);
    sweep agent_killed_inside_save_before: agent_killed_inside(Moment::SaveBefore);
    sweep agent_killed_inside_save_after: agent_killed_inside(Moment::SaveAfter);
    sweep agent_killed_inside_commit_before: agent_killed_inside(Moment::CommitBefore);
    firefox agent_killed_inside_commit_after: agent_killed_inside(Moment::CommitAfter);
    sweep agent_killed_inside_look_up: agent_killed_inside(Moment::LookUp);
    sweep resumption_killed_at_resumed: resumption_killed_at("resumed");
    sweep resumption_killed_at_claimed: resumption_killed_at("claimed");
    sweep resumption_killed_at_draft_adopted: resumption_killed_at("draft-adopted");
    sweep resumption_killed_at_draft_verified: resumption_killed_at("draft-verified");
    sweep resumption_killed_at_commit_held: resumption_killed_at("commit-held");
    sweep resumption_killed_at_commit_intent: resumption_killed_at("commit-intent");
    sweep driver_and_browser_killed_at_surveyed: killed_at(Victim::DriverAndBrowser, "surveyed");
    sweep driver_and_browser_killed_at_entry_begins: killed_at(Victim::DriverAndBrowser, "entry-begins");
    sweep driver_and_browser_killed_at_uploaded: killed_at(Victim::DriverAndBrowser, "uploaded");
    sweep driver_and_browser_killed_at_save_begins: killed_at(Victim::DriverAndBrowser, "save-begins");
    sweep driver_and_browser_killed_at_draft_saved: killed_at(Victim::DriverAndBrowser, "draft-saved");
    sweep driver_and_browser_killed_at_panel_rechecked: killed_at(Victim::DriverAndBrowser, "panel-rechecked");
    sweep driver_and_browser_killed_at_commit_held: killed_at(Victim::DriverAndBrowser, "commit-held");
    chromium driver_and_browser_killed_at_commit_answered: killed_at(Victim::DriverAndBrowser, "commit-answered");
    sweep browser_killed_at_surveyed: killed_at(Victim::Browser, "surveyed");
    sweep browser_killed_at_entry_begins: killed_at(Victim::Browser, "entry-begins");
    sweep browser_killed_at_uploaded: killed_at(Victim::Browser, "uploaded");
    chromium browser_killed_at_save_begins: killed_at(Victim::Browser, "save-begins");
    sweep browser_killed_at_draft_saved: killed_at(Victim::Browser, "draft-saved");
    sweep browser_killed_at_panel_rechecked: killed_at(Victim::Browser, "panel-rechecked");
    sweep browser_killed_at_commit_held: killed_at(Victim::Browser, "commit-held");
    sweep browser_killed_at_commit_answered: killed_at(Victim::Browser, "commit-answered");
    chromium portal_restarted_inside_an_upload: portal_restarts_inside_an_upload();
}
