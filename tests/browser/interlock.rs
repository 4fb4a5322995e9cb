//! The gateway in front of real browsers: nothing commits unarmed, and nothing leaves when anything dies.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use portal_agent::gateway::control::Control;
use portal_agent::gateway::doorway::Doorway;
use portal_agent::gateway::policy::GatewayPolicy;
use portal_agent::gateway::proxy::Gateway;
use portal_agent::gateway::upstream::PortalLink;
use portal_agent::model::browser::BrowserKind;
use portal_agent::model::portal_facts::Refusal;
use portal_agent::portal::bypass::{Arrived, Bypass};
use portal_agent::portal::driver::Driver;
use portal_agent::portal::webdriver::wire::Wire;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

use crate::browser_tests;
use crate::support::lab::{Lab, WAYS};
use crate::support::lenient::{Ends, Lenient};
use crate::support::session;

/// Longest wait for a browser to try.
const TRIES: Duration = Duration::from_secs(8);
/// How long nothing must arrive after something died. In the trials, what leaked leaked within 60 ms.
const QUIET: Duration = Duration::from_millis(1500);

pub struct Bench {
    gateway: Gateway,
    driver: Driver,
    pub wire: Wire,
    _folder: TempDir,
}

pub async fn bench(browser: BrowserKind, lab: &Lab) -> Bench {
    bench_of(browser, lab.policy(), lab.certificates.as_ref()).await
}

async fn bench_of(browser: BrowserKind, policy: GatewayPolicy, certificates: Option<&String>) -> Bench {
    bench_with(browser, policy, certificates, |capabilities| capabilities).await
}

type Capabilities = serde_json::Map<String, Value>;

async fn bench_with(
    browser: BrowserKind,
    policy: GatewayPolicy,
    certificates: Option<&String>,
    change: impl FnOnce(Capabilities) -> Capabilities,
) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let authorities = certificates.map(|pem| {
        let path = folder.path().join("lab.pem");
        std::fs::write(&path, pem).unwrap();
        path
    });
    let gateway = Gateway::start(
        policy,
        Arc::new(PortalLink::new(authorities.as_deref()).unwrap()),
        Doorway::of_this_account().unwrap(),
    )
    .unwrap();
    let (driver, wire) = session(browser, &gateway, folder.path(), change).await;
    Bench { gateway, driver, wire, _folder: folder }
}

/// Unsafe requests refused so far: commits, and what is not declared.
fn refused(control: &Control) -> u64 {
    let counted = |why| matches!(why, Refusal::Commit | Refusal::Undeclared);
    control.refused().iter().filter(|(refused, _)| counted(refused.why)).map(|(_, count)| count).sum()
}

