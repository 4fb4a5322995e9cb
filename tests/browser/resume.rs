//! Runs that halted, and what a person and a later run make of them.

use portal_agent::decide::rules::confirmation::Said;
use portal_agent::decide::rules::resumption::Edit;
use portal_agent::decide::verdict::{HaltCode, Stage};
use portal_agent::evidence::documents::RunDocument;
use portal_agent::evidence::journal::Event;
use portal_agent::evidence::outcome::{DraftState, Outcome};
use portal_agent::mask::masked::Masked;
use portal_agent::model::browser::BrowserKind;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};
use portal_agent::run::interrupt::Interrupt;
use portal_agent::run::order::{Begin, InputError};
use portal_agent::run::watch::Watcher;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::browser_tests;
use crate::support::{Plan, Rig, codes, continues, told};

/// A portal that halts the run, with limits that keep waits short.
async fn rig(browser: BrowserKind, faults: FaultPlan) -> Rig {
    Rig::new(Plan::new(browser, faults)).await.with_map(|map| map.replace("ready_s = 20", "ready_s = 8"))
}

fn holds(rig: &Rig) -> (usize, usize) {
    let oracle = rig.oracle();
    (oracle.drafts.len(), oracle.submitted.len())
}

fn assert_ended(run: &Masked<RunDocument>, outcome: Outcome, halt: &[HaltCode]) {
    assert_eq!((run.get().outcome, codes(run).as_slice()), (outcome, halt), "{}", told(run));
}

/// State of the claim: the last object of its only row.
fn claim(rig: &Rig) -> Value {
    let row = std::fs::read_dir(rig.order.evidence.join(".claims")).unwrap().next().unwrap().unwrap().path();
    let mut objects: Vec<_> = std::fs::read_dir(row).unwrap().map(|object| object.unwrap().path()).collect();
    objects.sort();
    serde_json::from_slice(&std::fs::read(objects.last().unwrap()).unwrap()).unwrap()
}

/// Ends every process of the driver's group once the browser is handed over: what a person does by closing it.
struct ClosesTheBrowser(std::sync::Mutex<Option<i32>>);

impl Watcher for ClosesTheBrowser {
    fn step(&self, _: Stage, _: &str) {}

    fn noted(&self, event: &Event) {
        let mut group = self.0.lock().unwrap();
        match event {
            Event::BrowserStarted { group: started } => *group = *started,
            Event::HandedOver => {
                kill_process_group(Pid::from_raw(group.unwrap()).unwrap(), Signal::KILL).unwrap();
            }
            _ => {}
        }
    }
}

