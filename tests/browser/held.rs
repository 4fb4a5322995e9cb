//! What changes at a source while the commit request is held: nothing is released, the draft is kept, and the code says why.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portal_agent::decide::verdict::HaltCode;
use portal_agent::evidence::outcome::{DraftState, Outcome};
use portal_agent::model::browser::BrowserKind;
use portal_agent::model::freeze_policy::BlackoutPolicy;
use portal_agent::model::gates::SignaturePolicy;
use portal_agent::model::record::ChangeRecord;
use portal_agent::reference_portal::faults::FaultPlan;
use portal_agent::signatures::{NAMESPACE, statement};
use portal_agent::sources::fetch::{FetchLimits, Fetcher};
use portal_agent::sources::places::KeyPlaces;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::browser_tests;
use crate::ssh::{Desk, Key};
use crate::support::{ChangesWhileHeld, Plan, Rig, codes, told};
use portal_agent::run::watch::Unwatched;

/// A rig with every register that there is, all in order: a delegate, a settled hold, an owner of record.
async fn rig(browser: BrowserKind) -> Rig {
    let mut rig = Rig::new(Plan { longest: 700, ..Plan::new(browser, FaultPlan::none()) }).await;
    let folder = rig.folder.path().to_owned();
    let mut record = rig.record_json();
    record["approvals"][1]["approver"] = "li.novak".into();
    record["approvals"][1]["on_behalf_of"] = "tom.okafor".into();
    rig.write_record(&record);
    write(&folder.join("delegates.json"), &delegates("2031-01-01T00:00:00Z"));
    let settled =
        json!({ "resolved_by": "quality.desk", "resolved_at": rig.times.decided, "resolution": "results came" });
    write(&folder.join("holds.json"), &holds(&rig, &settled));
    let entry = json!({ "service": "checkout-api", "owner": "maria.chen" });
    write(&folder.join("owners.json"), &json!({ "schema": "portal-agent/service-ownership/1", "entry": [entry] }));
    let places = &mut rig.sources.gates;
    places.delegates = Some(folder.join("delegates.json"));
    places.holds = Some(folder.join("holds.json"));
    places.ownership = Some(folder.join("owners.json"));
    rig
}

fn write(path: &Path, value: &Value) {
    std::fs::write(path, value.to_string()).unwrap();
}

fn delegates(end: &str) -> Value {
    let mapping = json!({ "from": "tom.okafor", "to": "li.novak", "start": "2020-01-01T00:00:00Z", "end": end });
    json!({ "schema": "portal-agent/delegates/1", "delegation": [mapping] })
}

fn holds(rig: &Rig, more: &Value) -> Value {
    let mut hold = json!({
        "id": "HOLD-7", "change_id": "CHG0041877", "raised_by": "quality.desk", "raised_at": rig.times.blackout.0,
        "reason": "test results are missing",
    });
    hold.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "schema": "portal-agent/hold-register/1", "hold": [hold] })
}

/// Runs, changes something while the commit request is held, and expects a halt with this code and nothing else.
async fn stopped(rig: &Rig, change: impl Fn(), code: HaltCode) {
    let sources = ChangesWhileHeld::new(rig.sources.clone(), change);
    let run = rig.run_with(&sources, &Unwatched).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((run.get().outcome, codes(&run)), (Outcome::HaltedDraft, vec![code]), "{}", told(&run));
    assert_eq!(run.get().draft_state, Some(DraftState::Verified));
    assert_eq!((run.get().commit_requests_released, run.get().commit_requests_blocked), (0, 1));
    // The portal has the draft, and never heard of a commit.
    assert_eq!((rig.oracle().drafts.len(), rig.oracle().commit_requests), (1, 0));
}

