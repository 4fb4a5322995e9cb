//! `selectors check` and `doctor`, as a user starts them, against a live portal.

use std::process::Command;

use portal_agent::model::browser::BrowserKind;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};
use portal_agent::reference_portal::{ACCOUNT, PASSWORD};
use serde_json::Value;

use crate::browser_tests;
use crate::support::{Plan, Rig, map_text};

/// Runs the program beside a rig's files, with the map changed; exit code and document.
pub async fn program(
    rig: &Rig,
    browser: BrowserKind,
    arguments: &[&str],
    map: impl FnOnce(String) -> String,
) -> (i32, Value) {
    settle(rig, browser);
    std::fs::write(rig.folder.path().join("map.toml"), map(map_text(&rig.portal))).unwrap();
    program_with(rig, arguments, None).await
}

/// Writes settings and map beside a rig's files.
pub fn settle(rig: &Rig, browser: BrowserKind) {
    let folder = rig.folder.path();
    std::fs::write(folder.join("map.toml"), map_text(&rig.portal)).unwrap();
    let settings = format!(
        "operator = \"op.night\"\nuser = \"{ACCOUNT}\"\nmap = \"map.toml\"\ncalendar = \"freeze-calendar.toml\"\nfreeze_state = \"freeze_mode.json\"\nfreeze_policy = \"freeze-policy.toml\"\n\
         browser = \"{browser}\"\n"
    );
    std::fs::write(folder.join("portal-agent.toml"), settings).unwrap();
}