async fn until(control: &Control, mut done: impl FnMut() -> bool) -> bool {
    let mut activity = control.activity();
    let wait = async {
        while !done() {
            if activity.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(TRIES, wait).await.is_ok()
}

/// Ways that a browser does not offer at all: nothing is sent, so nothing can be refused.
fn not_offered(browser: BrowserKind, https: bool, way: &str) -> bool {
    match (browser, way) {
        // Link auditing is switched off. Streams as bodies need HTTP/2 in Chromium, and exist not at all in Firefox.
        (_, "ping") | (BrowserKind::Chromium, "streamed") => true,
        // A service worker needs a certificate without an exception in Chromium.
        (BrowserKind::Chromium, "service-worker" | "through-service-worker") => https,
        _ => false,
    }
}

async fn nothing_commits_unarmed(browser: BrowserKind, https: bool) {
    let lab = Lab::start(https).await;
    let bench = bench(browser, &lab).await;
    let control = bench.gateway.control();
    let mut silent = Vec::new();
    for (way, _) in WAYS {
        let before = refused(control);
        let offered = !not_offered(browser, https, way);
        let mut tried = false;
        // Once more where nothing was tried: what the page before it did at last may have led the browser elsewhere.
        for _ in 0..2 {
            bench.wire.goto(&lab.base.join(&format!("way/{way}")).unwrap()).await.unwrap();
            tried = !offered || until(control, || refused(control) > before).await;
            if tried {
                break;
            }
        }
        if !tried {
            silent.push(way);
        }
        assert_eq!(lab.commits(), 0, "{way} reached the portal");
    }
    assert!(silent.is_empty(), "these ways were never tried, so nothing is known of them: {silent:?}");
    assert!(!lab.a_commit_arrives_within(QUIET).await);
    assert!(control.interlock().strays() > 0);
    bench.wire.close().await;
}

/// The same without what keeps WebRTC from going around the gateway.
fn with_webrtc(mut capabilities: Capabilities) -> Capabilities {
    if let Some(chrome) = capabilities.get_mut("goog:chromeOptions") {
        let arguments = chrome["args"].as_array_mut().unwrap();
        arguments.retain(|argument| !argument.as_str().unwrap().contains("webrtc"));
    }
    if let Some(firefox) = capabilities.get_mut("moz:firefoxOptions") {
        let allowed = [
            ("media.navigator.enabled", true),
            ("media.peerconnection.enabled", true),
            ("media.peerconnection.ice.loopback", true),
            ("media.peerconnection.ice.obfuscate_host_addresses", false),
            ("media.peerconnection.ice.proxy_only_if_behind_proxy", false),
            ("media.peerconnection.ice.default_address_only", false),
        ];
        for (name, value) in allowed {
            firefox["prefs"][name] = Value::from(value);
        }
    }
    capabilities
}

/// The same without what refuses downloads; they go to this folder.
fn with_downloads(mut capabilities: Capabilities, to: &Path) -> Capabilities {
    if let Some(chrome) = capabilities.get_mut("goog:chromeOptions") {
        chrome["prefs"]["download_restrictions"] = Value::from(0);
        chrome["prefs"]["profile.default_content_setting_values"]["automatic_downloads"] = Value::from(1);
        chrome["prefs"]["download.default_directory"] = Value::from(to.to_str().unwrap());
    }
    if let Some(firefox) = capabilities.get_mut("moz:firefoxOptions") {
        firefox["prefs"]["browser.download.useDownloadDir"] = Value::from(true);
        firefox["prefs"]["browser.download.folderList"] = Value::from(2);
        firefox["prefs"]["browser.download.dir"] = Value::from(to.to_str().unwrap());
    }
    capabilities
}

/// Files below a folder whose name says that they were downloaded.
fn planted(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    let below = paths.iter().filter(|path| path.is_dir() && !path.is_symlink()).flat_map(|path| planted(path));
    let named =
        paths.iter().filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("planted")));
    named.cloned().chain(below).collect()
}

async fn downloads(browser: BrowserKind, change: impl FnOnce(Capabilities, &Path) -> Capabilities) -> Vec<PathBuf> {
    let lab = Lab::start(false).await;
    let to = tempfile::tempdir().unwrap();
    let bench = bench_with(browser, lab.policy(), None, |capabilities| change(capabilities, to.path())).await;
    bench.wire.goto(&lab.base.join("downloads").unwrap()).await.unwrap();
    let begun = async { while bench.wire.script("return document.title", Value::Null).await.unwrap() != "begun" {} };
    tokio::time::timeout(TRIES, begun).await.unwrap();
    assert!(!lab.a_commit_arrives_within(QUIET).await);
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join("Downloads");
    let found = [to.path(), bench._folder.path(), &home].into_iter().flat_map(planted).collect();
    bench.wire.close().await;
    found
}

async fn arrived(browser: BrowserKind, change: impl FnOnce(Capabilities) -> Capabilities) -> Option<Arrived> {
    let lab = Lab::start(false).await;
    let bench = bench_with(browser, lab.policy(), None, change).await;
    let idle = lab.base.join("idle").unwrap();
    bench.wire.goto(&idle).await.unwrap();
    let opened = async { while bench.wire.script("return document.title", Value::Null).await.unwrap() != "idle" {} };
    tokio::time::timeout(TRIES, opened).await.unwrap();
    let arrived = Bypass::listen().await.unwrap().tried_by(&bench.wire).await.unwrap();
    bench.wire.close().await;
    arrived
}

