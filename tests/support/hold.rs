//! Holds a commit request of a real browser and waits to be killed.

use std::sync::Arc;
use std::time::Duration;

use portal_agent::gateway::policy::{GatewayPolicy, Origin};
use portal_agent::gateway::proxy::Gateway;
use portal_agent::gateway::upstream::PortalLink;
use portal_agent::model::browser::{BrowserKind, BrowserProfile};
use portal_agent::portal::browser::{SessionOptions, capabilities, find};
use portal_agent::portal::driver::Driver;
use portal_agent::portal::webdriver::wire::Wire;
use portal_agent::selectors::requests::RequestPattern;

pub async fn hold(browser: &str, base: &str, other: &str) {
    let kind = if browser == "firefox" { BrowserKind::Firefox } else { BrowserKind::Chromium };
    let base: url::Url = base.parse().unwrap();
    let policy = GatewayPolicy {
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
    let gateway = Gateway::start(policy, Arc::new(PortalLink::new(authorities.as_deref()).unwrap())).await.unwrap();
    let installed = find(kind).unwrap();
    let driver = Driver::start(&installed, folder.path()).await.unwrap();
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
    let wire = Wire::open(driver.url(), capabilities(&options), Duration::from_secs(30)).await.unwrap();
    assert!(gateway.control().expect_commit());
    wire.goto(&base.join("insistent").unwrap()).await.unwrap();
    gateway.control().held(Duration::from_secs(20)).await.unwrap();
    println!("held {}", driver.group().unwrap());
    std::future::pending::<()>().await;
}
