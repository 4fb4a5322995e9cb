//! A portal, a record that fits it, and a run against it.

#![allow(dead_code, reason = "every test program uses another part of it")]

pub mod lab;
pub mod lenient;
pub mod proof;
pub mod stepwise;
pub mod sweep;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::LocalBoxFuture;
use portal_agent::decide::policy::{ApprovalPolicy, Policy};
use portal_agent::decide::rules::confirmation::Said;
use portal_agent::decide::verdict::{HaltCode, Stage};
use portal_agent::evidence::documents::RunDocument;
use portal_agent::evidence::shared::SharedStore;
use portal_agent::evidence::store::USUAL_LIMIT;
use portal_agent::gateway::proxy::Gateway;
use portal_agent::mask::masked::Masked;
use portal_agent::model::browser::{BrowserKind, BrowserNetwork, BrowserProfile};
use portal_agent::model::freeze_policy::{CategoryPolicy, FreezePolicy};
use portal_agent::model::freeze_terms::ReleaseMode;
use portal_agent::model::ids::{PersonId, RunId};
use portal_agent::model::time::Instant;
use portal_agent::portal::browser::{SessionOptions, capabilities, find};
use portal_agent::portal::driver::Driver;
use portal_agent::portal::network::NetworkOrder;
use portal_agent::portal::webdriver::Credentials;
use portal_agent::portal::webdriver::wire::Wire;
use portal_agent::recording::record::recorder::{Made, RecordError, RecordOrder, record};
use portal_agent::reference_portal::example::{ExampleTimes, approved, world, write};
use portal_agent::reference_portal::faults::FaultPlan;
use portal_agent::reference_portal::oracle::Oracle;
use portal_agent::reference_portal::{ACCOUNT, PASSWORD, Portal, Scheme};
use portal_agent::run::clock::{Clock, SystemClock};
use portal_agent::run::interrupt::{Interrupt, InterruptSwitch};
use portal_agent::run::launch::launch;
use portal_agent::run::order::{Begin, Continue, InputError, Order, RandomSource};
use portal_agent::run::session::BrowserOrder;
use portal_agent::run::watch::{Unwatched, Watcher};
use portal_agent::selectors::read::read as read_map;
use portal_agent::sources::configured::ConfiguredSources;
use portal_agent::sources::record_file::ReadRecord;
use portal_agent::sources::{SourceError, SourceFacts, Sources};
use serde_json::Value;
use tempfile::TempDir;

/// The map of the reference portal.
pub const MAP: &str = include_str!("../../selectors/reference.toml");

/// How a test's portal and record are made.
pub struct Plan {
    pub browser: BrowserKind,
    pub scheme: Scheme,
    pub faults: FaultPlan,
    /// Longest attachment, in bytes.
    pub longest: usize,
}

impl Plan {
    pub fn new(browser: BrowserKind, faults: FaultPlan) -> Self {
        Self { browser, scheme: Scheme::Http, faults, longest: 40_000 }
    }
}

/// A portal, a record, and everything a run is asked for.
pub struct Rig {
    pub portal: Portal,
    pub folder: TempDir,
    pub times: ExampleTimes,
    pub order: Order,
    pub map_text: String,
    pub sources: ConfiguredSources,
    /// Whether the portal may lag, so that the run has to wait for what is on its way.
    pub lags: bool,
}

/// Browsers need their sandbox off where the tests run as root, as they do in containers.
pub fn profile() -> BrowserProfile {
    if rustix::process::geteuid().is_root() { BrowserProfile::Container } else { BrowserProfile::Desktop }
}

/// A browser without a window.
pub fn browser_order(kind: BrowserKind) -> BrowserOrder {
    BrowserOrder { kind, profile: profile(), network: network(), headed: false, webdriver: None, pace: Duration::ZERO }
}

/// A network of the browser's own, where the machine allows it. The program that goes into it: the product, or this helper.
pub fn network() -> NetworkOrder {
    let program = option_env!("CARGO_BIN_EXE_portal-agent").unwrap_or("/proc/self/exe").into();
    NetworkOrder { network: BrowserNetwork::Auto, program }
}