/// The same with the settings that are there, and with other programs on the path.
pub async fn program_with(rig: &Rig, arguments: &[&str], path: Option<&std::path::Path>) -> (i32, Value) {
    let folder = rig.folder.path();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portal-agent"));
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command.args(arguments).args(["--output", "json"]).current_dir(folder).env("PORTAL_AGENT_PASSWORD", PASSWORD);
    if rustix::process::geteuid().is_root() {
        command.env("PORTAL_AGENT_BROWSER_PROFILE", "container");
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no document: {told}"));
    (output.status.code().unwrap(), document)
}

fn drift(document: &Value) -> Vec<String> {
    let parts = ["tabs", "pages"].into_iter().filter_map(|parts| document[parts].as_array()).flatten();
    let reasons = parts.flat_map(|tab| tab["drift"].as_array().unwrap().clone());
    reasons
        .map(|reason| format!("{} {}", reason["code"].as_str().unwrap(), reason["subject"].as_str().unwrap()))
        .collect()
}

/// The fields of a drafted map.
pub fn drafted(text: &str) -> Vec<toml::Value> {
    let map: toml::Table = text.parse().unwrap();
    let tabs = map["tab"].as_array().unwrap().iter();
    tabs.flat_map(|tab| tab.get("field").and_then(toml::Value::as_array).cloned().unwrap_or_default()).collect()
}

const SURVEY: [&str; 3] = ["selectors", "check", "map.toml"];

browser_tests! {
    firefox async fn a_map_that_fits_is_said_to_fit_and_nothing_is_entered(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let (code, document) = program(&rig, browser, &SURVEY, |map| map).await;
        assert_eq!((code, drift(&document)), (0, vec![]), "{document:#}");
        let oracle = rig.oracle();
        assert_eq!((oracle.sign_ins, oracle.save_requests, oracle.uploads, oracle.commit_requests), (1, 0, 0, 0));
    }

    chromium async fn the_pages_of_a_draft_and_the_list_are_checked_too(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let draft = rig.begin_draft_only().await.get().draft_reference.clone().unwrap();
        let survey = [&SURVEY[..], &["--draft", draft.as_str()]].concat();
        let (code, document) = program(&rig, browser, &survey, |map| map).await;
        assert_eq!((code, drift(&document)), (0, vec![]), "{document:#}");
        let (code, document) = program(&rig, browser, &survey, |map| {
            let review = map.replacen("td.number", "td.state", 1);
            review.replacen("\"#v-title\"", "\"#nowhere\"", 1)
        })
        .await;
        assert_eq!((code, drift(&document)), (1, vec!["control-missing title".into(), "control-missing exceptions".into()]), "{document:#}");
    }

    sweep async fn a_tab_that_only_a_draft_has_is_looked_at_in_one(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let draft = rig.begin_draft_only().await.get().draft_reference.clone().unwrap();
        let later = |map: String| map.replacen("id = \"evidence\"\n", "id = \"evidence\"\nafter_save = true\n", 1);
        let (code, document) = program(&rig, browser, &SURVEY, later).await;
        assert_eq!((code, &document["needs_draft"]), (0, &serde_json::json!(["evidence"])), "{document:#}");
        let survey = [&SURVEY[..], &["--draft", draft.as_str()]].concat();
        let (code, document) = program(&rig, browser, &survey, later).await;
        assert_eq!((code, &document["needs_draft"]), (0, &Value::Null), "{document:#}");
        assert_eq!(document["tabs"].as_array().unwrap().len(), 6, "{document:#}");
    }

    chromium async fn a_portal_that_drifted_is_told_field_by_field(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::LabelRenamed))).await;
        let (code, document) = program(&rig, browser, &SURVEY, |map| map).await;
        assert_eq!((code, drift(&document)), (1, vec!["label-changed rollback_version".into()]), "{document:#}");
    }

    chromium async fn a_map_is_drafted_of_what_the_form_shows_and_names_what_is_still_open(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let address = rig.portal.url().join("exceptions/new").unwrap().to_string();
        let init = ["selectors", "init", &address, "--out", "drafted.toml"];
        let (code, document) = program(&rig, browser, &init, |map| map).await;
        assert_eq!((code, &document["tabs"]), (0, &Value::from(6)), "{document:#}");
        let text = std::fs::read_to_string(rig.folder.path().join("drafted.toml")).unwrap();
        // Every control that somebody mapped by hand is drafted with the same words and its kind.
        let by_hand = portal_agent::selectors::read::read("map.toml".as_ref(), &map_text(&rig.portal)).unwrap();
        let fields = drafted(&text);
        for field in by_hand.file.tabs.iter().flat_map(|tab| &tab.fields) {
            let label = field.label.clone().unwrap();
            let found = fields.iter().find(|one| one.get("label").and_then(toml::Value::as_str) == Some(label.as_str()));
            let found = found.unwrap_or_else(|| panic!("{label} is not in {text}"));
            assert_eq!(found["widget"].as_str().unwrap(), serde_json::to_value(field.widget).unwrap(), "{label}");
            assert_eq!(found.get("required").is_some(), field.required, "{label}");
        }
        assert_eq!(fields.len(), by_hand.file.tabs.iter().map(|tab| tab.fields.len()).sum::<usize>(), "{text}");
        let check = ["selectors", "check", "drafted.toml"];
        let (code, document) = program(&rig, browser, &check, |map| map).await;
        assert_eq!(code, 2);
        assert!(document["error"].as_str().unwrap().contains("time_zone: is still to be filled in"), "{document:#}");
        // A map that is there is nobody's to write over.
        let (code, _) = program(&rig, browser, &init, |map| map).await;
        assert_eq!((code, std::fs::read_to_string(rig.folder.path().join("drafted.toml")).unwrap()), (2, text));
        let oracle = rig.oracle();
        assert_eq!((oracle.sign_ins, oracle.save_requests, oracle.commit_requests), (1, 0, 0));
    }

    chromium async fn a_value_is_tried_as_a_run_would_enter_it_and_nothing_is_saved(browser: BrowserKind) {
        // The page saves whenever something was entered, by the request that the map declares for that.
        let saves = "<script>addEventListener('change', () => fetch('/api/exceptions', { method: 'POST', body: '{}' }));</script>";
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(saves)))).await;
        let tried = |values: &[&str]| {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            let rig = &rig;
            async move {
                let mut arguments = vec!["selectors", "try", "map.toml", "--field", &values[0]];
                values[1..].iter().for_each(|value| arguments.extend(["--value", value]));
                program(rig, browser, &arguments, |map| map.replace("\"AP South\"", "\"Mars\"")).await
            }
        };
        let (code, document) = tried(&["regions", "us-east", "eu-central"]).await;
        assert_eq!((code, &document["held"]), (0, &Value::Bool(true)), "{document:#}");
        let refused = document["refused"].as_array().unwrap();
        assert!(refused.iter().any(|one| one.as_str().unwrap().starts_with("POST /api/exceptions ")), "{document:#}");
        let (code, document) = tried(&["regions", "ap-south"]).await;
        assert_eq!((code, &document["halt"][0]["code"]), (1, &Value::from("option-missing")), "{document:#}");
        let oracle = rig.oracle();
        assert_eq!((oracle.sign_ins, oracle.save_requests, oracle.commit_requests), (2, 0, 0));
    }

    firefox async fn a_map_that_matches_nothing_or_twice_is_told_field_by_field(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let (code, document) = program(&rig, browser, &SURVEY, |map| {
            let nothing = map.replacen("locate = { label = \"Service identifier\" }", "locate = { css = \"#nowhere\" }", 1);
            nothing.replacen("locate = { label = \"Environment\" }", "locate = { css = \"#panel-service select\" }", 1)
        })
        .await;
        let expected = ["control-missing service", "control-ambiguous environment", "unexpected-required-field form"];
        assert_eq!(code, 1);
        assert!(expected.iter().all(|line| drift(&document).iter().any(|told| told == line)), "{document:#}");
        // What may be meant is named, with the line to paste.
        let candidates = document["tabs"][0]["candidates"].as_array().unwrap();
        let pasted = |subject: &str| candidates.iter().find(|one| one["subject"] == subject).map(|one| one["paste"].as_str().unwrap());
        assert_eq!(pasted("service"), Some("locate = { label = \"Service identifier\" }"), "{document:#}");
        assert_eq!(pasted("environment"), Some("locate = { label = \"Environment\" }"), "{document:#}");
        assert!(pasted("form").unwrap().starts_with("[[tab.field]]\nid = \"service_identifier\""), "{document:#}");
    }

    chromium async fn a_healthy_installation_is_said_to_be_healthy(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let (code, document) = program(&rig, browser, &["doctor"], |map| map).await;
        assert_eq!((code, &document["healthy"]), (0, &Value::from(true)), "{document:#}");
        let (code, document) = program(&rig, browser, &["doctor"], |_| "nonsense".into()).await;
        assert_eq!(code, 1);
        let findings = document["findings"].as_array().unwrap();
        let bad: Vec<_> = findings.iter().filter(|finding| finding["ok"] == false).map(|finding| &finding["what"]).collect();
        assert_eq!(bad, [&Value::from("map")], "{document:#}");
    }

    chromium async fn a_draft_is_listed_opened_and_gone_on_from(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let (code, saved) = program(&rig, browser, &["submit", "record.json", "--draft-only"], |map| map).await;
        assert_eq!((code, &saved["outcome"]), (0, &"draft-saved".into()), "{saved:#}");
        let (run, draft) = (saved["run_id"].as_str().unwrap(), saved["draft_reference"].as_str().unwrap());
        assert_eq!(saved["draft_state"], "verified");
        let oracle = rig.oracle();
        assert_eq!((oracle.commit_requests, oracle.submitted.len(), oracle.drafts.len()), (0, 0, 1));
        let run_again = |arguments: Vec<&'static str>| {
            let rig = &rig;
            async move { program_with(rig, &arguments, None).await }
        };
        let (code, list) = run_again(vec!["takeover"]).await;
        let held = &list["held"][0];
        assert_eq!((code, &held["run_id"], &held["draft_reference"]), (0, &run.into(), &draft.into()), "{list:#}");
        assert!(held["next"].as_str().unwrap().contains(&format!("portal-agent resume {run}")), "{list:#}");
        // A run that somebody still has to do with stays, however old.
        let old = ["evidence", "prune", "--older-than", "0"];
        let (_, kept) = program_with(&rig, &[&old[..], &["--apply"]].concat(), None).await;
        assert_eq!(kept["pruned"], serde_json::json!([]), "{kept:#}");
        assert!(kept["kept"][0]["why"].as_str().unwrap().contains("waits for somebody"), "{kept:#}");
        let (code, note) = program_with(&rig, &["takeover", run], None).await;
        assert!(code == 0 && note["note"].as_str().unwrap().contains(draft), "{note:#}");

        // A browser that only writes down how it was started: at the draft, with a profile of its own, and without the gateway.
        let bin = rig.folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for name in ["chromium", "chromedriver", "firefox-esr", "geckodriver"] {
            let script = format!("#!/bin/sh\necho \"$@\" > {}/started\n", bin.display());
            std::fs::write(bin.join(name), script).unwrap();
            std::fs::set_permissions(bin.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let (code, _) = program_with(&rig, &["takeover", run, "--open"], Some(&bin)).await;
        let started = std::fs::read_to_string(bin.join("started")).unwrap();
        assert_eq!(code, 0, "{started}");
        assert!(started.trim_end().ends_with(&format!("{}exceptions/{draft}/edit", rig.portal.url())), "{started}");
        assert!(started.contains("/own") && !started.contains("proxy"), "{started}");

        let resume = ["resume", run, "--by", "op.day", "--reason", "the board has agreed"];
        let (code, done) = program_with(&rig, &resume, None).await;
        assert_eq!((code, &done["outcome"]), (0, &"submitted".into()), "{done:#}");
        assert_eq!((&done["resumes"]["run"], &done["resumes"]["by"]), (&run.into(), &"op.day".into()));
        let (_, list) = run_again(vec!["takeover"]).await;
        assert_eq!(list["held"], serde_json::json!([]));
        // What a tired person would type next.
        let (code, told) = program_with(&rig, &resume, None).await;
        assert!(code == 2 && told["error"].as_str().unwrap().contains("has already finished"), "{told:#}");
        let unknown = ["resume", "20260101T000000Z-000000", "--by", "op.day", "--reason", "x"];
        let (code, told) = program_with(&rig, &unknown, None).await;
        assert!(code == 2 && told["error"].as_str().unwrap().contains("portal-agent takeover"), "{told:#}");
        assert_eq!((rig.oracle().drafts.len(), rig.oracle().submitted.len()), (0, 1));

        // A year later.
        let (code, stats) = program_with(&rig, &["evidence", "stats"], None).await;
        let share = |count: u64, of: u64| serde_json::json!({ "count": count, "of": of });
        assert_eq!((code, &stats["submitted_and_right"], &stats["complete_bundles"]), (0, &share(1, 1), &share(2, 2)), "{stats:#}");
        let young = ["evidence", "prune", "--older-than", "1"];
        let (_, kept) = program_with(&rig, &young, None).await;
        assert_eq!((kept["pruned"].as_array().unwrap().len(), kept["kept"].as_array().unwrap().len()), (0, 2), "{kept:#}");
        let (code, would) = program_with(&rig, &old, None).await;
        assert_eq!((code, would["pruned"].as_array().unwrap().len()), (0, 2), "{would:#}");
        let (_, whole) = program_with(&rig, &["verify", "evidence"], None).await;
        assert_eq!((&whole["whole"], &whole["runs"][0]["pruned_by"]), (&2.into(), &Value::Null), "{whole:#}");
        let (code, pruned) = program_with(&rig, &[&old[..], &["--apply"]].concat(), None).await;
        assert_eq!((code, &pruned["applied"]), (0, &true.into()), "{pruned:#}");
        let (code, left) = program_with(&rig, &["verify", "evidence"], None).await;
        assert_eq!((code, &left["runs"][0]["pruned_by"], &left["whole"]), (0, &"op.night".into(), &2.into()), "{left:#}");
        let folder = rig.folder.path().join(left["runs"][0]["evidence"].as_str().unwrap());
        let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["manifest.json", "tombstone.json"]);
    }
}
