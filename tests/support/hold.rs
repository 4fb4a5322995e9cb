//! Holds a commit request of a real browser and waits to be killed.

use std::sync::Arc;
use std::time::Duration;

use portal_agent::gateway::policy::{GatewayPolicy, Origin};
use portal_agent::gateway::proxy::Gateway;
use portal_agent::gateway::upstream::PortalLink;
use portal_agent::model::browser::{BrowserKind, BrowserNetwork, BrowserProfile};
use portal_agent::portal::browser::{SessionOptions, capabilities, find};
use portal_agent::portal::driver::Driver;
use portal_agent::portal::network::NetworkOrder;
use portal_agent::portal::webdriver::wire::Wire;
use portal_agent::selectors::requests::RequestPattern;
use portal_agent::selectors::schema::Beacons;

pub async fn hold(browser: &str, base: &str, other: &str) {
    let kind = if browser == "firefox" { BrowserKind::Firefox } else { BrowserKind::Chromium };
    let base: url::Url = base.parse().unwrap();
    let policy = GatewayPolicy {
        sign_in: "/login".into(),
        beacons: Beacons::Refuse,
        base: Origin::of(&base).unwrap(),
        origins: [&base, &other.parse().unwrap()].into_iter().filter_map(Origin::of).collect(),
        requests: Vec::new(),
        commit: RequestPattern::parse("commit", "POST", "/commit", &Default::default()).unwrap(),
    };
    let folder = tempfile::tempdir().unwrap();
    let authorities = std::env::var("LAB_CERTIFICATES").ok().map(|pem| {
        let path = folder.path().join("lab.pem");
        std::fs::write(&path, pem).unwrap();
        path
    });
    let installed = find(kind).unwrap();
    // In a network of its own the browser would end with its agent, and no page would insist any more.
    let order = NetworkOrder::of_this_program(BrowserNetwork::Shared);
    let driver = Driver::start(&installed, folder.path(), &order).await.unwrap();
    let upstream = Arc::new(PortalLink::new(authorities.as_deref()).unwrap());
    let gateway = Gateway::start(policy, upstream, driver.doorway().unwrap()).unwrap();
    let address = gateway.address().to_string();
    let root = rustix::process::geteuid().is_root();
    let options = SessionOptions {
        kind,
        program: Some(&installed.browser),
        gateway: &address,
        folder: folder.path(),
        headed: false,
        profile: if root { BrowserProfile::Container } else { BrowserProfile::Desktop },
    };
    let wire =
        Wire::open(driver.url(), capabilities(&options), Duration::from_secs(30), driver.network()).await.unwrap();
    assert!(gateway.control().expect_commit());
    wire.goto(&base.join("insistent").unwrap()).await.unwrap();
    gateway.control().held(Duration::from_secs(20)).await.unwrap();
    println!("held {}", driver.group().unwrap());
    std::future::pending::<()>().await;
}