async fn a_calendar_at_an_address_stops_it(browser: BrowserKind, how: Down) {
    let mut rig = rig(browser).await;
    let down = Arc::new(AtomicBool::new(false));
    let server = MockServer::start().await;
    let answer = Calendar { text: ics(&rig), down: Arc::clone(&down), how };
    Mock::given(any()).respond_with(answer).mount(&server).await;
    rig.sources.gates.calendars.clear();
    rig.sources.gates.addresses = vec![format!("{}/freeze.ics", server.uri()).parse().unwrap()];
    let limits = FetchLimits { answer: Duration::from_secs(2), attempts: 1, ..FetchLimits::default() };
    rig.sources.fetcher = Some(Fetcher::new("the freeze calendar", limits, None).unwrap());
    let admits = BlackoutPolicy {
        id: Some("YEAR-END-COMMERCE".into()),
        kind: None,
        admits: vec!["emergency-fix".into()],
        environments: Vec::new(),
    };
    rig.order.policy.freeze.blackouts.push(admits);
    stopped(&rig, || down.store(true, Ordering::SeqCst), HaltCode::SourceUnavailable).await;
}

browser_tests! {
    chromium async fn with_every_gate_open_the_exception_is_submitted(browser: BrowserKind) {
        let rig = rig(browser).await;
        let run = rig.run().await;
        assert_eq!((run.get().outcome, codes(&run)), (Outcome::Submitted, vec![]), "{}", told(&run));
        assert_eq!(rig.oracle().commit_requests, 1);
    }

    firefox async fn an_approval_that_is_revoked_stops_it(browser: BrowserKind) {
        let rig = rig(browser).await;
        let revoke = || {
            let mut record = rig.record_json();
            record["approvals"][2]["decision"] = "revoked".into();
            rig.write_record(&record);
        };
        stopped(&rig, revoke, HaltCode::ApprovalRevoked).await;
    }

    sweep async fn a_delegate_who_is_withdrawn_stops_it(browser: BrowserKind) {
        let rig = rig(browser).await;
        let withdraw = || write(&rig.folder.path().join("delegates.json"), &delegates("2021-01-01T00:00:00Z"));
        stopped(&rig, withdraw, HaltCode::DelegateNotAllowed).await;
    }

    sweep async fn a_blackout_that_is_imposed_stops_it(browser: BrowserKind) {
        let rig = rig(browser).await;
        let impose = || {
            let path = &rig.sources.gates.calendars[0];
            let (start, end) = rig.times.window;
            let more = format!("\n[[blackout]]\nid = \"IMPOSED\"\nstart = \"{start}\"\nend = \"{end}\"\n");
            std::fs::write(path, std::fs::read_to_string(path).unwrap() + &more).unwrap();
        };
        stopped(&rig, impose, HaltCode::BlackoutOverlap).await;
    }

    chromium async fn a_packet_that_is_rebuilt_and_approved_anew_stops_it(browser: BrowserKind) {
        let rig = rig(browser).await;
        let rebuild = || {
            // Valid in itself, in every respect: only that it is not what stands in the portal.
            rig.approve_with(|exception| exception["revision"] = 5.into());
        };
        stopped(&rig, rebuild, HaltCode::RevisionNotApproved).await;
    }

    chromium async fn a_source_that_is_down_stops_it(browser: BrowserKind) {
        let rig = rig(browser).await;
        stopped(&rig, || std::fs::remove_file(&rig.sources.record).unwrap(), HaltCode::SourceUnavailable).await;
    }

    sweep async fn a_calendar_that_is_cut_off_stops_it(browser: BrowserKind) {
        let rig = rig(browser).await;
        let cut = || {
            let path = &rig.sources.gates.calendars[0];
            let text = std::fs::read_to_string(path).unwrap();
            std::fs::write(path, &text[..text.len() - 20]).unwrap();
        };
        stopped(&rig, cut, HaltCode::SourceUnavailable).await;
    }

    chromium async fn a_calendar_at_an_address_that_does_not_answer_stops_it(browser: BrowserKind) {
        a_calendar_at_an_address_stops_it(browser, Down::Hangs).await;
    }

    sweep async fn a_calendar_at_an_address_that_fails_stops_it(browser: BrowserKind) {
        a_calendar_at_an_address_stops_it(browser, Down::Fails).await;
    }

    sweep async fn a_hold_that_is_raised_stops_it(browser: BrowserKind) {
        let rig = rig(browser).await;
        let raise = || write(&rig.folder.path().join("holds.json"), &holds(&rig, &json!({})));
        stopped(&rig, raise, HaltCode::HoldOpen).await;
    }

    chromium async fn a_freeze_that_is_activated_stops_what_is_no_hotfix(browser: BrowserKind) {
        let mut rig = rig(browser).await;
        rig.order.policy.freeze.categories.clear();
        let state = rig.sources.gates.freeze_mode.as_ref().unwrap().state.clone();
        let freeze = |frozen: bool| {
            let by = if frozen { "automation" } else { "human" };
            write(&state, &json!({ "freeze_mode": frozen, "set_by": by, "set_at": rig.times.decided, "tier": "RED",
                "reason": "error_budget_EMERGENCY" }));
        };
        freeze(false);
        stopped(&rig, || freeze(true), HaltCode::FreezeModeActive).await;
    }

    chromium async fn a_key_that_is_revoked_stops_it(browser: BrowserKind) {
        let mut rig = rig(browser).await;
        let (keys, revoked) = signed_by_all(&mut rig);
        stopped(&rig, || std::fs::write(&revoked, &keys[2].public).unwrap(), HaltCode::SignatureInvalid).await;
    }
}

