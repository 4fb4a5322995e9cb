//! Recordings: made of a live portal or of another tool's HAR, scrubbed, and replayed in both browsers to the same end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use portal_agent::gateway::upstream::{PortalLink, Upstream};
use portal_agent::model::browser::BrowserKind;
use portal_agent::model::digest::Digest;
use portal_agent::recording::compare::difference::Difference;
use portal_agent::recording::fixture::folder::Fixture;
use portal_agent::recording::player::replay::{differences, replay};
use portal_agent::recording::traffic::exchange::Exchange;
use portal_agent::recording::traffic::shapes::Har;
use portal_agent::recording::traffic::tap::Tap;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};
use portal_agent::reference_portal::{CANARIES, PASSWORD};
use portal_agent::run::clock::{Clock, SystemClock};
use portal_agent::run::interrupt::Interrupt;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser_tests;
use crate::support::sweep::sweep;
use crate::support::{Plan, Rig, browser_order, told};
use portal_agent::run::watch::Unwatched;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("portal-fixtures");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.join("fixture.toml").is_file()).collect();
    found.sort();
    assert!(found.len() > 40, "only {} fixtures", found.len());
    found
}

/// Files of a replay's evidence that are the same to the byte every time; the others tell of this machine and this hour.
const DETERMINISTIC: [&str; 6] =
    ["journal.jsonl", "observations.jsonl", "approvals.json", "attachments.json", "takeover.json", "takeover.md"];

/// Replays into a folder that is emptied before: what differs, and the deterministic evidence.
async fn replayed(
    fixture: &Path,
    browser: BrowserKind,
    evidence: &Path,
) -> (Vec<Difference>, BTreeMap<String, String>) {
    let _ = std::fs::remove_dir_all(evidence);
    let fixture = Fixture::read(fixture).await.unwrap_or_else(|error| panic!("{error}"));
    let (_switch, interrupt) = Interrupt::by_hand();
    let replayed = replay(&fixture, &browser_order(browser), evidence, interrupt, &Unwatched).await;
    let replayed = replayed.unwrap_or_else(|error| panic!("{}: {error}", fixture.name()));
    let folder = PathBuf::from(&replayed.document.get().evidence_dir);
    let read = |name: &&str| Some(((*name).to_owned(), std::fs::read_to_string(folder.join(name)).ok()?));
    (differences(&fixture, &replayed), DETERMINISTIC.iter().filter_map(read).collect())
}

fn all(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Replays a fixture: everything is as recorded. In the sweep, and where it is [`TWICE`], once more: the same to the byte.
async fn replays_the_same(fixture: &str, browser: BrowserKind) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("portal-fixtures").join(fixture);
    let room = tempfile::tempdir().unwrap();
    let evidence = room.path().join("evidence");
    let (first, once) = replayed(&path, browser, &evidence).await;
    assert!(first.is_empty(), "{}", all(&first));
    assert!(once.len() >= 4, "{:?}", once.keys());
    if sweep() || TWICE == (fixture, browser) {
        let (second, twice) = replayed(&path, browser, &evidence).await;
        assert_eq!((all(&second), twice), (String::new(), once));
    }
}

/// Replayed twice by the suite: something submitted.
const TWICE: (&str, BrowserKind) = ("approved", BrowserKind::Chromium);

macro_rules! fixtures {
    ($($where:ident $name:ident;)*) => {
        mod the_same {
            use super::*;

            browser_tests! {$(
                $where async fn $name(browser: BrowserKind) {
                    replays_the_same(&stringify!($name).replace('_', "-"), browser).await;
                }
            )*}
        }

        #[test]
        fn every_fixture_is_replayed() {
            let known = [$(stringify!($name)),*].map(|name| name.replace('_', "-"));
            let there = fixtures().into_iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
            assert_eq!(there.collect::<Vec<_>>(), known);
        }
    };
}

