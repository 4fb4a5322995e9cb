//! A browser at the form of a portal, signed in, without anything that a run decides.

use std::sync::Arc;

use portal_agent::gateway::doorway::Doorway;
use portal_agent::gateway::policy::GatewayPolicy;
use portal_agent::gateway::proxy::Gateway;
use portal_agent::gateway::upstream::PortalLink;
use portal_agent::mask::masked::{MaskGate, Permissions};
use portal_agent::model::browser::BrowserKind;
use portal_agent::model::form::PlannedTab;
use portal_agent::portal::Portal as _;
use portal_agent::portal::driver::Driver;
use portal_agent::portal::webdriver::wire::Wire;
use portal_agent::portal::webdriver::{WebPortal, WebPortalConfig};
use portal_agent::selectors::plan::plan;
use portal_agent::sources::record_file;
use serde_json::Value;

use crate::support::{Rig, session};

/// The browser, and the agent's hands in it.
pub struct Bench {
    pub wire: Arc<Wire>,
    pub portal: WebPortal,
    _running: (Gateway, Driver, tempfile::TempDir),
}

impl Bench {
    pub async fn at(rig: &Rig, browser: BrowserKind) -> Self {
        let map = Arc::clone(&rig.order.map);
        let policy = GatewayPolicy::new(&map, &rig.order.base).unwrap();
        let link = Arc::new(PortalLink::new(None).unwrap());
        let gateway = Gateway::start(policy, link, Doorway::of_this_account().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (driver, wire) = session(browser, &gateway, folder.path(), |capabilities| capabilities).await;
        let wire = Arc::new(wire);
        let permissions = Permissions { fields: [].into(), wording: false, messages: false };
        let config = WebPortalConfig {
            map,
            base: rig.order.base.clone(),
            control: gateway.control().clone(),
            gate: Arc::new(MaskGate::new(permissions, [0; 32], Vec::new())),
            browser,
            credentials: rig.order.credentials.clone(),
            service: "checkout-api".into(),
            change: "CHG0041877".into(),
        };
        let mut portal = WebPortal::new(Arc::clone(&wire), config);
        portal.sign_in().await.unwrap();
        Self { wire, portal, _running: (gateway, driver, folder) }
    }

    /// Keeps something for the scripts of the portal's pages.
    pub async fn store(&self, name: &str, value: &Value) {
        let script = "sessionStorage.setItem(arguments[0].name, JSON.stringify(arguments[0].value))";
        self.wire.script(script, serde_json::json!({ "name": name, "value": value })).await.unwrap();
    }

    /// What a script tells of the page.
    pub async fn asks(&self, script: &str) -> Value {
        self.wire.script(script, Value::Null).await.unwrap()
    }
}

/// The tabs of the form, with the values of the rig's record.
pub fn planned(rig: &Rig) -> Vec<PlannedTab> {
    let record = record_file::read(&rig.sources.record).unwrap();
    plan(&rig.order.map, &record.record).unwrap().tabs
}
