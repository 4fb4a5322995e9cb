//! What a run touches besides its sources and its clock: evidence, the shared store, processes, the browser. One trait, so that
//! the whole of a run also works against a simulated world.

use std::path::Path;
use std::sync::Arc;

use super::order::{Order, RandomSource};
use super::private::PrivateFolder;
use super::process;
use super::session::Session;
use crate::evidence::claims::{Alive, Holder};
use crate::evidence::documents::Cost;
use crate::evidence::journal::JOURNAL;
use crate::evidence::shared::SharedStore;
use crate::evidence::store::{EvidenceError, EvidenceFolder};
use crate::gateway::control::Control;
use crate::mask::masked::MaskGate;
use crate::model::ids::{ChangeId, RunId};
use crate::portal::Portal;
use crate::portal::driver::Driver;
use crate::portal::webdriver::{WebPortal, WebPortalConfig};

/// A browser behind its gateway.
pub struct Opened<P> {
    pub portal: P,
    /// The gateway.
    pub control: Control,
    /// Process group of the driver.
    pub group: Option<i32>,
}

/// The world of a run.
pub trait Ports {
    type Portal: Portal;
    /// What several hosts share.
    fn shared(&self) -> &SharedStore;
    /// Makes the evidence folder of a new run.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`].
    fn folder(&self, change: &ChangeId, run: &RunId) -> Result<EvidenceFolder, EvidenceError>;
    /// The journal of an earlier run, where it lies on this host.
    fn local_journal(&self, change: &ChangeId, run: &RunId) -> Option<Vec<u8>>;
    /// This process.
    fn me(&self) -> Holder;
    /// Whether another one still runs.
    fn alive(&self, holder: &Holder) -> Alive;
    /// Starts gateway, driver and browser.
    fn open(&mut self) -> impl Future<Output = Result<Opened<Self::Portal>, String>>;
    /// Ends what was started, the browser first; says what it cost.
    fn close(&mut self) -> Cost;
}

/// The real world.
pub(crate) struct Machine<'a> {
    order: &'a Order,
    gate: Arc<MaskGate>,
    private: &'a PrivateFolder,
    service: String,
    change: String,
    session: Option<Session>,
}

impl<'a> Machine<'a> {
    /// For one run; the browser finds exceptions by `service` and `change`.
    pub fn new(
        order: &'a Order,
        gate: &Arc<MaskGate>,
        private: &'a PrivateFolder,
        service: &str,
        change: &ChangeId,
    ) -> Self {
        let (service, change) = (service.to_owned(), change.to_string());
        Self { order, gate: Arc::clone(gate), private, service, change, session: None }
    }
}

/// The journal of a run below an evidence root.
pub(crate) fn journal_below(root: &Path, change: &ChangeId, run: &RunId) -> Option<Vec<u8>> {
    std::fs::read(root.join(change.as_str()).join(run.as_str()).join(JOURNAL)).ok()
}

impl Ports for Machine<'_> {
    type Portal = WebPortal;

    fn shared(&self) -> &SharedStore {
        &self.order.shared
    }

    fn folder(&self, change: &ChangeId, run: &RunId) -> Result<EvidenceFolder, EvidenceError> {
        let folder = EvidenceFolder::create(&self.order.evidence, change, run)?;
        Ok(folder.limited_to(self.order.evidence_limit))
    }

    fn local_journal(&self, change: &ChangeId, run: &RunId) -> Option<Vec<u8>> {
        journal_below(&self.order.evidence, change, run)
    }

    fn me(&self) -> Holder {
        process::me()
    }

    fn alive(&self, holder: &Holder) -> Alive {
        process::alive(holder, &process::me(), process::process)
    }

    async fn open(&mut self) -> Result<Opened<WebPortal>, String> {
        let target = self.order.target();
        let (session, answers) = tokio::join!(target.start(self.private), target.answers());
        let session = session?;
        answers?;
        let control = session.gateway.control().clone();
        let config = WebPortalConfig {
            map: Arc::clone(&self.order.map),
            base: self.order.base.clone(),
            control: control.clone(),
            gate: Arc::clone(&self.gate),
            browser: self.order.browser.kind,
            credentials: self.order.credentials.clone(),
            service: self.service.clone(),
            change: self.change.clone(),
        };
        let portal = WebPortal::new(Arc::clone(&session.wire), config);
        // What is to be told again to the byte does not tell the number of a process; it is swept by the private folder.
        let group = match self.order.chance {
            RandomSource::Drawn => session.driver.as_ref().and_then(Driver::group),
            RandomSource::Given(_) => None,
        };
        self.session = Some(session);
        Ok(Opened { portal, control, group })
    }

    fn close(&mut self) -> Cost {
        let Some(Session { driver, wire, gateway }) = self.session.take() else { return Cost::default() };
        let cost = Cost {
            webdriver_round_trips: wire.trips(),
            browser_ms: u64::try_from(wire.busy().as_millis()).unwrap_or(u64::MAX),
            wall_ms: 0,
            requests_passed: gateway.control().passed(),
        };
        // The browser goes first: a page must not live on without its gateway.
        drop(driver);
        drop(gateway);
        cost
    }
}