/// Three roles, approvals of the last three days, and emergency fixes are hotfixes.
pub fn policy() -> Policy {
    Policy {
        approvals: ApprovalPolicy::default(),
        freeze: FreezePolicy { categories: vec![hotfix()], ..FreezePolicy::default() },
    }
}

fn hotfix() -> CategoryPolicy {
    let mode = Some(ReleaseMode::Hotfix);
    CategoryPolicy { name: "emergency-fix".into(), mode, lead_hours: None, longest_window_hours: None }
}

impl Rig {
    /// Records a run; the portal is called `change.example`.
    pub async fn record(&self, out: &Path, about: &str) -> Result<Made, RecordError> {
        self.record_with(&self.sources, out, about).await
    }

    /// Records a run whose sources answer otherwise than from the files.
    pub async fn record_with(&self, sources: &dyn Sources, out: &Path, about: &str) -> Result<Made, RecordError> {
        let wanted = RecordOrder {
            order: self.order.clone(),
            map_text: self.map_text.clone(),
            out: out.to_owned(),
            about: about.to_owned(),
            portal: Some("https://change.example/".parse().unwrap()),
            stand_ins: Vec::new(),
            har: None,
        };
        let (_switch, interrupt) = Interrupt::by_hand();
        record(wanted, sources, interrupt, &Unwatched).await
    }

    pub async fn new(plan: Plan) -> Self {
        let times = ExampleTimes::around(jiff::Timestamp::now());
        let portal = Portal::start(plan.scheme, plan.faults, world(&times)).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let example = write(folder.path(), &portal.url(), &times, plan.longest).unwrap();
        let portal_ca = portal.certificate().map(|pem| {
            let path = folder.path().join("portal-ca.pem");
            std::fs::write(&path, pem).unwrap();
            path
        });
        let evidence = folder.path().join("evidence");
        let map_text = map_text(&portal);
        let order = Order {
            begin: Begin::Afresh,
            shared: SharedStore::folder(&evidence),
            hand_over: false,
            sealer: None,
            notify: None,
            record: example.record.clone(),
            map: Arc::new(read_map("reference.toml".as_ref(), &map_text).unwrap()),
            base: portal.url(),
            operator: PersonId::parse("op.night").unwrap(),
            policy: policy(),
            evidence,
            evidence_limit: USUAL_LIMIT,
            browser: browser_order(plan.browser),
            portal_ca,
            upstream: None,
            chance: RandomSource::Drawn,
            credentials: Credentials { user: ACCOUNT.into(), password: PASSWORD.into() },
            draft_only: false,
        };
        let sources = ConfiguredSources::of_files(example.record, example.calendar, example.freeze_state);
        Self { portal, folder, times, order, map_text, sources, lags: false }
    }

    /// Changes the exception, has it approved anew, and writes the record.
    pub fn approve_with(&self, change: impl FnOnce(&mut Value)) {
        let mut record = self.record_json();
        change(&mut record["exception"]);
        let record = approved(record["exception"].clone(), &self.portal.url(), &self.times).unwrap();
        self.write_record(&record);
    }

    pub fn record_json(&self) -> Value {
        serde_json::from_slice(&std::fs::read(&self.sources.record).unwrap()).unwrap()
    }

    pub fn write_record(&self, record: &Value) {
        std::fs::write(&self.sources.record, serde_json::to_vec_pretty(record).unwrap()).unwrap();
    }

    /// Runs with another selector map.
    pub fn with_map(mut self, change: impl FnOnce(String) -> String) -> Self {
        let text = change(map_text(&self.portal));
        self.map_text = text.clone();
        self.order.map = Arc::new(read_map("reference.toml".as_ref(), &text).unwrap_or_else(|error| panic!("{error}")));
        self
    }

    fn clock(&self) -> Box<dyn Clock> {
        if self.lags { Box::new(SystemClock::default()) } else { Box::new(BriskClock::default()) }
    }

    pub async fn run(&self) -> Masked<RunDocument> {
        self.try_run().await.unwrap_or_else(|error| panic!("{error}"))
    }

