//! A run that kills itself with SIGKILL where it is told to. With a run's name it resumes that one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portal_agent::decide::policy::{ApprovalPolicy, Policy};
use portal_agent::decide::verdict::Stage;
use portal_agent::evidence::journal::Event;
use portal_agent::evidence::shared::SharedStore;
use portal_agent::model::browser::{BrowserKind, BrowserProfile};
use portal_agent::model::ids::{PersonId, RunId};
use portal_agent::portal::webdriver::Credentials;
use portal_agent::reference_portal::{ACCOUNT, PASSWORD};
use portal_agent::run::clock::SystemClock;
use portal_agent::run::interrupt::Interrupt;
use portal_agent::run::launch::launch;
use portal_agent::run::order::{Begin, Continue, Order, RandomSource};
use portal_agent::run::session::BrowserOrder;
use portal_agent::run::watch::Watcher;
use portal_agent::selectors::read::read as read_map;
use portal_agent::sources::configured::ConfiguredSources;
use portal_agent::sources::freeze_policy_file;
use rustix::process::{Signal, getpid, kill_process};

use super::support::network;

/// Kills this process when the journal has so many events of this name.
struct DiesAt {
    event: String,
    countdown: AtomicU64,
}

impl Watcher for DiesAt {
    fn step(&self, _: Stage, _: &str) {}

    fn noted(&self, event: &Event) {
        let value = serde_json::to_value(event).unwrap();
        if value["event"] == self.event.as_str() && self.countdown.fetch_sub(1, Ordering::SeqCst) == 1 {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
    }
}

pub async fn die(folder: &Path, browser: &str, map: &Path, base: &str, event: &str, count: u64, run: &[&str]) {
    let evidence = folder.join("evidence");
    let text = std::fs::read_to_string(map).unwrap();
    let root = rustix::process::geteuid().is_root();
    let begin = match run {
        [] => Begin::Afresh,
        [run, ..] => Begin::Resume(Continue {
            run: RunId::parse(run).unwrap(),
            by: PersonId::parse("op.day").unwrap(),
            reason: "it died".into(),
            from_host: None,
        }),
    };
    let order = Order {
        begin,
        record: folder.join("record.json"),
        map: Arc::new(read_map(map, &text).unwrap()),
        base: base.parse().unwrap(),
        operator: PersonId::parse("op.night").unwrap(),
        policy: Policy {
            approvals: ApprovalPolicy::default(),
            freeze: freeze_policy_file::read(&folder.join("freeze-policy.toml")).unwrap(),
        },
        shared: SharedStore::folder(&evidence),
        evidence,
        evidence_limit: 64 << 20,
        browser: BrowserOrder {
            kind: if browser == "firefox" { BrowserKind::Firefox } else { BrowserKind::Chromium },
            profile: if root { BrowserProfile::Container } else { BrowserProfile::Desktop },
            network: network(),
            headed: false,
            webdriver: None,
            pace: Duration::ZERO,
        },
        portal_ca: None,
        upstream: None,
        chance: RandomSource::Drawn,
        credentials: Credentials { user: ACCOUNT.into(), password: PASSWORD.into() },
        draft_only: false,
        hand_over: false,
        sealer: None,
        notify: None,
    };
    let sources = ConfiguredSources::of_files(
        order.record.clone(),
        folder.join("freeze-calendar.toml"),
        folder.join("freeze_mode.json"),
    );
    let dies = DiesAt { event: event.to_owned(), countdown: AtomicU64::new(count) };
    let (_switch, interrupt) = Interrupt::by_hand();
    let document = launch(&order, &sources, &SystemClock::default(), interrupt, &dies).await.unwrap();
    println!("{}", serde_json::to_string(&document).unwrap());
}