/// A page that sends every method with every body, type and header that a script may set, and hides a commit in each.
const SENDS_REQUESTS_IN_BODIES: &str = r#"<!doctype html><title>sending</title><script>
const commit = 'POST /api/D1/submit HTTP/1.1\r\nHost: x\r\n\r\n';
const bodies = ['', commit, '0\r\n\r\n' + commit, 'a=1&_method=delete', '{"_method":"delete"}'];
const kinds = ['', 'application/x-www-form-urlencoded', 'application/json', 'application/octet-stream'];
const headers = ['', 'X-HTTP-Method-Override', 'X_HTTP_Method', 'X-Original-URL', 'Content_Length', 'Transfer_Encoding'];
const targets = ['/any', '/api/D1', '/api/D1?_method=delete', '/api/D1;_method=delete', '/upload/D1', '/api/D1/submit'];
const send = async () => {
    let sent = 0;
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'FOO'])
        for (const target of targets)
            for (const body of bodies)
                for (const name of headers) {
                    const kind = kinds[sent++ % kinds.length];
                    const given = {...(name && {[name]: name.startsWith('C') ? '60' : '/api/D1/submit'}),
                                   ...(kind && {'Content-Type': kind})};
                    const carries = !['GET', 'HEAD'].includes(method) && body;
                    try { await fetch(target, {method, headers: given, ...(carries && {body})}) } catch {}
                }
    document.title = 'sent ' + sent;
};
send();
</script>"#;

/// Opens a page that commits once, expected, and waits until its request is held.
async fn held(browser: BrowserKind, https: bool, page: &str) -> (Lab, Bench) {
    let lab = Lab::start(https).await;
    let bench = bench(browser, &lab).await;
    assert!(bench.gateway.control().expect_commit());
    bench.wire.goto(&lab.base.join(page).unwrap()).await.unwrap();
    assert!(bench.gateway.control().held(TRIES).await.is_some(), "no commit request was held");
    (lab, bench)
}

/// The program that holds a commit request and waits to be killed: built with the tests as an example.
fn holder() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().unwrap().parent().unwrap().join("examples/helper");
    assert!(path.is_file(), "{} is missing: build it with `cargo build --example helper`", path.display());
    path
}

