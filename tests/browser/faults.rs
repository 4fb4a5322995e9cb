//! Every fault of the reference portal: outcome, halt code, and what the portal really received and holds.

use portal_agent::decide::verdict::HaltCode;
use portal_agent::evidence::outcome::{DraftState, Outcome};
use portal_agent::model::browser::BrowserKind;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};

use crate::browser_tests;
use crate::built::form;
use crate::support::{Plan, Rig, codes, told};

/// What must come of a fault.
struct Expected {
    outcome: Outcome,
    codes: &'static [HaltCode],
    draft_state: Option<DraftState>,
    /// Drafts, submitted exceptions, commit requests at the portal.
    holds: (usize, usize, u64),
}

const fn abandoned(codes: &'static [HaltCode]) -> Expected {
    Expected { outcome: Outcome::HaltedAbandoned, codes, draft_state: None, holds: (0, 0, 0) }
}

const fn draft(codes: &'static [HaltCode], state: DraftState) -> Expected {
    Expected { outcome: Outcome::HaltedDraft, codes, draft_state: Some(state), holds: (1, 0, 0) }
}

const fn doubt(codes: &'static [HaltCode], holds: (usize, usize, u64)) -> Expected {
    Expected { outcome: Outcome::InDoubt, codes, draft_state: Some(DraftState::Verified), holds }
}

const fn submitted() -> Expected {
    Expected { outcome: Outcome::Submitted, codes: &[], draft_state: None, holds: (0, 1, 1) }
}

async fn check(browser: BrowserKind, faults: FaultPlan, expected: Expected) {
    // On another form, where `.ci/portals` asks for it.
    let rig = match std::env::var("TEST_FORM") {
        Ok(library) => form(&library).rig(browser, faults).await,
        Err(_) => Rig::new(Plan::new(browser, faults)).await.with_map(|map| map.replace("ready_s = 20", "ready_s = 6")),
    };
    let run = rig.run().await;
    let document = run.get();
    assert_eq!((document.outcome, codes(&run).as_slice()), (expected.outcome, expected.codes), "{}", told(&run));
    assert_eq!(document.draft_state, expected.draft_state, "{}", told(&run));
    let oracle = rig.oracle();
    let holds = (oracle.drafts.len(), oracle.submitted.len(), oracle.commit_requests);
    assert_eq!(holds, expected.holds, "{oracle:#?}\n{}", told(&run));
    assert_eq!(oracle.commit_requests, document.commit_requests_released, "{}", told(&run));
    assert_eq!(oracle.autosaves, 0, "an undeclared request reached the portal");
    if let Some(reference) = &document.draft_reference
        && oracle.submitted.is_empty()
        && document.outcome == Outcome::HaltedDraft
    {
        assert_eq!(reference.as_str(), oracle.drafts[0].reference, "{}", told(&run));
    }
    let evidence = rig.evidence(&run);
    let note = !matches!(document.outcome, Outcome::Submitted);
    assert_eq!(evidence.join("takeover.md").is_file(), note);
    assert_eq!(evidence.join("takeover.json").is_file(), note);
    assert!(document.sealed, "{}", told(&run));
}

macro_rules! faults {
    ($($where:ident $name:ident: $plan:ident($fault:ident) => $expected:expr;)*) => {
        browser_tests! {$(
            $where async fn $name(browser: BrowserKind) {
                check(browser, FaultPlan::$plan(Fault::$fault), $expected).await;
            }
        )*}
    };
}

