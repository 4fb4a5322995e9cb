//! Runs that reach their end.

use std::time::Duration;

use portal_agent::decide::verdict::{HaltCode, Stage};
use portal_agent::evidence::check::{Depth, flaws};
use portal_agent::evidence::outcome::{DraftState, Outcome};
use portal_agent::model::browser::BrowserKind;
use portal_agent::reference_portal::Scheme;
use portal_agent::reference_portal::example::LARGE;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};
use portal_agent::run::clock::Clock as _;
use portal_agent::run::interrupt::Interrupt;
use portal_agent::run::watch::{Unwatched, Watcher};

use crate::browser_tests;
use crate::support::{BriskClock, InterruptAt, Plan, Rig, codes, told};

/// Sets the run's clock forward when a stage begins.
struct JumpAt<'a> {
    stage: Stage,
    by: Duration,
    clock: &'a BriskClock,
}

impl Watcher for JumpAt<'_> {
    fn step(&self, stage: Stage, _: &str) {
        if stage == self.stage {
            drop(self.clock.rest(self.by));
        }
    }
}

/// What the oracle must hold of a record, field by field of the portal.
fn expected(record: &serde_json::Value) -> Vec<(&'static str, String)> {
    let exception = &record["exception"];
    let text = |path: &str| match exception.pointer(path).unwrap() {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let local = |path: &str| {
        let at: jiff::Timestamp = text(path).parse().unwrap();
        at.in_tz("America/New_York").unwrap().strftime("%Y-%m-%dT%H:%M").to_string()
    };
    vec![
        ("service", text("/service/id")),
        ("environment", "prod".into()),
        ("category", "emergency".into()),
        ("change", text("/change_id")),
        ("revision", text("/revision")),
        ("incident", text("/incident")),
        ("regions", "eu-central\nus-east".into()),
        ("title", text("/title")),
        ("impact", text("/details/impact")),
        ("severity", text("/details/severity")),
        ("customer_facing", "on".into()),
        ("affected", text("/details/affected")),
        ("since", text("/details/impact_since")),
        ("contact", text("/details/contact")),
        ("rollback_plan", text("/rollback/plan")),
        ("rollback_version", text("/rollback/version")),
        ("rollback_owner", text("/details/rollback_owner")),
        ("rollback_minutes", text("/details/rollback_minutes")),
        ("rollback_tested", "on".into()),
        ("rollback_tested_on", text("/details/rollback_rehearsed_on")),
        ("rollback_trigger", text("/details/rollback_trigger")),
        ("window_start", local("/window/start")),
        ("window_end", local("/window/end")),
        ("checkpoint", text("/details/checkpoint")),
        ("scope", text("/scope")),
        ("duties", "on".into()),
        ("policy", "on".into()),
        ("note", text("/details/note")),
    ]
}

pub fn assert_submitted_once(rig: &Rig) {
    let oracle = rig.oracle();
    assert_eq!((oracle.submitted.len(), oracle.drafts.len()), (1, 0), "{oracle:#?}");
    assert_eq!((oracle.commit_requests, oracle.uploads), (1, 4), "{oracle:#?}");
    let stored = &oracle.submitted[0];
    let record = rig.record_json();
    let wanted = expected(&record);
    assert!(wanted.len() >= 25);
    for (name, value) in wanted {
        assert_eq!(stored.values.get(name), Some(&value), "{name}");
    }
    for file in record["exception"]["attachments"].as_array().unwrap() {
        let found = stored.files.values().find(|stored| file["name"] == stored.name.as_str()).unwrap();
        assert_eq!(file["size"], found.size);
        assert_eq!(file["sha256"], format!("sha256:{}", found.sha256));
    }
}

browser_tests! {
    chromium async fn an_approved_exception_is_submitted_once_and_a_second_run_enters_nothing(browser: BrowserKind) {
        let rig = Rig::new(Plan { longest: LARGE, ..Plan::new(browser, FaultPlan::none()) }).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert!(run.get().sealed && run.get().commit_requests_released == 1, "{}", told(&run));
        assert_submitted_once(&rig);
        assert!(flaws(&rig.evidence(&run), Depth::Whole).is_empty());
        assert_eq!(run.get().confirmation_number.as_ref().unwrap().get(), &rig.oracle().submitted[0].reference);
        let before = rig.oracle();
        let again = rig.run().await;
        assert_eq!(again.get().outcome, Outcome::AlreadySubmitted, "{}", told(&again));
        let after = rig.oracle();
        assert_eq!((after.commit_requests, after.save_requests), (before.commit_requests, before.save_requests));
        assert_eq!(after.submitted, before.submitted);
    }

    chromium async fn evidence_that_reaches_its_limit_halts_before_the_release_and_is_closed(browser: BrowserKind) {
        let mut rig = Rig::new(Plan { longest: 700, ..Plan::new(browser, FaultPlan::none()) }).await;
        // Room for the pictures of the form, and not for those of the review.
        rig.order.evidence_limit = 1_000_000;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::HaltedDraft, "{}", told(&run));
        assert_eq!(codes(&run), [HaltCode::EvidenceUnwritable], "{}", told(&run));
        assert_eq!((rig.oracle().submitted.len(), rig.oracle().drafts.len()), (0, 1));
        assert!(flaws(&rig.evidence(&run), Depth::Whole).is_empty(), "what is there is whole, and closed");
    }

    firefox async fn an_approved_exception_is_submitted_once_over_https(browser: BrowserKind) {
        let plan = Plan { scheme: Scheme::Https, longest: LARGE, ..Plan::new(browser, FaultPlan::none()) };
        let rig = Rig::new(plan).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_submitted_once(&rig);
    }

    chromium async fn a_portal_whose_certificate_nobody_vouches_for_is_not_talked_to(browser: BrowserKind) {
        let mut rig = Rig::new(Plan { scheme: Scheme::Https, ..Plan::new(browser, FaultPlan::none()) }).await;
        rig.order.portal_ca = None;
        let run = rig.with_map(|map| map.replace("ready_s = 20", "ready_s = 4"));
        let document = run.run().await;
        assert_eq!(document.get().outcome, Outcome::Environment, "{}", told(&document));
        assert_eq!(run.oracle().sign_ins, 0);
    }

    chromium async fn a_cosmetic_change_does_not_halt(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Cosmetic))).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_submitted_once(&rig);
    }

    firefox async fn slow_answers_within_the_limits_do_not_halt(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Slow))).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_submitted_once(&rig);
    }

    firefox async fn html_in_values_is_entered_shown_and_compared_as_text(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        rig.approve_with(|exception| {
            exception["title"] = "<b onclick=\"x()\">pool & \"limit\"</b> 'quoted' </textarea><script>1</script>".into();
            exception["scope"] = "</textarea><script>document.forms[0].submit()</script>\nsecond line & <i>more</i>".into();
        });
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_submitted_once(&rig);
    }

    sweep async fn a_draft_only_run_stops_at_a_verified_draft(browser: BrowserKind) {
        let mut rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        rig.order.draft_only = true;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::DraftSaved, "{}", told(&run));
        assert_eq!(run.get().draft_state, Some(DraftState::Verified));
        let oracle = rig.oracle();
        assert_eq!((oracle.commit_requests, oracle.submitted.len(), oracle.drafts.len()), (0, 0, 1));
        assert_eq!(run.get().draft_reference.as_ref().unwrap().as_str(), oracle.drafts[0].reference);
    }

    firefox async fn an_interrupt_while_filling_leaves_a_draft(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let (switch, interrupt) = Interrupt::by_hand();
        let run = rig.run_interruptible(interrupt, &InterruptAt { stage: Stage::Fill, place: "window", switch }).await;
        assert_eq!((run.get().outcome, codes(&run)), (Outcome::HaltedDraft, vec![HaltCode::Interrupted]), "{}", told(&run));
        let oracle = rig.oracle();
        assert_eq!((oracle.drafts.len(), oracle.commit_requests), (1, 0));
        assert_eq!(run.get().draft_reference.as_ref().unwrap().as_str(), oracle.drafts[0].reference);
    }

    chromium async fn a_clock_that_differs_from_the_portals_ends_the_run_before_anything_is_entered(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let fast = BriskClock::default();
        fast.rest(Duration::from_secs(420)).await;
        let run = rig.run_by(&fast, &Unwatched).await;
        assert_eq!(run.get().outcome, Outcome::Environment, "{}", told(&run));
        assert!(told(&run).contains("7 min apart"), "{}", told(&run));
        assert_eq!((rig.oracle().drafts.len(), rig.oracle().commit_requests), (0, 0));
        // With the clock set right, nothing is left to be cleared up.
        let again = rig.run().await;
        assert_eq!(again.get().outcome, Outcome::Submitted, "{}", told(&again));
    }

    firefox async fn what_the_portal_stores_is_dated_by_the_portals_own_clock(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let clock = BriskClock::default();
        let jump = JumpAt { stage: Stage::Review, by: Duration::from_secs(420), clock: &clock };
        let run = rig.run_by(&clock, &jump).await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_submitted_once(&rig);
    }

    chromium async fn an_interrupt_while_the_commit_is_held_refuses_it(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let (switch, interrupt) = Interrupt::by_hand();
        let place = "holding the commit request";
        let run = rig.run_interruptible(interrupt, &InterruptAt { stage: Stage::Recheck, place, switch }).await;
        assert_eq!((run.get().outcome, codes(&run)), (Outcome::HaltedDraft, vec![HaltCode::Interrupted]), "{}", told(&run));
        assert_eq!(run.get().draft_state, Some(DraftState::Verified));
        assert_eq!((rig.oracle().drafts.len(), rig.oracle().commit_requests), (1, 0));
    }
}