    pub async fn try_run(&self) -> Result<Masked<RunDocument>, InputError> {
        self.run_with(&self.sources, &Unwatched).await
    }

    pub async fn run_with(
        &self,
        sources: &dyn Sources,
        watcher: &dyn Watcher,
    ) -> Result<Masked<RunDocument>, InputError> {
        let (_switch, interrupt) = Interrupt::by_hand();
        launch(&self.order, sources, &*self.clock(), interrupt, watcher).await
    }

    /// Goes on where `run` stopped.
    pub async fn resume(&self, run: &RunId) -> Result<Masked<RunDocument>, InputError> {
        self.begin(Begin::Resume(continues(run, "op.day"))).await
    }

    /// Says how `run` ended.
    pub async fn resolve(&self, run: &RunId, said: Said) -> Result<Masked<RunDocument>, InputError> {
        self.begin(Begin::Resolve(continues(run, "op.day"), said)).await
    }

    /// A run that stops at a verified draft, as asked for.
    pub async fn begin_draft_only(&self) -> Masked<RunDocument> {
        let order = Order { draft_only: true, ..self.order.clone() };
        let (_switch, interrupt) = Interrupt::by_hand();
        launch(&order, &self.sources, &*self.clock(), interrupt, &Unwatched).await.unwrap()
    }

    pub async fn begin(&self, begin: Begin) -> Result<Masked<RunDocument>, InputError> {
        let order = Order { begin, ..self.order.clone() };
        let (_switch, interrupt) = Interrupt::by_hand();
        launch(&order, &self.sources, &*self.clock(), interrupt, &Unwatched).await
    }

    /// Runs by another clock than the machine's.
    pub async fn run_by(&self, clock: &dyn Clock, watcher: &dyn Watcher) -> Masked<RunDocument> {
        let (_switch, interrupt) = Interrupt::by_hand();
        let result = launch(&self.order, &self.sources, clock, interrupt, watcher).await;
        result.unwrap_or_else(|error| panic!("{error}"))
    }

    pub async fn run_interruptible(&self, interrupt: Interrupt, watcher: &dyn Watcher) -> Masked<RunDocument> {
        let result = launch(&self.order, &self.sources, &*self.clock(), interrupt, watcher).await;
        result.unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn oracle(&self) -> Oracle {
        self.portal.oracle()
    }

    pub fn evidence(&self, document: &Masked<RunDocument>) -> PathBuf {
        PathBuf::from(&document.get().evidence_dir)
    }
}

/// A driver and a session of its browser behind a gateway, without anything that a run does.
pub async fn session(
    kind: BrowserKind,
    gateway: &Gateway,
    folder: &Path,
    change: impl FnOnce(serde_json::Map<String, serde_json::Value>) -> serde_json::Map<String, serde_json::Value>,
) -> (Driver, Wire) {
    let installed = find(kind).unwrap_or_else(|error| panic!("{error}; mend it with: {}", error.advice()));
    // The gateway is on this machine's loopback.
    let order = NetworkOrder::of_this_program(BrowserNetwork::Shared);
    let driver = Driver::start(&installed, folder, &order).await.unwrap();
    let (address, program) = (gateway.address().to_string(), Some(installed.browser.as_path()));
    let options = SessionOptions { kind, program, gateway: &address, folder, headed: false, profile: profile() };
    let wire = Wire::open(driver.url(), change(capabilities(&options)), Duration::from_secs(30), driver.network())
        .await
        .unwrap();
    (driver, wire)
}

/// Continues `run` on the word of `by`.
pub fn continues(run: &RunId, by: &str) -> Continue {
    Continue {
        run: run.clone(),
        by: PersonId::parse(by).unwrap(),
        reason: "the cause was mended".into(),
        from_host: None,
    }
}

/// The reference map at this portal, with limits fit for tests.
pub fn map_text(portal: &Portal) -> String {
    MAP.replace("http://127.0.0.1:8480/", portal.url().as_str())
        .replace("commit_s = 60", "commit_s = 4\narrival_s = 4\nhold_s = 10")
}

/// Codes of a document, in order, each once.
pub fn codes(document: &Masked<RunDocument>) -> Vec<HaltCode> {
    let mut codes: Vec<HaltCode> = document.get().halt.iter().map(|reason| reason.get().code).collect();
    codes.dedup();
    codes
}

/// Everything a failed assertion should show.
pub fn told(document: &Masked<RunDocument>) -> String {
    serde_json::to_string_pretty(document).unwrap()
}

/// Interrupts the run when a stage and place are reached.
pub struct InterruptAt {
    pub stage: Stage,
    pub place: &'static str,
    pub switch: InterruptSwitch,
}

impl Watcher for InterruptAt {
    fn step(&self, stage: Stage, place: &str) {
        if stage == self.stage && place == self.place {
            self.switch.press();
        }
    }
}

/// Answers from the files at first, and with something else once the commit request is held.
pub struct ChangesWhileHeld<F> {
    pub files: ConfiguredSources,
    pub reads: std::sync::atomic::AtomicU32,
    pub change: F,
}

impl<F> ChangesWhileHeld<F> {
    pub fn new(files: ConfiguredSources, change: F) -> Self {
        Self { files, reads: std::sync::atomic::AtomicU32::new(0), change }
    }
}

#[async_trait(?Send)]
impl<F: Fn()> Sources for ChangesWhileHeld<F> {
    async fn read(&self, known: Option<&ReadRecord>) -> Result<SourceFacts, SourceError> {
        // The first reading is the packet's, the second is made before the click, the third with the commit request held.
        if self.reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 2 {
            (self.change)();
        }
        self.files.read(known).await
    }
}

/// The machine's clock, for a portal that never lags: what a run rests, it believes has passed.
#[derive(Default)]
pub struct BriskClock {
    system: SystemClock,
    rested: std::sync::Mutex<Duration>,
}

impl Clock for BriskClock {
    fn now(&self) -> Instant {
        let rested = jiff::SignedDuration::try_from(*self.rested.lock().unwrap()).unwrap();
        Instant::from(self.system.now().timestamp() + rested)
    }