fn killing_the_agent(browser: BrowserKind, lab: &Lab) -> Pid {
    let mut command = Command::new(holder());
    command.arg("hold").arg(browser.to_string()).arg(lab.base.as_str()).arg(lab.other.as_str());
    if let Some(pem) = &lab.certificates {
        command.env("LAB_CERTIFICATES", pem);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let group = line.trim().strip_prefix("held ").unwrap_or_else(|| panic!("{line:?}")).parse().unwrap();
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    Pid::from_raw(group).unwrap()
}

async fn nothing_leaves_when_the_agent_is_killed(browser: BrowserKind, https: bool) {
    let lab = Lab::start(https).await;
    let group = killing_the_agent(browser, &lab);
    // The browser lives on, and its page keeps trying.
    assert!(!lab.a_commit_arrives_within(QUIET).await);
    let _ = kill_process_group(group, Signal::KILL);
}

async fn nothing_leaves_when_driver_and_browser_are_killed(browser: BrowserKind, https: bool) {
    let (lab, bench) = held(browser, https, "insistent").await;
    let Bench { gateway, driver, wire, _folder } = bench;
    drop(driver);
    assert!(!lab.a_commit_arrives_within(QUIET).await);
    assert!(until(gateway.control(), || gateway.control().held_now().is_none()).await, "a dead browser still waits");
    drop(wire);
}

browser_tests! {
    both async fn nothing_is_downloaded(browser: BrowserKind) {
        assert_eq!(downloads(browser, |capabilities, _| capabilities).await, Vec::<PathBuf>::new());
        assert_ne!(downloads(browser, with_downloads).await, Vec::<PathBuf>::new(), "nothing was ever begun");
    }

    both async fn no_page_reaches_anything_past_the_gateway(browser: BrowserKind) {
        assert_eq!(arrived(browser, |capabilities| capabilities).await, None);
        // The listener is one that is reached when nothing stands in the way.
        assert_eq!(arrived(browser, with_webrtc).await, Some(Arrived::Datagram));
    }

    both async fn a_body_becomes_no_second_request(browser: BrowserKind) {
        let origin = Lenient::start(Ends::AfterHead, SENDS_REQUESTS_IN_BODIES).await;
        let bench = bench_of(browser, origin.policy(), None).await;
        let page = format!("http://{}/page", origin.address).parse().unwrap();
        bench.wire.goto(&page).await.unwrap();
        let titled = async {
            loop {
                let title = bench.wire.script("return document.title", Value::Null).await.unwrap();
                if title.as_str().is_some_and(|title| title.starts_with("sent ")) {
                    return title;
                }
            }
        };
        let title = tokio::time::timeout(Duration::from_secs(120), titled).await.unwrap();
        assert_eq!(title, "sent 1260");
        assert_eq!(origin.forged(), Vec::<String>::new());
        assert!(origin.took().len() > 40, "hardly anything passed: {:?}", origin.took().len());
        bench.wire.close().await;
    }

    both async fn no_way_to_commit_reaches_the_portal_unarmed(browser: BrowserKind) {
        nothing_commits_unarmed(browser, false).await;
    }

    chromium async fn no_way_to_commit_reaches_the_portal_unarmed_over_https(browser: BrowserKind) {
        nothing_commits_unarmed(browser, true).await;
    }

    both async fn killing_the_agent_while_a_commit_is_held_lets_nothing_out(browser: BrowserKind) {
        nothing_leaves_when_the_agent_is_killed(browser, false).await;
        nothing_leaves_when_the_agent_is_killed(browser, true).await;
    }

    both async fn killing_driver_and_browser_while_a_commit_is_held_lets_nothing_out(browser: BrowserKind) {
        nothing_leaves_when_driver_and_browser_are_killed(browser, false).await;
        nothing_leaves_when_driver_and_browser_are_killed(browser, true).await;
    }

    both async fn killing_the_driver_alone_while_a_commit_is_held_lets_nothing_out(browser: BrowserKind) {
        let (lab, bench) = held(browser, false, "insistent").await;
        let driver = Pid::from_raw(bench.driver.group().unwrap()).unwrap();
        kill_process(driver, Signal::KILL).unwrap();
        assert!(!lab.a_commit_arrives_within(QUIET).await);
    }

    both async fn ending_the_session_while_a_commit_is_held_lets_nothing_out(browser: BrowserKind) {
        let (lab, bench) = held(browser, false, "single").await;
        bench.wire.close().await;
        assert!(!lab.a_commit_arrives_within(QUIET).await);
    }

    both async fn a_released_request_arrives_exactly_once_and_later_ones_are_refused(browser: BrowserKind) {
        use crate::support::proof::token_for;
        use portal_agent::model::time::Instant;
        let (lab, bench) = held(browser, false, "single").await;
        let control = bench.gateway.control();
        let held = control.held_now().unwrap();
        let carried: HashMap<_, _> =
            held.content.parameters.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
        assert_eq!(carried, [("a", "1")].into());
        let now = Instant::from(jiff::Timestamp::now());
        let expires_at = Instant::parse("2999-01-01T00:00:00Z").unwrap();
        let token = token_for(&held, expires_at);
        control.release(token, now, TRIES).await.unwrap();
        assert_eq!(lab.commits(), 1);
        bench.wire.goto(&lab.base.join("single").unwrap()).await.unwrap();
        assert!(until(control, || refused(control) > 0).await);
        assert_eq!(lab.commits(), 1);
        assert_eq!(control.interlock().strays(), 0);
    }
}