/// Has every approver sign, and demands that they did: their keys, and the file of revoked ones.
fn signed_by_all(rig: &mut Rig) -> (Vec<Key>, PathBuf) {
    let folder = rig.folder.path().to_owned();
    let desk = Desk::new();
    let mut record = rig.record_json();
    let typed: ChangeRecord = serde_json::from_value(record.clone()).unwrap();
    let mut allowed = String::new();
    let mut keys = Vec::new();
    for (place, approval) in typed.approvals.iter().enumerate() {
        let key = desk.key(&format!("key{place}"), &["-t", "ed25519"]);
        let text = statement(&typed.exception.change_id, typed.exception.revision, &typed.manifest, approval);
        record["approvals"][place]["signature"] = desk.sign(&key, NAMESPACE, &text, &[]).into();
        allowed += &format!("{} namespaces=\"{NAMESPACE}\" {}\n", approval.approver, key.public);
        keys.push(key);
    }
    rig.write_record(&record);
    let (allowed_signers, revoked) = (folder.join("allowed_signers"), folder.join("revoked"));
    std::fs::write(&allowed_signers, allowed).unwrap();
    std::fs::write(&revoked, "").unwrap();
    let zone = jiff::tz::TimeZone::UTC;
    rig.sources.gates.keys = Some(KeyPlaces { allowed_signers, revoked_keys: Some(revoked.clone()), zone });
    rig.order.policy.approvals.signatures = SignaturePolicy::Required;
    (keys, revoked)
}

/// A calendar at an address, until it is down.
struct Calendar {
    text: String,
    down: Arc<AtomicBool>,
    how: Down,
}

#[derive(Clone, Copy)]
enum Down {
    /// It answers that it cannot.
    Fails,
    /// It does not answer.
    Hangs,
}

impl Respond for Calendar {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let whole = ResponseTemplate::new(200).set_body_raw(self.text.clone(), "text/calendar");
        match (self.down.load(Ordering::SeqCst), self.how) {
            (false, Down::Fails | Down::Hangs) => whole,
            (true, Down::Fails) => ResponseTemplate::new(503),
            (true, Down::Hangs) => whole.set_delay(Duration::from_secs(600)),
        }
    }
}

fn ics(rig: &Rig) -> String {
    let stamp = |at: jiff::Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let (start, end) = rig.times.blackout;
    let event = format!("UID:YEAR-END-COMMERCE\r\nDTSTART:{}\r\nDTEND:{}\r\n", stamp(start), stamp(end));
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\n{event}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}
