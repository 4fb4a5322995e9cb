//! `doctor`: what would keep a run from working, and the command that mends it.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::args::{Doctor, Output};
use super::demo::MAP;
use super::exit::Exit;
use super::run::map_from;
use super::settings::{self, Settings};
use super::source_config;
use super::terminal::{print_json, print_line};
use crate::evidence::store::safe_root;
use crate::gateway::control::Control;
use crate::gateway::proxy::PROBE;
use crate::model::browser::BrowserKind;
use crate::model::time::{ChangeWindow, Instant};
use crate::portal::browser::find;
use crate::portal::bypass::{Arrived, Bypass};
use crate::portal::network::Network;
use crate::portal::webdriver::wire::Wire;
use crate::run::clock::{Clock as _, SystemClock};
use crate::run::interrupt::Interrupt;
use crate::run::private::PrivateFolder;
use crate::run::session::{Session, Target};
use crate::selectors::read::read as read_map;

#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    told: String,
    mend: Option<String>,
}

fn good(what: &'static str, told: impl Into<String>) -> Finding {
    Finding { what, ok: true, told: told.into(), mend: None }
}

fn bad(what: &'static str, told: impl ToString, mend: impl Into<String>) -> Finding {
    Finding { what, ok: false, told: told.to_string(), mend: Some(mend.into()) }
}

#[derive(Serialize)]
struct DoctorDocument {
    schema: &'static str,
    healthy: bool,
    findings: Vec<Finding>,
}

/// Carries out `doctor`.
pub async fn run(args: Doctor, output: Output) -> Exit {
    let findings = match settings::read(&args.common) {
        Err(error) => vec![bad("settings", error, "correct the file or the variable")],
        Ok(settings) => examine(&settings).await,
    };
    let healthy = findings.iter().all(|finding| finding.ok);
    match output {
        Output::Json => {
            print_json(&DoctorDocument { schema: "portal-agent/doctor/1", healthy, findings });
        }
        Output::Text => {
            let line = |finding: &Finding| {
                let state = if finding.ok { "ok" } else { "BAD" };
                let mend = finding.mend.as_ref().map(|mend| format!("\n     {:<10} mend it: {mend}", ""));
                format!("{state:<4} {:<10} {}{}", finding.what, finding.told, mend.unwrap_or_default())
            };
            print_line(&findings.iter().map(line).collect::<Vec<_>>().join("\n"));
        }
    }
    if healthy { Exit::Yes } else { Exit::No }
}

async fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![
        operator(settings),
        match settings.user() {
            Ok(user) => good("account", user),
            Err(error) => bad("account", error, "set `user` in portal-agent.toml"),
        },
        match settings.password() {
            Ok(_) => good("password", "can be read"),
            Err(error) => bad("password", error, "export PORTAL_AGENT_PASSWORD, or set `password_command`"),
        },
        selector_map(settings),
        evidence(&settings.evidence),
    ];
    findings.extend(gates(settings));
    findings.extend(portal(settings).await);
    findings.extend(browser_and_interlock(settings).await);
    findings
}

fn operator(settings: &Settings) -> Finding {
    match settings.operator() {
        Ok(operator) => good("operator", operator.as_str()),
        Err(error) => bad("operator", error, "export PORTAL_AGENT_OPERATOR=YOUR.ACCOUNT"),
    }
}

fn selector_map(settings: &Settings) -> Finding {
    match settings.map() {
        Err(error) => bad("map", error, "set `map` in portal-agent.toml"),
        Ok(path) => match map_from(path) {
            Ok(map) => good("map", format!("{} ({} tabs)", map.file.name, map.file.tabs.len())),
            Err(error) if path.exists() => bad("map", error, format!("correct {}", path.display())),
            Err(error) => {
                bad("map", error, format!("draft one: portal-agent selectors init URL --out {}", path.display()))
            }
        },
    }
}

/// Whether somebody answers at the portal's address; nothing is sent there. What is wrong with the map is said elsewhere.
async fn portal(settings: &Settings) -> Option<Finding> {
    let map = settings.map().ok().and_then(|path| map_from(path).ok())?;
    let base = settings.base_url.clone().unwrap_or_else(|| map.file.base_url.get_ref().clone());
    let browser = settings.browser_order(false);
    let portal_ca = settings.portal_ca.as_deref();
    let target = Target { browser: &browser, map: &map, base: &base, portal_ca, upstream: None };
    Some(match target.answers().await {
        Ok(()) => good("portal", format!("answers at {base}")),
        Err(why) => bad("portal", why, "see whether it is up, and whether `base_url` and `portal_ca` are its own"),
    })
}

/// How far ahead calendars are read, in days.
const AHEAD_DAYS: i32 = 90;

/// What gates a record, each file of it. Nothing is asked over a network.
fn gates(settings: &Settings) -> Vec<Finding> {
    let places = match source_config::gates(settings) {
        Ok(places) => places,
        Err(error) => return vec![bad("calendar", error, "see `calendar` and its neighbours in portal-agent.toml")],
    };
    let now = SystemClock::default().now();
    let ahead = jiff::SignedDuration::from_hours(24) * AHEAD_DAYS;
    let end = now.timestamp().checked_add(ahead).map_or(now, Instant::from);
    let examined = places.examine(ChangeWindow { start: now, end }).into_iter();
    let mut findings: Vec<Finding> = examined
        .map(|(what, told)| match told {
            Ok(told) => good(what, told),
            Err(error) => bad(what, error, "correct the file, or name another one in the settings"),
        })
        .collect();
    if places.freeze_mode.is_none() {
        let mend = "set `freeze_state` in portal-agent.toml: without it every run ends with source-unavailable";
        findings.push(bad("freeze", "no freeze state is set", mend));
    }
    if let Err(error) = settings.policy() {
        findings.push(bad("policy", error, "correct the freeze policy"));
    }
    findings
}