// Each shows one rule, and the suite runs most of those rules against the live portal (`faults.rs`, `held.rs`): it replays one that is
// submitted and two that halt, one of which no live portal shows. The sweep replays all of them, twice, in both browsers.
fixtures! {
    sweep approval_revoked;
    sweep approval_revoked_midway;
    sweep approval_revoked_while_held;
    chromium approved;
    sweep approver_mismatch;
    sweep approver_mismatch_midway;
    sweep attachment_differs;
    sweep attachment_renamed;
    sweep blackout_imposed_while_held;
    chromium capture_unmaskable;
    sweep commit_500_after_storing;
    sweep commit_payload_altered;
    sweep commit_payload_differs;
    sweep confirmation_foreign;
    sweep confirmation_malformed;
    sweep confirmation_missing;
    sweep control_ambiguous;
    sweep control_missing;
    sweep cosmetic;
    sweep draft_differs;
    sweep draft_window_shifted;
    sweep duplicate_in_portal;
    sweep existing_exception;
    sweep freeze_window_changed;
    sweep freeze_window_changed_midway;
    sweep label_changed;
    sweep number_missing;
    sweep option_missing;
    firefox owner_mismatch;
    sweep portal_error;
    sweep portal_timeout;
    sweep scope_broadening;
    sweep scope_broadening_midway;
    sweep session_lost;
    sweep session_renewed_after_draft;
    sweep session_renewed_before_entry;
    sweep session_renewed_on_saving;
    sweep source_down_while_held;
    sweep submitted_differs;
    sweep summary_differs;
    sweep talkative;
    sweep undeclared_request;
    sweep unexpected_alert;
    sweep unexpected_banner;
    sweep unexpected_commit_attempt;
    sweep unexpected_dialog;
    sweep unexpected_required_field;
    sweep validation_rejected;
    sweep value_not_held;
}