browser_tests! {
    sweep async fn once_the_cause_is_mended_the_same_draft_is_submitted(browser: BrowserKind) {
        let rig = rig(browser, FaultPlan::after_draft(Fault::ApproverRevoked)).await;
        let halted = rig.run().await;
        assert_ended(&halted, Outcome::HaltedDraft, &[HaltCode::ApprovalRevoked]);
        // A second run of the change is told what to do instead.
        let second = rig.run().await;
        assert_ended(&second, Outcome::HaltedAbandoned, &[HaltCode::ClaimedByAnotherRun]);
        let told_to = second.get().halt[0].get().observed.to_string();
        assert!(told_to.contains(&format!("portal-agent resume {}", halted.get().run_id)), "{told_to}");
        // Mended in vain: the gates are all there again, and the run that takes over is the one to resume next.
        let again = rig.resume(&halted.get().run_id).await.unwrap();
        assert_ended(&again, Outcome::HaltedDraft, &[HaltCode::ApprovalRevoked]);
        assert_eq!(again.get().draft_reference, halted.get().draft_reference);
        rig.portal.mend(Fault::ApproverRevoked);
        let Err(InputError::NotContinuable { .. }) = rig.resume(&halted.get().run_id).await else {
            panic!("a run that was taken over was resumed once more")
        };
        let done = rig.resume(&again.get().run_id).await.unwrap();
        assert_ended(&done, Outcome::Submitted, &[]);
        assert!(done.get().edits.is_empty(), "{}", told(&done));
        assert_eq!((holds(&rig), rig.oracle().save_requests), ((0, 1), 1));
        assert_eq!(claim(&rig)["state"], "freed");
        let resumes = done.get().resumes.as_ref().unwrap();
        assert_eq!((resumes.run.clone(), resumes.by.as_str()), (again.get().run_id.clone(), "op.day"));
        let Err(InputError::NotContinuable { .. }) = rig.resume(&done.get().run_id).await else {
            panic!("a run that is over was resumed")
        };
    }

    chromium async fn a_partial_draft_is_completed_and_not_doubled(browser: BrowserKind) {
        let rig = rig(browser, FaultPlan::from_start(Fault::ValueRewritten)).await;
        let halted = rig.run().await;
        assert_ended(&halted, Outcome::HaltedDraft, &[HaltCode::ValueNotHeld]);
        assert_eq!(halted.get().draft_state, Some(DraftState::Partial));
        rig.portal.mend(Fault::ValueRewritten);
        // A person puts right what the portal had rewritten, and fills one field more as the record says.
        rig.portal.edit_draft("incident", "INC0098123");
        rig.portal.edit_draft("contact", "comms.desk");
        let done = rig.resume(&halted.get().run_id).await.unwrap();
        assert_ended(&done, Outcome::Submitted, &[]);
        let edits: Vec<_> = done.get().edits.iter().map(|edit| (edit.get().field.as_str(), edit.get().edit)).collect();
        assert_eq!(edits, [("contact", Edit::Completed)], "{}", told(&done));
        assert_eq!(holds(&rig), (0, 1));
    }

    chromium async fn an_edit_to_an_approved_field_halts_with_the_difference(browser: BrowserKind) {
        let rig = rig(browser, FaultPlan::after_draft(Fault::ApproverRevoked)).await;
        let halted = rig.run().await;
        rig.portal.mend(Fault::ApproverRevoked);
        rig.portal.edit_draft("category", "regulatory");
        rig.portal.edit_draft("contact", "");
        let again = rig.resume(&halted.get().run_id).await.unwrap();
        assert_ended(&again, Outcome::HaltedDraft, &[HaltCode::DraftDiffers]);
        assert_eq!(again.get().draft_state, Some(DraftState::Differs));
        let edits: Vec<_> = again.get().edits.iter().map(|edit| (edit.get().field.as_str(), edit.get().edit)).collect();
        assert_eq!(edits, [("category", Edit::Changed), ("contact", Edit::Emptied)], "{}", told(&again));
        let shown = again.get().edits[0].get();
        assert_eq!((shown.record.get().as_str(), shown.draft.get().as_str()), ("Emergency fix", "Regulatory deadline"));
        let note = std::fs::read_to_string(rig.evidence(&again).join("takeover.md")).unwrap();
        assert!(note.contains("**category** changed") && note.contains("`Regulatory deadline`"), "{note}");
        assert_eq!((holds(&rig), rig.oracle().commit_requests), ((1, 0), 0));
        rig.portal.edit_draft("category", "emergency");
        rig.portal.edit_draft("contact", "comms.desk");
        let done = rig.resume(&again.get().run_id).await.unwrap();
        assert_ended(&done, Outcome::Submitted, &[]);
        assert_eq!(holds(&rig), (0, 1));
    }

    chromium async fn a_draft_that_was_discarded_or_submitted_by_hand_ends_the_run(browser: BrowserKind) {
        let rig = rig(browser, FaultPlan::after_draft(Fault::ApproverRevoked)).await;
        let halted = rig.run().await;
        rig.portal.mend(Fault::ApproverRevoked);
        rig.portal.discard_drafts();
        let gone = rig.resume(&halted.get().run_id).await.unwrap();
        assert_ended(&gone, Outcome::HaltedAbandoned, &[HaltCode::DraftDiffers]);
        assert_eq!(claim(&rig)["state"], "freed");
        rig.portal.break_again(Fault::ApproverRevoked);
        let halted = rig.run().await;
        assert_ended(&halted, Outcome::HaltedAbandoned, &[HaltCode::ApprovalRevoked]);
        rig.portal.mend(Fault::ApproverRevoked);
        let draft = rig.begin_draft_only().await;
        assert_ended(&draft, Outcome::DraftSaved, &[]);
        let number = rig.portal.submit_by_hand().unwrap();
        let done = rig.resume(&draft.get().run_id).await.unwrap();
        assert_ended(&done, Outcome::AlreadySubmitted, &[]);
        assert_eq!(done.get().confirmation_number.as_ref().unwrap().get(), &number);
        assert_eq!((holds(&rig), rig.oracle().commit_requests), ((0, 1), 0));
        assert_eq!(claim(&rig)["state"], "freed");
    }

    chromium async fn one_controller_at_a_time_and_none_who_approved(browser: BrowserKind) {
        let rig = rig(browser, FaultPlan::none()).await;
        let draft = rig.begin_draft_only().await;
        let run = &draft.get().run_id;
        let approver = rig.begin(Begin::Resume(continues(run, "tom.okafor"))).await.unwrap();
        assert_ended(&approver, Outcome::HaltedDraft, &[HaltCode::SegregationOfDuties]);
        assert_eq!(approver.get().draft_reference, draft.get().draft_reference);
        // Two at once: one goes on, the other is refused whatever the order.
        let (one, two) = tokio::join!(rig.resume(run), rig.resume(run));
        let ended = [one, two].map(|result| match result {
            Ok(document) => (document.get().outcome, codes(&document)),
            Err(InputError::NotContinuable { .. }) => (Outcome::HaltedAbandoned, vec![HaltCode::ClaimedByAnotherRun]),
            Err(error) => panic!("{error}"),
        });
        let won = ended.iter().filter(|(outcome, _)| *outcome == Outcome::Submitted).count();
        let refused = (Outcome::HaltedAbandoned, vec![HaltCode::ClaimedByAnotherRun]);
        assert_eq!((won, ended.contains(&refused)), (1, true), "{ended:?}");
        assert_eq!((holds(&rig), rig.oracle().commit_requests), ((0, 1), 1));
    }

    chromium async fn a_doubt_is_ended_only_by_a_word_that_the_portal_agrees_with(browser: BrowserKind) {
        let rig = rig(browser, FaultPlan::from_start(Fault::CommitHangs)).await;
        let doubtful = rig.run().await;
        assert_ended(&doubtful, Outcome::InDoubt, &[HaltCode::ConfirmationMissing]);
        let run = doubtful.get().run_id.clone();
        let second = rig.run().await;
        assert_ended(&second, Outcome::HaltedAbandoned, &[HaltCode::EarlierRunInDoubt]);
        let resumed = rig.resume(&run).await.unwrap();
        assert_ended(&resumed, Outcome::HaltedAbandoned, &[HaltCode::EarlierRunInDoubt]);
        let refused = rig.resolve(&run, Said::Submitted("FEX-2026-000001".into())).await.unwrap();
        assert_ended(&refused, Outcome::InDoubt, &[HaltCode::ConfirmationMissing]);
        assert_eq!(refused.get().agreed, Some(false));
        let agreed = rig.resolve(&refused.get().run_id, Said::NotSubmitted).await.unwrap();
        assert_eq!((agreed.get().agreed, agreed.get().outcome), (Some(true), Outcome::HaltedDraft), "{}", told(&agreed));
        assert_eq!(rig.oracle().commit_requests, 1);
        rig.portal.mend(Fault::CommitHangs);
        let done = rig.resume(&agreed.get().run_id).await.unwrap();
        assert_ended(&done, Outcome::Submitted, &[]);
        assert_eq!((holds(&rig), rig.oracle().save_requests), ((0, 1), 1));
    }

    chromium async fn a_submission_that_differs_is_resolved_by_its_number_alone(browser: BrowserKind) {
        let rig = rig(browser, FaultPlan::from_start(Fault::CommitStoredOtherwise)).await;
        let doubtful = rig.run().await;
        assert_ended(&doubtful, Outcome::InDoubt, &[HaltCode::SummaryDiffers]);
        let number = rig.oracle().submitted[0].reference.clone();
        let denied = rig.resolve(&doubtful.get().run_id, Said::NotSubmitted).await.unwrap();
        assert_eq!((denied.get().agreed, codes(&denied)), (Some(false), vec![HaltCode::ExistingException]));
        let other = rig.resolve(&denied.get().run_id, Said::Submitted("FEX-2026-777777".into())).await.unwrap();
        assert_eq!((other.get().agreed, codes(&other)), (Some(false), vec![HaltCode::ConfirmationForeign]));
        let agreed = rig.resolve(&other.get().run_id, Said::Submitted(number.clone())).await.unwrap();
        assert_eq!((agreed.get().agreed, agreed.get().outcome), (Some(true), Outcome::Submitted), "{}", told(&agreed));
        assert_eq!(agreed.get().confirmation_number.as_ref().unwrap().get(), &number);
        assert_eq!((holds(&rig), rig.oracle().commit_requests), ((0, 1), 1));
        assert_eq!(claim(&rig)["state"], "freed");
    }

    chromium async fn a_browser_that_is_handed_over_is_left_until_it_is_closed(browser: BrowserKind) {
        let mut rig = rig(browser, FaultPlan::after_draft(Fault::ApproverRevoked)).await;
        rig.order.hand_over = true;
        let (_switch, interrupt) = Interrupt::by_hand();
        let halted = rig.run_interruptible(interrupt, &ClosesTheBrowser(std::sync::Mutex::default())).await;
        assert_ended(&halted, Outcome::HaltedDraft, &[HaltCode::ApprovalRevoked]);
        let journal = std::fs::read_to_string(rig.evidence(&halted).join("journal.jsonl")).unwrap();
        let events: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
        assert!(names.ends_with(&["handed-over", "taken-back", "ended"]), "{names:?}");
        assert!(halted.get().sealed, "{}", told(&halted));
    }
}