faults! {
    chromium a_changed_freeze_window_halts_before_entry: from_start(FreezeWindowChanged) => abandoned(&[HaltCode::FreezeWindowChanged]);
    sweep a_freeze_window_that_changes_midway_keeps_the_draft:
        after_draft(FreezeWindowChanged) => draft(&[HaltCode::FreezeWindowChanged], DraftState::Differs);
    chromium a_missing_rollback_field_halts_before_entry: from_start(RollbackFieldMissing) => abandoned(&[HaltCode::ControlMissing]);
    chromium a_renamed_label_halts_before_entry: from_start(LabelRenamed) => abandoned(&[HaltCode::LabelChanged]);
    chromium a_doubled_control_halts_before_entry: from_start(ControlDoubled) => abandoned(&[HaltCode::ControlAmbiguous]);
    chromium a_new_required_field_halts_before_entry:
        from_start(RequiredFieldAdded) => abandoned(&[HaltCode::UnexpectedRequiredField]);
    chromium a_withdrawn_option_halts_before_entry: from_start(OptionWithdrawn) => abandoned(&[HaltCode::OptionMissing]);
    chromium a_revoked_approver_halts_before_entry: from_start(ApproverRevoked) => abandoned(&[HaltCode::ApprovalRevoked]);
    chromium an_approver_revoked_midway_keeps_the_draft:
        after_draft(ApproverRevoked) => draft(&[HaltCode::ApprovalRevoked], DraftState::Differs);
    chromium another_approver_halts_before_entry: from_start(ApproverDifferent) => abandoned(&[HaltCode::ApproverMismatch]);
    sweep another_approver_midway_keeps_the_draft:
        after_draft(ApproverDifferent) => draft(&[HaltCode::ApproverMismatch], DraftState::Differs);
    chromium a_scope_broadening_banner_halts_before_entry: from_start(ScopeBanner) => abandoned(&[HaltCode::ScopeBroadening]);
    sweep a_scope_broadening_banner_midway_halts:
        after_draft(ScopeBanner) => draft(&[HaltCode::ScopeBroadening], DraftState::Differs);
    chromium an_unknown_banner_halts_before_entry: from_start(UnknownBanner) => abandoned(&[HaltCode::UnexpectedBanner]);
    chromium a_value_rewritten_by_the_page_is_not_submitted:
        from_start(ValueRewritten) => draft(&[HaltCode::ValueNotHeld], DraftState::Partial);
    chromium truncation_on_save_is_seen: from_start(TruncatedOnSave) => draft(&[HaltCode::DraftDiffers], DraftState::Differs);
    sweep a_window_shifted_on_save_is_seen: from_start(WindowShiftedOnSave) => draft(&[HaltCode::DraftDiffers], DraftState::Differs);
    chromium an_altered_upload_is_seen: from_start(UploadAltered) => draft(&[HaltCode::AttachmentDiffers], DraftState::Partial);
    firefox a_renamed_upload_is_seen: from_start(UploadRenamed) => draft(&[HaltCode::AttachmentDiffers], DraftState::Partial);
    chromium a_differing_summary_is_seen: from_start(SummaryDiffers) => draft(&[HaltCode::SummaryDiffers], DraftState::Verified);
    firefox an_extra_dialog_halts_before_entry: from_start(ExtraDialog) => abandoned(&[HaltCode::UnexpectedDialog]);
    both a_javascript_alert_halts_before_entry: from_start(JavascriptAlert) => abandoned(&[HaltCode::UnexpectedDialog]);
    chromium an_autosave_that_nobody_declared_is_refused: from_start(Autosave) => draft(&[HaltCode::UndeclaredRequest], DraftState::Partial);
    chromium a_save_that_fails_leaves_nothing: from_start(SaveFails) => abandoned(&[HaltCode::PortalError]);
    firefox a_page_that_commits_by_itself_is_stopped:
        from_start(ScriptCommits) => draft(&[HaltCode::UnexpectedCommitAttempt], DraftState::Partial);
    chromium a_commit_that_the_page_altered_is_refused:
        from_start(CommitAltered) => draft(&[HaltCode::CommitPayloadDiffers], DraftState::Verified);
    sweep a_commit_that_the_page_widened_is_refused:
        from_start(CommitWidened) => draft(&[HaltCode::CommitPayloadDiffers], DraftState::Verified);
    sweep a_500_before_storing_is_in_doubt: from_start(CommitFailsBefore) => doubt(&[HaltCode::ConfirmationMissing], (1, 0, 1));
    sweep a_500_after_storing_is_submitted_by_look_up: from_start(CommitFailsAfter) => submitted();
    chromium a_commit_that_hangs_is_in_doubt: from_start(CommitHangs) => doubt(&[HaltCode::ConfirmationMissing], (1, 0, 1));
    firefox a_commit_that_hangs_after_storing_is_submitted_by_look_up: from_start(CommitHangsAfter) => submitted();
    chromium a_commit_answered_by_the_sign_in_page_is_in_doubt:
        from_start(CommitNeedsLogin) => doubt(&[HaltCode::ConfirmationMissing], (1, 0, 1));
    chromium a_commit_stored_twice_is_in_doubt: from_start(CommitDoubled) => doubt(&[HaltCode::DuplicateInPortal], (0, 2, 1));
    chromium a_commit_stored_otherwise_is_in_doubt: from_start(CommitStoredOtherwise) => doubt(&[HaltCode::SummaryDiffers], (0, 1, 1));
    chromium a_missing_number_is_submitted_by_look_up: from_start(NumberMissing) => submitted();
    sweep a_foreign_number_is_in_doubt: from_start(NumberForeign) => doubt(&[HaltCode::ConfirmationForeign], (0, 1, 1));
    sweep a_malformed_number_is_in_doubt: from_start(NumberMalformed) => doubt(&[HaltCode::ConfirmationMalformed], (0, 1, 1));
    chromium a_session_that_ends_before_entry_is_renewed: from_start(SessionEndsOnForm) => submitted();
    sweep a_session_that_ends_where_only_reading_follows_is_renewed: after_draft(SessionEnds) => submitted();
    firefox a_session_that_ends_on_saving_is_renewed_and_one_draft_is_made:
        from_start(SessionEndsOnSave) => submitted();
    sweep a_session_that_ends_on_every_save_halts: from_start(SessionNeverHolds) => abandoned(&[HaltCode::SessionLost]);
    chromium a_session_that_ends_while_a_tab_is_filled_is_renewed: from_start(SessionEndsOnLookUp) => submitted();
    sweep a_session_that_ends_on_uploading_is_renewed: from_start(SessionEndsOnUpload) => submitted();
}