    fn rest(&self, how_long: Duration) -> LocalBoxFuture<'_, ()> {
        *self.rested.lock().unwrap() += how_long;
        Box::pin(std::future::ready(()))
    }
}

/// Runs a test to its end. Boxed: one copy of the runtime's code serves every test.
pub fn run_to_end(test: LocalBoxFuture<'_, ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test);
}

/// Makes of each function a test in Chromium and one in Firefox, and says which of them the suite runs: `both`, `chromium`, `firefox`,
/// or `sweep` for neither. What the suite does not run is an ignored test, which the sweep runs too.
#[macro_export]
macro_rules! browser_tests {
    ($($where:ident async fn $name:ident($browser:ident: BrowserKind) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "each test needs another part of it")]
            use super::*;

            async fn run($browser: BrowserKind) $body

            $crate::browser_tests!(@ $where run);
        }
    )*};
    (@ both $run:ident) => {
        $crate::browser_tests!(@@ chromium Chromium $run);
        $crate::browser_tests!(@@ firefox Firefox $run);
    };
    (@ chromium $run:ident) => {
        $crate::browser_tests!(@@ chromium Chromium $run);
        $crate::browser_tests!(@@ firefox Firefox $run "sweep: the suite proves it in Chromium");
    };
    (@ firefox $run:ident) => {
        $crate::browser_tests!(@@ chromium Chromium $run "sweep: the suite proves it in Firefox");
        $crate::browser_tests!(@@ firefox Firefox $run);
    };
    (@ sweep $run:ident) => {
        $crate::browser_tests!(@@ chromium Chromium $run "sweep: the suite proves the rule elsewhere");
        $crate::browser_tests!(@@ firefox Firefox $run "sweep: the suite proves the rule elsewhere");
    };
    (@@ $test:ident $kind:ident $run:ident $($ignored:literal)?) => {
        #[test]
        $(#[ignore = $ignored])?
        fn $test() {
            $crate::support::run_to_end(Box::pin($run(BrowserKind::$kind)));
        }
    };
}