browser_tests! {
    chromium async fn nothing_that_was_not_permitted_is_in_a_recording(browser: BrowserKind) {
        let rig = Rig::new(Plan { longest: 700, ..Plan::new(browser, FaultPlan::from_start(Fault::Talkative)) }).await;
        let words = ["Ottoline", "Haverkamp", "0049301234567", "IBAN-DE02120300000000202051"];
        rig.approve_with(|exception| {
            exception["details"]["impact"] = format!("{} {} called from {}.", words[0], words[1], words[2]).into();
            exception["details"]["note"] = words[3].into();
            exception["details"]["not_on_the_form"] = format!("for {}", words[1]).into();
            // Whoever tries this takes a file that lies there: a fixture's, which stands in for itself.
            let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("portal-fixtures/approved/attachments/rollback-plan.pdf");
            let bytes = std::fs::read(fixture).unwrap();
            std::fs::write(rig.folder.path().join("attachments/rollback-plan.pdf"), &bytes).unwrap();
            let files = exception["attachments"].as_array_mut().unwrap();
            let file = files.iter_mut().find(|file| file["role"] == "rollback-plan").unwrap();
            file["size"] = bytes.len().into();
            file["sha256"] = Digest::of(&bytes).to_string().into();
        });
        let room = tempfile::tempdir().unwrap();
        let out = room.path().join("talkative");
        let made = rig.record(&out, "a portal that tells too much").await.unwrap_or_else(|error| panic!("{error}"));
        let written = made.fixture.unwrap_or_else(|error| panic!("{error}\n{}", told(&made.document)));
        assert!(written.differences.is_empty(), "{}\n{}", all(&written.differences), told(&made.document));
        let host = rig.portal.url().to_string();
        let host = host.trim_end_matches('/');
        let secrets = words.iter().chain(CANARIES.iter()).copied().chain([PASSWORD, "staple", "sid=", host]);
        let secrets: Vec<&str> = secrets.collect();
        let fixture = files(&out);
        assert!(fixture.len() > 10, "{:?}", fixture.keys());
        for (path, bytes) in &fixture {
            for secret in &secrets {
                assert!(!holds(bytes, secret), "{} holds {secret}", path.display());
            }
        }
        // The run's own evidence knows the portal's address; of values it holds no more than the recording.
        for (path, bytes) in files(&rig.order.evidence) {
            for secret in secrets.iter().filter(|secret| **secret != host) {
                assert!(!holds(&bytes, secret), "{} holds {secret}", path.display());
            }
        }
        // What the same run saw, unscrubbed, held every one of them: the search is able to find.
        let raw = serde_json::to_vec(&Har::of(&heard(&rig).await)).unwrap();
        for secret in words.iter().take(4).chain(CANARIES.iter()).filter(|secret| !secret.contains("1974")) {
            assert!(holds(&raw, secret), "{secret} was never sent");
        }
    }

    chromium async fn another_tools_har_becomes_a_fixture(browser: BrowserKind) {
        let plan = Plan { longest: 700, ..Plan::new(BrowserKind::Chromium, FaultPlan::from_start(Fault::Talkative)) };
        let rig = Rig::new(plan).await;
        let exchanges = heard(&rig).await;
        let desk = desk(&rig, &as_other_tools_write(&exchanges));
        let out = desk.path().join("fixture");
        // It is written only if it replays as recorded.
        let output = program(desk.path(), &["import", "run.har", "--record", "record.json", "--out", "fixture", "--submit"], browser);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        for (path, bytes) in files(&out) {
            for secret in CANARIES.iter().copied().chain([PASSWORD, "sid=", "s000001", "Bearer"]) {
                assert!(!holds(&bytes, secret), "{} holds {secret}", path.display());
            }
        }
    }

    sweep async fn another_tools_har_without_a_page_is_refused_with_what_is_missing(browser: BrowserKind) {
        let plan = Plan { longest: 700, ..Plan::new(BrowserKind::Chromium, FaultPlan::none()) };
        // The page is waited for in vain.
        let rig = Rig::new(plan).await.with_map(|map| map.replace("ready_s = 20", "ready_s = 5"));
        let mut exchanges = heard(&rig).await;
        exchanges.retain(|one| !one.asked.url.path().ends_with("/review"));
        let desk = desk(&rig, &as_other_tools_write(&exchanges));
        let output = program(desk.path(), &["import", "run.har", "--record", "record.json", "--out", "short"], browser);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("no answer to: GET /exceptions/") && !desk.path().join("short").exists(), "{}", said(&output));
    }

    chromium async fn a_replay_that_differs_says_in_what(browser: BrowserKind) {
        let room = tempfile::tempdir().unwrap();
        let copy = |fixture: &str, name: &str| {
            let to = room.path().join(name);
            for (path, bytes) in files(fixtures().iter().find(|path| path.ends_with(fixture)).unwrap()) {
                let at = to.join(path);
                std::fs::create_dir_all(at.parent().unwrap()).unwrap();
                std::fs::write(at, bytes).unwrap();
            }
            to
        };
        // The portal names another owner: a value, a decision, and requests that are not made any more.
        let edited = copy("approved", "edited");
        edit(&edited.join("traffic.har"), |text| text.replace("id=\\\"owner\\\">maria.chen", "id=\\\"owner\\\">mara.chan"));
        // An answer is missing: what asks for it is refused.
        let missing = copy("approved", "missing");
        edit(&missing.join("traffic.har"), |text| {
            let mut har: Value = serde_json::from_str(&text).unwrap();
            let entries = har["log"]["entries"].as_array_mut().unwrap();
            entries.retain(|entry| !entry["request"]["url"].as_str().unwrap().contains("/api/incidents/"));
            har.to_string()
        });
        let broken = copy("approved", "broken");
        edit(&broken.join("fixture.toml"), |text| text.replace("fixture/2", "fixture/9"));
        copy("label-changed", "whole");
        let into = ["--evidence", "kept"];
        let all = ["replay", "edited", "missing", "whole", "--junit", "junit.xml", "--jobs", "2"];
        let output = program(room.path(), &[&all[..], &into].concat(), browser);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        for needle in [
            "differs  edited",
            "decision run outcome\n    - submitted\n    + halted-abandoned",
            "mara.chan",
            "request not asked in its place\n    - POST /api/exceptions",
            "differs  missing",
            "request refused: it is not in the recording\n    + GET /api/incidents/",
            "same     whole",
            "3 fixtures replayed: 2 differ",
        ] {
            assert!(told.contains(needle), "{needle:?} is not in\n{told}");
        }
        let junit = std::fs::read_to_string(room.path().join("junit.xml")).unwrap();
        assert!(junit.contains("tests=\"3\"") && junit.contains("failures=\"2\""), "{junit}");
        let output = program(room.path(), &["replay", "broken"], browser);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("portal-agent/fixture/9"), "{}", said(&output));
        // Into the same place again, and twice: what lies there is left alone, and the run is still the same.
        for _ in 0..2 {
            let output = program(room.path(), &[&["replay", "whole"], &into[..]].concat(), browser);
            let told = said(&output);
            assert_eq!(output.status.code(), Some(0), "{told}");
            let named = |what: &str| room.path().join(told.lines().find_map(|line| line.strip_prefix(what)).unwrap().trim());
            assert!(named("evidence").join("run.json").is_file() && named("report").is_file(), "{told}");
            assert!(told.contains("submit --demo"), "{told}");
        }
    }
}

/// Everything that passes while the rig's portal is run through once.
async fn heard(rig: &Rig) -> Vec<Exchange> {
    let clock = SystemClock::default();
    let link: Arc<dyn Upstream> = Arc::new(PortalLink::new(None).unwrap());
    let tap = Arc::new(Tap::new(link, Box::new(move || clock.now())));
    rig.portal.discard_everything();
    let again = portal_agent::run::order::Order {
        upstream: Some(tap.clone()),
        evidence: rig.folder.path().join("other"),
        shared: portal_agent::evidence::shared::SharedStore::folder(&rig.folder.path().join("other")),
        ..rig.order.clone()
    };
    let (_switch, interrupt) = Interrupt::by_hand();
    let run =
        portal_agent::run::launch::launch(&again, &rig.sources, &SystemClock::default(), interrupt, &Unwatched).await;
    let run = run.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(run.get().outcome.as_str(), "submitted", "{}", told(&run));
    tap.exchanges().await.unwrap()
}