browser_tests! {
    chromium async fn an_existing_exception_halts_before_entry(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::ExistingException))).await;
        let run = rig.run().await;
        assert_eq!(
            (run.get().outcome, codes(&run)),
            (Outcome::HaltedAbandoned, vec![HaltCode::ExistingException]),
            "{}",
            told(&run)
        );
        let oracle = rig.oracle();
        // The other draft is as it was, and nothing was added.
        assert_eq!((oracle.drafts.len(), oracle.save_requests, oracle.commit_requests), (1, 0, 0));
        assert_eq!(oracle.drafts[0].reference, "DRF-000900");
    }

    chromium async fn a_portal_that_hangs_before_entry_is_the_environment(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::PagesHang))).await;
        let rig = rig.with_map(|map| map.replace("ready_s = 20", "ready_s = 3"));
        let run = rig.run().await;
        // Before the first keystroke, a portal that does not answer is the environment.
        assert_eq!((run.get().outcome, codes(&run)), (Outcome::Environment, vec![]), "{}", told(&run));
        assert_eq!((rig.oracle().drafts.len(), rig.oracle().commit_requests), (0, 0));
    }

    chromium async fn a_portal_that_hangs_midway_keeps_the_draft(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::after_draft(Fault::PagesHang))).await;
        let rig = rig.with_map(|map| map.replace("ready_s = 20", "ready_s = 3"));
        let run = rig.run().await;
        assert_eq!(
            (run.get().outcome, codes(&run)),
            (Outcome::HaltedDraft, vec![HaltCode::PortalTimeout]),
            "{}",
            told(&run)
        );
        assert_eq!(run.get().draft_state, Some(DraftState::Unread));
        assert_eq!((rig.oracle().drafts.len(), rig.oracle().commit_requests), (1, 0));
    }

    chromium async fn of_a_commit_sent_twice_at_most_one_is_released(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::CommitSentTwice))).await;
        let run = rig.run().await;
        let (oracle, document) = (rig.oracle(), run.get());
        // Which of the two arrives first, and whether the browser sends both, is the browser's. One may leave, no more;
        // the other is refused, and forbids the release if it comes before it.
        match document.outcome {
            Outcome::Submitted => {
                assert_eq!((oracle.commit_requests, oracle.submitted.len()), (1, 1), "{}", told(&run));
            }
            Outcome::HaltedDraft => {
                // The second one counts as a stray; or the browser gives the first one up for it, and nothing waits any more.
                let (stray, given_up) = ([HaltCode::UnexpectedCommitAttempt], [HaltCode::HoldExpired]);
                assert!([&stray[..], &given_up[..]].contains(&codes(&run).as_slice()), "{}", told(&run));
                assert_eq!((oracle.commit_requests, oracle.drafts.len()), (0, 1), "{}", told(&run));
            }
            _ => panic!("{}", told(&run)),
        }
        assert_eq!(oracle.commit_requests, document.commit_requests_released);
    }

    firefox async fn a_page_that_fetches_the_answer_is_waited_for(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::CommitFetched))).await;
        let run = rig.run().await;
        assert_eq!((run.get().outcome, codes(&run)), (Outcome::Submitted, vec![]), "{}", told(&run));
        assert_eq!(rig.oracle().submitted.len(), 1);
    }

    firefox async fn late_validation_is_waited_for(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::LateValidation))).await;
        let run = rig.run().await;
        assert_eq!(
            (run.get().outcome, codes(&run)),
            (Outcome::HaltedDraft, vec![HaltCode::ValidationRejected]),
            "{}",
            told(&run)
        );
        // On the tab it belongs to, or at the latest on saving: the browser decides when its question leaves.
        assert!(matches!(run.get().draft_state, Some(DraftState::Partial | DraftState::Unread)), "{}", told(&run));
        assert_eq!((rig.oracle().drafts.len(), rig.oracle().commit_requests), (1, 0));
    }
}
