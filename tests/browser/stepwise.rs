//! A portal whose record is made by the first save, whose parts are pages with a button each, and whose commit carries no values.

use std::sync::Arc;

use portal_agent::decide::verdict::HaltCode;
use portal_agent::evidence::outcome::{DraftState, Outcome};
use portal_agent::model::browser::BrowserKind;
use portal_agent::reference_portal::example::{approved, world};
use portal_agent::reference_portal::faults::FaultPlan;
use portal_agent::selectors::read::read;

use crate::browser_tests;
use crate::support::stepwise::{Defect, MAP, Record, Stepwise};
use crate::support::{Plan, Rig, codes, told};

/// The example record, for this portal, and what a run needs against it.
async fn rig(browser: BrowserKind, wrong: Defect, change: impl FnOnce(String) -> String) -> (Rig, Stepwise) {
    let mut rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
    let portal = Stepwise::start(world(&rig.times), wrong).await;
    let map = change(MAP.replace("http://127.0.0.1:8480/", portal.url().as_str()));
    rig.order.map = Arc::new(read("stepwise.toml".as_ref(), &map).unwrap_or_else(|error| panic!("{error}")));
    rig.order.base = portal.url();
    let record = approved(rig.record_json()["exception"].clone(), &portal.url(), &rig.times).unwrap();
    rig.write_record(&record);
    (rig, portal)
}

/// Asserts that the one record of the portal is what the rig's says, with its four files, and how often it was submitted.
fn assert_stored(rig: &Rig, portal: &Stepwise, submitted: u32) {
    let records = portal.records();
    let [Record { values, files, submitted: times }] = records.as_slice() else { panic!("{records:#?}") };
    let exception = &rig.record_json()["exception"];
    let local = |path: &str| {
        let at: jiff::Timestamp = exception.pointer(path).unwrap().as_str().unwrap().parse().unwrap();
        at.in_tz("America/New_York").unwrap().strftime("%Y-%m-%dT%H:%M").to_string()
    };
    let text = |path: &str| exception.pointer(path).unwrap().as_str().unwrap().to_owned();
    for (field, wanted) in [
        ("service", text("/service/id")),
        ("environment", text("/environment")),
        ("change", text("/change_id")),
        ("title", text("/title")),
        ("start", local("/window/start")),
        ("end", local("/window/end")),
        ("scope", text("/scope")),
    ] {
        assert_eq!(values[field].replace("\r\n", "\n"), wanted, "{field}");
    }
    let attached = exception["attachments"].as_array().unwrap();
    let wanted: Vec<_> = attached
        .iter()
        .map(|file| (file["name"].as_str().unwrap(), file["sha256"].as_str().unwrap().trim_start_matches("sha256:")))
        .collect();
    let mut stored: Vec<_> = files.iter().map(|(name, _, digest)| (name.as_str(), digest.as_str())).collect();
    stored.sort_by_key(|(name, _)| wanted.iter().position(|(other, _)| other == name));
    assert_eq!(stored, wanted);
    assert_eq!(*times, submitted);
}

browser_tests! {
    both async fn a_record_that_the_first_save_makes_is_completed_and_submitted_once(browser: BrowserKind) {
        let (rig, portal) = rig(browser, Defect::Nothing, |map| map).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_stored(&rig, &portal, 1);
    }

    chromium async fn a_list_that_is_not_shown_whole_is_not_believed(browser: BrowserKind) {
        let (rig, portal) = rig(browser, Defect::ListsLess, |map| map).await;
        let run = rig.run().await;
        assert_eq!((run.get().outcome, codes(&run)), (Outcome::HaltedAbandoned, vec![HaltCode::PortalError]), "{}", told(&run));
        assert!(told(&run).contains("with 7 rows of 8"), "{}", told(&run));
        assert_eq!(portal.records().len(), 0);
    }

    chromium async fn what_a_part_stores_otherwise_is_found_before_the_commit(browser: BrowserKind) {
        let (rig, portal) = rig(browser, Defect::ShiftsSchedule, |map| map).await;
        let run = rig.run().await;
        assert_eq!((run.get().outcome, codes(&run)), (Outcome::HaltedDraft, vec![HaltCode::DraftDiffers]), "{}", told(&run));
        assert_eq!(run.get().draft_reference.as_ref().map(ToString::to_string).as_deref(), Some("4000"), "{}", told(&run));
        assert_eq!(portal.records()[0].submitted, 0);
    }

    chromium async fn a_session_that_ends_between_two_saves_is_renewed_and_the_same_record_gone_on_with(browser: BrowserKind) {
        let (rig, portal) = rig(browser, Defect::SessionEndsOnSchedule, |map| map).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_stored(&rig, &portal, 1);
    }

    chromium async fn a_draft_of_which_parts_are_missing_is_completed_by_another_run(browser: BrowserKind) {
        // The second part cannot be reached at first.
        let (mut rig, portal) = rig(browser, Defect::Nothing, |map| map.replace("name = \"Schedule\"", "name = \"Timing\"")).await;
        let run = rig.run().await;
        assert_eq!((run.get().outcome, run.get().draft_state), (Outcome::HaltedDraft, Some(DraftState::Partial)), "{}", told(&run));
        let map = MAP.replace("http://127.0.0.1:8480/", portal.url().as_str());
        rig.order.map = Arc::new(read("stepwise.toml".as_ref(), &map).unwrap());
        let id = run.get().run_id.clone();
        let again = rig.resume(&id).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again.get().outcome, Outcome::Submitted, "{}", told(&again));
        assert_stored(&rig, &portal, 1);
    }

    chromium async fn a_commit_without_values_waits_for_nobody_who_changes_the_draft_behind_it(browser: BrowserKind) {
        let touch = "\n[[request]]\nid = \"touch\"\nmethod = \"POST\"\npath = \"/changes/{id}/touch\"\n";
        let (rig, portal) = rig(browser, Defect::ChangesBehind, |map| map + touch).await;
        let run = rig.run().await;
        let halted = (Outcome::HaltedDraft, vec![HaltCode::CommitPayloadDiffers]);
        assert_eq!((run.get().outcome, codes(&run)), halted, "{}", told(&run));
        assert_eq!(portal.records()[0].submitted, 0);
    }
}