/// Writes and removes a file there, as a run would.
fn evidence(folder: &Path) -> Finding {
    if let Err(error) = safe_root(folder) {
        return bad("evidence", error, "name a folder of your own as `evidence`");
    }
    let tried = std::fs::create_dir_all(folder).and_then(|()| tempfile::NamedTempFile::new_in(folder).map(drop));
    match tried {
        Ok(()) => good("evidence", folder.display().to_string()),
        Err(error) => {
            let mend = format!("mkdir -p {0} && chmod u+rwx {0}", folder.display());
            bad("evidence", format!("{}: {error}", folder.display()), mend)
        }
    }
}

/// Starts the browser behind a gateway of its own and sends a probe through it.
async fn browser_and_interlock(settings: &Settings) -> Vec<Finding> {
    let installed = match find(settings.browser) {
        Ok(installed) => installed,
        Err(error) => return vec![bad("browser", &error, error.advice())],
    };
    let mut findings =
        vec![good("browser", format!("{} with {}", installed.browser.display(), installed.driver.display()))];
    let probed = match Interrupt::by_signals() {
        // Dropping the probe ends what it started.
        Ok(interrupt) => tokio::select! {
            probed = probe(settings) => probed,
            () = interrupt.pressed() => Err("interrupted".to_owned()),
        },
        Err(error) => Err(error.to_string()),
    };
    match probed {
        Ok((control, network)) => {
            findings.push(reached_by(settings.browser, &network));
            let refused: u64 = control.refused().iter().map(|(_, count)| count).sum();
            findings.push(good(
                "interlock",
                format!(
                    "the browser goes through the gateway, and no page gets past it ({refused} other requests refused)"
                ),
            ));
        }
        Err(what) => {
            let mend = match settings.browser {
                BrowserKind::Chromium => "in a container, or as root: export PORTAL_AGENT_BROWSER_PROFILE=container",
                BrowserKind::Firefox => "run `firefox --version` and `geckodriver --version`",
            };
            findings.push(bad("interlock", what, mend));
        }
    }
    findings
}

/// Who else reaches the browser.
fn reached_by(browser: BrowserKind, network: &Network) -> Finding {
    let Network::Shared(why) = network else {
        let told = "driver and browser have a network of their own: no other account reaches them";
        return good("network", told);
    };
    let remains = match browser {
        BrowserKind::Chromium => "every account of this machine can use chromedriver, and so the portal as you",
        BrowserKind::Firefox => "geckodriver's port is open to every account of this machine until its session begins",
    };
    let why = why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let mend = "allow user namespaces, set browser_network = \"own\", or run where nobody else has an account";
    Finding { mend: Some(mend.to_owned()), ..good("network", format!("shared{why}: {remains}")) }
}

async fn probe(settings: &Settings) -> Result<(Control, Network), String> {
    let folder = PrivateFolder::new().map_err(|error| error.to_string())?;
    let map = read_map("reference.toml".as_ref(), MAP).map_err(|error| error.to_string())?;
    let base = map.file.base_url.get_ref().clone();
    let browser = settings.browser_order(false);
    let portal_ca = settings.portal_ca.as_deref();
    let target = Target { browser: &browser, map: &map, base: &base, portal_ca, upstream: None };
    let Session { driver, wire, gateway } = target.start(&folder).await?;
    let network = driver.as_ref().map_or(Network::Shared(None), |driver| driver.network().clone());
    let nonce = format!("{:016x}", rand::random::<u64>());
    let url = base.join(&format!("{PROBE}{nonce}")).map_err(|error| error.to_string())?;
    wire.goto(&url).await.map_err(|error| format!("the browser does not navigate: {error:?}"))?;
    let control = gateway.control().clone();
    let seen = control.await_probe(&nonce, Duration::from_secs(30)).await;
    let around = if seen { past_the_gateway(&wire, &nonce).await } else { Ok(None) };
    wire.close().await;
    drop(driver);
    match (seen, around?) {
        (false, _) => Err("the browser does not go through the gateway".to_owned()),
        (true, Some(Arrived::Datagram)) => Err("a page reaches the network past the gateway, by WebRTC".to_owned()),
        (true, Some(Arrived::Connection)) => Err("a page reaches the network past the gateway".to_owned()),
        (true, None) => Ok((control, network)),
    }
}

/// How the probe's page, whose title is the nonce, reaches this machine past the gateway; nothing when it does not.
async fn past_the_gateway(wire: &Wire, nonce: &str) -> Result<Option<Arrived>, String> {
    let shown = async {
        loop {
            // While the page changes, a question may fail.
            if let Ok(Value::String(title)) = wire.script("return document.title", Value::Null).await
                && title == nonce
            {
                return;
            }
        }
    };
    let within = tokio::time::timeout(Duration::from_secs(30), shown).await;
    within.map_err(|_elapsed| "the browser does not show the probe's page".to_owned())?;
    let bypass = Bypass::listen().await.map_err(|error| error.to_string())?;
    bypass.tried_by(wire).await.map_err(|error| error.to_string())
}
