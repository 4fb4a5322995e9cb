//! What other accounts of the machine reach of a browser that is at work, and what it reaches itself.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use portal_agent::gateway::policy::GatewayPolicy;
use portal_agent::gateway::proxy::Gateway;
use portal_agent::gateway::upstream::PortalLink;
use portal_agent::model::browser::{BrowserKind, BrowserNetwork};
use portal_agent::portal::browser::{SessionOptions, capabilities, find};
use portal_agent::portal::driver::Driver;
use portal_agent::portal::network::{Network, NetworkOrder};
use portal_agent::portal::webdriver::wire::Wire;
use portal_agent::reference_portal::faults::FaultPlan;
use portal_agent::selectors::read::read;
use serde_json::{Value, json};

use crate::browser_tests;
use crate::support::{Plan, Rig, network, profile};

/// Whether util-linux makes a network of its own here.
fn allowed() -> bool {
    let makes = |arguments: &[&str]| {
        Command::new("unshare").args(arguments).arg("true").output().is_ok_and(|told| told.status.success())
    };
    makes(&["--net"]) || makes(&["--user", "--net"])
}

/// The networks of all processes whose temporary folder is this one.
fn networks_of(folder: &Path) -> Vec<std::path::PathBuf> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let is_ours = |process: &std::path::PathBuf| {
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        let wanted = format!("TMPDIR={}", folder.display());
        environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
    };
    processes.filter(is_ours).filter_map(|process| std::fs::read_link(process.join("ns/net")).ok()).collect()
}

fn reached(address: &str) -> bool {
    TcpStream::connect_timeout(&address.parse().unwrap(), Duration::from_secs(5)).is_ok()
}

browser_tests! {
    both async fn nobody_else_reaches_a_browser_in_a_network_of_its_own(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let folder = tempfile::tempdir().unwrap();
        let installed = find(browser).unwrap_or_else(|error| panic!("{error}; mend it with: {}", error.advice()));
        let driver = Driver::start(&installed, folder.path(), &network()).await.unwrap();
        let map = read("map.toml".as_ref(), &rig.map_text).unwrap();
        let policy = GatewayPolicy::new(&map, &rig.portal.url()).unwrap();
        let upstream = Arc::new(PortalLink::new(None).unwrap());
        let gateway = Gateway::start(policy, upstream, driver.doorway().unwrap()).unwrap();
        let address = gateway.address().to_string();
        let options = SessionOptions {
            kind: browser,
            program: Some(&installed.browser),
            gateway: &address,
            folder: folder.path(),
            headed: false,
            profile: profile(),
        };
        let wire = Wire::open(driver.url(), capabilities(&options), Duration::from_secs(30), driver.network()).await;
        let wire = wire.unwrap();
        wire.goto(&rig.portal.url().join("login").unwrap()).await.unwrap();
        let question = "return document.readyState === 'complete' && document.title !== '' && navigator.onLine";
        let shown = async { while wire.script(question, Value::Null).await.ok() != Some(json!(true)) {} };
        tokio::time::timeout(Duration::from_secs(30), shown).await.expect("the portal's page, and a browser that is online");

        let its_driver = driver.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
        let here = std::fs::read_link("/proc/self/ns/net").unwrap();
        let networks = networks_of(folder.path());
        assert!(networks.len() >= 3, "driver and browser are several processes: {networks:?}");
        match driver.network() {
            Network::Own(_) => {
                assert!(!networks.contains(&here), "a process of the browser is in this network");
                assert!(!reached(&its_driver) && !reached(&address), "driver or gateway are reached from here");
            }
            Network::Shared(why) => {
                assert!(!allowed(), "the machine allows a network of its own, and there is none: {why:?}");
                assert!(why.is_some());
            }
        }
        wire.close().await;
        drop(driver);

        // In the machine's network, everybody reaches the driver: the test can fail.
        let shared = NetworkOrder::of_this_program(BrowserNetwork::Shared);
        let driver = Driver::start(&installed, folder.path(), &shared).await.unwrap();
        assert!(reached(driver.url().trim_start_matches("http://").trim_end_matches('/')));
    }
}