/// The same exchanges as a browser's tools write them: with headers, cookies and credentials, bodies as texts, no marks of ours.
fn as_other_tools_write(exchanges: &[Exchange]) -> Value {
    let mut har = serde_json::to_value(Har::of(exchanges)).unwrap();
    har["log"]["creator"] = json!({ "name": "WebInspector", "version": "537.36" });
    har["log"]["pages"] = json!([{ "id": "page_1", "startedDateTime": "2026-11-21T10:00:00.000+01:00", "title": "x", "pageTimings": {} }]);
    for entry in har["log"]["entries"].as_array_mut().unwrap() {
        let page = entry["_resourceType"] == "document";
        entry["_resourceType"] = json!(if page { "document" } else { "xhr" });
        entry["_initiator"] = json!({ "type": "script" });
        entry["serverIPAddress"] = json!("127.0.0.1");
        entry["request"]["cookies"] = json!([{ "name": "sid", "value": "s000001" }]);
        entry["request"]["headers"] = json!([
            { "name": "Cookie", "value": "sid=s000001" },
            { "name": "Authorization", "value": "Bearer tok-7c1fb2e9d4" },
            { "name": "Sec-Fetch-Mode", "value": if page { "navigate" } else { "cors" } },
        ]);
        entry["response"]["cookies"] = json!([{ "name": "sid", "value": "s000001" }]);
        if let Some(headers) = entry["response"]["headers"].as_array_mut() {
            headers.push(json!({ "name": "Set-Cookie", "value": "sid=s000001; HttpOnly" }));
        }
        let post = &mut entry["request"]["postData"];
        if post["mimeType"] == "application/x-www-form-urlencoded" {
            let mut text = form_urlencoded::Serializer::new(String::new());
            for param in post["params"].as_array().unwrap() {
                text.append_pair(param["name"].as_str().unwrap(), param["value"].as_str().unwrap());
            }
            post["text"] = json!(text.finish());
        } else if post["mimeType"] == "multipart/form-data" {
            // Files are left out.
            let name = post["params"][0]["fileName"].as_str().unwrap().to_owned();
            *post = json!({
                "mimeType": "multipart/form-data; boundary=----x",
                "text": format!("------x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n\r\n------x--\r\n"),
            });
        }
    }
    har
}

/// A folder with everything that `import` needs.
fn desk(rig: &Rig, har: &Value) -> TempDir {
    let desk = tempfile::tempdir().unwrap();
    let put = |name: &str, text: String| std::fs::write(desk.path().join(name), text).unwrap();
    put("run.har", har.to_string());
    put("map.toml", rig.map_text.clone());
    for (path, bytes) in files(rig.sources.record.parent().unwrap()) {
        let files = ["record.json", "freeze-calendar.toml", "freeze_mode.json", "freeze-policy.toml"];
        let wanted = files.iter().any(|name| path == Path::new(name)) || path.starts_with("attachments");
        if wanted {
            let at = desk.path().join(path);
            std::fs::create_dir_all(at.parent().unwrap()).unwrap();
            std::fs::write(at, bytes).unwrap();
        }
    }
    put(
        "portal-agent.toml",
        format!(
            "operator = \"op.night\"\nmap = \"map.toml\"\nbase_url = \"{}\"\ncalendar = \"freeze-calendar.toml\"\nfreeze_state = \"freeze_mode.json\"\nfreeze_policy = \"freeze-policy.toml\"\n\
             user = \"release.engineer\"\n",
            rig.portal.url()
        ),
    );
    desk
}

fn program(folder: &Path, arguments: &[&str], browser: BrowserKind) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portal-agent"));
    command
        .args(arguments)
        .args(["--browser", &browser.to_string()])
        .current_dir(folder)
        .env("PORTAL_AGENT_PASSWORD", PASSWORD);
    if rustix::process::geteuid().is_root() {
        command.env("PORTAL_AGENT_BROWSER_PROFILE", "container");
    }
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    let (old, new) = (std::fs::read_to_string(path).unwrap(), change(std::fs::read_to_string(path).unwrap()));
    assert_ne!(old, new, "nothing was changed in {}", path.display());
    std::fs::write(path, new).unwrap();
}

/// Every file below a folder, by its path there.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}
