//! What record, approvals, owners and the freeze calendar must agree on, before a browser is started.

use crate::decide_table::{Case, NOW, at, file};
use portal_agent::decide::policy::Policy;
use portal_agent::decide::reconcile::{self, PacketFacts};
use portal_agent::decide::rules::record::{FileState, claimed_by_another_run, earlier_run_in_doubt, packet_changed};
use portal_agent::decide::verdict::{FactSource, HaltCode, Stage, Verdict};
use portal_agent::model::calendar::{Blackout, FreezeCalendar};
use portal_agent::model::digest::Digest;
use portal_agent::model::gates::{Gates, SignatureFault, SignatureFinding};
use portal_agent::model::ids::{AttachmentRole, BlackoutId, ChangeId, PersonId};
use portal_agent::model::packet::packet_digest;
use portal_agent::model::record::ChangeRecord;
use portal_agent::model::time::ChangeWindow;
use portal_agent::reference_portal::example::{ExampleTimes, approved, exception};
use serde_json::{Value, json};

#[test]
fn an_approved_record_proceeds() {
    Case::new().proceeds();
}

#[test]
fn revision_not_approved_when_the_packet_changed_after_the_manifest_was_made() {
    use HaltCode::{ApprovalForOtherRevision, RevisionNotApproved};
    Case::new().set("/exception/title", "Something else").halts_with(&[RevisionNotApproved, ApprovalForOtherRevision]);
    Case::new().set("/exception/revision", 5).halts_with(&[RevisionNotApproved, ApprovalForOtherRevision]);
    // Where a file lies is not what was approved; what it holds is.
    Case::new().set("/exception/attachments/0/path", "elsewhere/plan.pdf").proceeds();
    Case::new().asking(|exception| exception["title"] = "Something else".into()).proceeds();
}

#[test]
fn scope_mismatch_when_service_environment_scope_or_portal_exceed_the_approval() {
    for pointer in ["/remediation/service", "/remediation/environment", "/remediation/scope"] {
        Case::new().set(pointer, "another").halts_with(&[HaltCode::ScopeMismatch]);
    }
    let elsewhere = Case { portal: "https://portal2.example.test/", ..Case::new() };
    elsewhere.halts_with(&[HaltCode::ScopeMismatch]);
    Case { portal: "https://portal.example.test/some/path", ..Case::new() }.proceeds();
    Case { portal: "https://portal.example.test:443/", ..Case::new() }.proceeds();
}

#[test]
fn category_mismatch_when_remediation_or_boundary_name_another_category() {
    Case::new().set("/remediation/category", "regulatory").halts_with(&[HaltCode::CategoryMismatch]);
    Case::new().set("/manifest/boundary/category", "regulatory").halts_with(&[HaltCode::CategoryMismatch]);
}

#[test]
fn rollback_missing_when_there_is_no_plan_or_no_attachment_of_it() {
    Case::new().asking(|exception| exception["rollback"] = Value::Null).halts_with(&[HaltCode::RollbackMissing]);
    let without = |exception: &mut Value| exception["attachments"] = json!([file("test-evidence", b"tests")]);
    Case::new().asking(without).halts_with(&[HaltCode::RollbackMissing]);
    let alone = |exception: &mut Value| exception["attachments"] = json!([file("rollback-plan", b"plan")]);
    Case::new().asking(alone).proceeds();
}

#[test]
fn rollback_version_mismatch_when_the_remediation_names_another_plan_or_version() {
    Case::new().set("/remediation/rollback/version", "3.3").halts_with(&[HaltCode::RollbackVersionMismatch]);
    Case::new().set("/remediation/rollback/plan", "RBK-1").halts_with(&[HaltCode::RollbackVersionMismatch]);
}

#[test]
fn attachment_digest_mismatch_when_a_file_changed_or_is_gone() {
    let role = |name: &str| AttachmentRole::parse(name).unwrap();
    let state = |name: &str, content: &[u8]| FileState {
        role: role(name),
        sha256: Digest::of(content),
        size: content.len() as u64,
    };
    let with = |files| Case { files: Some(files), ..Case::new() };
    with(vec![state("rollback-plan", b"plan"), state("test-evidence", b"tests")]).proceeds();
    let changed = vec![state("rollback-plan", b"plam"), state("test-evidence", b"tests")];
    with(changed).halts_with(&[HaltCode::AttachmentDigestMismatch]);
    with(vec![state("rollback-plan", b"plan")]).halts_with(&[HaltCode::AttachmentDigestMismatch]);
}

#[test]
fn owner_mismatch_when_the_ownership_record_names_another_owner_or_service() {
    Case::new().set("/ownership/owner", "someone.else").halts_with(&[HaltCode::OwnerMismatch]);
    Case::new().set("/ownership/service", "search-api").halts_with(&[HaltCode::OwnerMismatch]);
    // Whoever signs as service owner has to be the owner of record.
    let another_signs = |record: &mut Value| {
        record["manifest"]["signers"][0]["approver"] = "someone.else".into();
        record["approvals"][0]["approver"] = "someone.else".into();
    };
    Case::new().then(another_signs).halts_with(&[HaltCode::OwnerMismatch]);
}

#[test]
fn incident_mismatch_when_the_remediation_is_for_another_incident() {
    Case::new().set("/remediation/incident", "INC1").halts_with(&[HaltCode::IncidentMismatch]);
}

#[test]
fn claimed_by_another_run_names_its_holder() {
    let reason = claimed_by_another_run(&ChangeId::parse("CHG1").unwrap(), "run r1 (process 7)");
    assert_eq!(reason.code, HaltCode::ClaimedByAnotherRun);
    assert_eq!(reason.observed.text().expose(), "run r1 (process 7)");
    // Nobody but the agent knows of its other runs.
    assert_eq!(reason.source, FactSource::Agent);
    let doubt = earlier_run_in_doubt(&ChangeId::parse("CHG1").unwrap(), "run r1");
    assert_eq!((doubt.code, doubt.source), (HaltCode::EarlierRunInDoubt, FactSource::Agent));
}

#[test]
fn revision_not_approved_when_the_packet_is_another_than_the_run_began_with() {
    let (first, now) = (Digest::of(b"first"), Digest::of(b"now"));
    assert_eq!(packet_changed(first, first), None);
    let reason = packet_changed(first, now).unwrap();
    assert_eq!((reason.code, reason.stage), (HaltCode::RevisionNotApproved, Stage::Recheck));
    assert_eq!(reason.expected.text().expose(), &first.to_string());
    assert_eq!(reason.observed.text().expose(), &now.to_string());
}

#[test]
fn approval_missing_when_a_required_role_is_undecided_or_no_signer() {
    let undecided = |record: &mut Value| drop(record["approvals"].as_array_mut().unwrap().pop());
    Case::new().then(undecided).halts_with(&[HaltCode::ApprovalMissing]);
    let unsigned = |record: &mut Value| {
        record["approvals"].as_array_mut().unwrap().pop();
        record["manifest"]["signers"].as_array_mut().unwrap().pop();
    };
    Case::new().then(unsigned).halts_with(&[HaltCode::ApprovalMissing]);
    let in_another_order = |record: &mut Value| record["approvals"].as_array_mut().unwrap().reverse();
    Case::new().then(in_another_order).proceeds();
}

#[test]
fn approval_stale_when_too_old_expired_or_from_the_future() {
    // Decided at 11:00 the same day; three days later to the second it still counts, one second later it does not.
    let keep = |record: &mut Value| {
        record["manifest"]["expires_at"] = "2027-01-01T00:00:00Z".into();
        for window in ["/exception/window", "/manifest/window", "/remediation/window"] {
            record.pointer_mut(window).unwrap()["end"] = "2026-12-01T00:00:00Z".into();
        }
        let packet = json!(packet_digest(&serde_json::from_value(record.clone()).unwrap()).unwrap());
        record["manifest"]["packet"] = packet.clone();
        record["approvals"].as_array_mut().unwrap().iter_mut().for_each(|approval| approval["packet"] = packet.clone());
    };
    Case { now: "2026-11-24T11:00:00Z", ..Case::new() }.then(keep).proceeds();
    Case { now: "2026-11-24T11:00:01Z", ..Case::new() }.then(keep).halts_with(&[HaltCode::ApprovalStale]);
    Case { now: "2026-11-21T10:59:59Z", ..Case::new() }.halts_with(&[HaltCode::ApprovalStale]);
    Case::new().set("/manifest/expires_at", NOW).halts_with(&[HaltCode::ApprovalStale]);
    Case::new().set("/manifest/expires_at", "2026-11-21T12:00:01Z").proceeds();
}

#[test]
fn approval_revoked_when_any_decision_is_not_an_approval() {
    for decision in ["revoked", "rejected"] {
        Case::new().set("/approvals/1/decision", decision).halts_with(&[HaltCode::ApprovalRevoked]);
    }
    // An approval beside a revocation in the same role does not heal it.
    let both = |record: &mut Value| {
        let mut revoked = record["approvals"][0].clone();
        revoked["decision"] = "revoked".into();
        record["approvals"].as_array_mut().unwrap().push(revoked);
    };
    Case::new().then(both).halts_with(&[HaltCode::ApprovalRevoked]);
}

#[test]
fn approval_for_other_revision_when_it_names_another_digest() {
    let other = Digest::of(b"another revision").to_string();
    Case::new().set("/approvals/0/packet", other).halts_with(&[HaltCode::ApprovalForOtherRevision]);
}

#[test]
fn an_approval_that_was_renewed_for_this_packet_is_history() {
    let other = Digest::of(b"another revision").to_string();
    let beside = |change: fn(&mut Value), packet: Option<&str>| {
        let packet = packet.map(str::to_owned);
        Case::new().then(move |record: &mut Value| {
            let mut old = record["approvals"][0].clone();
            old["decided_at"] = "2026-11-20T11:00:00Z".into();
            if let Some(packet) = packet {
                old["packet"] = packet.into();
            }
            change(&mut old);
            record["approvals"].as_array_mut().unwrap().insert(0, old);
        })
    };
    let for_other = |change| beside(change, Some(&other));
    for_other(|_| {}).proceeds();
    beside(|old| old["decided_at"] = "2026-11-01T11:00:00Z".into(), None).proceeds();
    let findings = |case: Case| {
        let valid = |key: &str| SignatureFinding::Valid { key: key.into() };
        let forged = SignatureFinding::Invalid { fault: SignatureFault::Forged };
        case.gates(move |gates| gates.signatures = vec![forged, valid("a"), valid("b"), valid("c")])
    };
    findings(for_other(|_| {})).proceeds();
    // What was decided after the approval for this packet, or by somebody else, has not been renewed.
    let other_revision = [HaltCode::ApprovalForOtherRevision];
    for_other(|old| old["decided_at"] = "2026-11-21T11:00:00Z".into()).halts_with(&other_revision);
    for_other(|old| old["approver"] = "li.novak".into())
        .halts_with(&[HaltCode::ApprovalForOtherRevision, HaltCode::ApproverMismatch]);
    // What renews it has to count itself.
    let late = "2026-11-24T11:00:01Z";
    let stale = [HaltCode::ApprovalForOtherRevision, HaltCode::ApprovalStale, HaltCode::WindowMismatch];
    Case { now: late, ..for_other(|_| {}) }.halts_with(&stale);
    let early = "2026-11-21T10:59:59Z";
    Case { now: early, ..for_other(|_| {}) }.halts_with(&[HaltCode::ApprovalForOtherRevision, HaltCode::ApprovalStale]);
    // A rejection stays one.
    for_other(|old| old["decision"] = "rejected".into())
        .halts_with(&[HaltCode::ApprovalForOtherRevision, HaltCode::ApprovalRevoked]);
}

#[test]
fn accounts_that_differ_in_case_alone_are_one_person() {
    Case::new().set("/approvals/0/approver", "Maria.Chen").proceeds();
    Case::new().set("/ownership/owner", "Maria.Chen").proceeds();
    Case::new().set("/manifest/signers/0/approver", "MARIA.CHEN").proceeds();
}

#[test]
fn approver_mismatch_when_another_person_or_another_role_decided() {
    Case::new().set("/approvals/0/approver", "someone.else").halts_with(&[HaltCode::ApproverMismatch]);
    let further = |record: &mut Value| {
        let mut approval = record["approvals"][0].clone();
        approval["role"] = "mascot".into();
        approval["approver"] = "felix".into();
        record["approvals"].as_array_mut().unwrap().push(approval);
    };
    Case::new().then(further).halts_with(&[HaltCode::ApproverMismatch]);
}

#[test]
fn segregation_of_duties_when_requester_operator_or_a_second_role_approves() {
    Case { operator: "tom.okafor", ..Case::new() }.halts_with(&[HaltCode::SegregationOfDuties]);
    Case { operator: "Tom.Okafor", ..Case::new() }.halts_with(&[HaltCode::SegregationOfDuties]);
    Case { account: "tom.okafor", ..Case::new() }.halts_with(&[HaltCode::SegregationOfDuties]);
    let by_requester = |exception: &mut Value| exception["requester"] = "ines.duarte".into();
    Case::new().asking(by_requester).halts_with(&[HaltCode::SegregationOfDuties]);
    let twice = |record: &mut Value| {
        for role in [1, 2] {
            record["manifest"]["signers"][role]["approver"] = "ines.duarte".into();
            record["approvals"][role]["approver"] = "ines.duarte".into();
        }
    };
    Case::new().then(twice).halts_with(&[HaltCode::SegregationOfDuties]);
    Case { resumed_by: Some("tom.okafor"), ..Case::new() }.halts_with(&[HaltCode::SegregationOfDuties]);
    Case { resumed_by: Some("dana.reyes"), ..Case::new() }.proceeds();
    // Who asks may run the agent: neither of the two approves.
    Case { operator: "dana.reyes", ..Case::new() }.proceeds();
}

#[test]
fn window_mismatch_when_the_approved_window_is_another_or_over() {
    for pointer in ["/manifest/window/end", "/remediation/window/end"] {
        Case::new().set(pointer, "2026-11-22T08:59:59Z").halts_with(&[HaltCode::WindowMismatch]);
    }
    let over = Case { now: "2026-11-22T09:00:00Z", ..Case::new() };
    over.halts_with(&[HaltCode::WindowMismatch]);
    Case { now: "2026-11-22T08:59:59Z", ..Case::new() }.proceeds();
}

#[test]
fn window_not_covered_when_it_touches_no_excepted_blackout() {
    let ends_as_the_window_starts =
        |exception: &mut Value| exception["excepts"][0]["end"] = "2026-11-22T07:00:00Z".into();
    let calendar = |end: &'static str| move |calendar: &mut FreezeCalendar| calendar.blackouts[0].window.end = at(end);
    Case::new()
        .asking(ends_as_the_window_starts)
        .calendar(calendar("2026-11-22T07:00:00Z"))
        .halts_with(&[HaltCode::WindowNotCovered]);
    let ends_a_second_later = |exception: &mut Value| exception["excepts"][0]["end"] = "2026-11-22T07:00:01Z".into();
    Case::new().asking(ends_a_second_later).calendar(calendar("2026-11-22T07:00:01Z")).proceeds();
}

fn another_blackout(start: &str, end: &str) -> Blackout {
    Blackout {
        id: BlackoutId::parse("PAYROLL").unwrap(),
        window: ChangeWindow { start: at(start), end: at(end) },
        admits: vec!["emergency-fix".into()],
        kinds: Vec::new(),
        environments: Vec::new(),
    }
}

#[test]
fn blackout_overlap_when_the_window_reaches_into_a_blackout_it_does_not_name() {
    // The window is 07:00 to 09:00: overlapping its last second counts, touching its end does not.
    let with = |start, end| Case::new().calendar(|calendar| calendar.blackouts.push(another_blackout(start, end)));
    with("2026-11-22T08:59:59Z", "2026-11-23T00:00:00Z").halts_with(&[HaltCode::BlackoutOverlap]);
    with("2026-11-22T09:00:00Z", "2026-11-23T00:00:00Z").proceeds();
    with("2026-11-21T00:00:00Z", "2026-11-22T07:00:00Z").proceeds();
}

#[test]
fn freeze_window_changed_when_a_named_blackout_moved_or_vanished() {
    let moved = |calendar: &mut FreezeCalendar| calendar.blackouts[0].window.end = at("2027-02-01T00:00:00Z");
    Case::new().calendar(moved).halts_with(&[HaltCode::FreezeWindowChanged]);
    Case::new().calendar(|calendar| calendar.blackouts.clear()).halts_with(&[HaltCode::FreezeWindowChanged]);
}

#[test]
fn category_not_admitted_when_a_named_blackout_does_not_list_it() {
    let admit = |list: &[&str]| {
        let list: Vec<String> = list.iter().map(|text| (*text).to_owned()).collect();
        Case::new().calendar(move |calendar| calendar.blackouts[0].admits = list)
    };
    admit(&[]).halts_with(&[HaltCode::CategoryNotAdmitted]);
    admit(&["emergency"]).halts_with(&[HaltCode::CategoryNotAdmitted]);
    admit(&["regulatory", "emergency-fix"]).proceeds();
}

#[test]
fn a_conflict_more_never_unlocks() {
    // Every pair of conflicts halts with at least what either halts with alone.
    type Conflict = fn(&mut Value);
    let conflicts: [Conflict; 7] = [
        |record| record["remediation"]["environment"] = "staging".into(),
        |record| record["remediation"]["category"] = "regulatory".into(),
        |record| record["ownership"]["owner"] = "someone.else".into(),
        |record| record["approvals"][0]["decision"] = "revoked".into(),
        |record| record["approvals"][1]["packet"] = Digest::of(b"other").to_string().into(),
        |record| record["manifest"]["expires_at"] = "2020-01-01T00:00:00Z".into(),
        |record| record["manifest"]["window"]["end"] = "2031-01-01T00:00:00Z".into(),
    ];
    for first in conflicts {
        for second in conflicts {
            let both = Case::new()
                .then(move |record| {
                    first(record);
                    second(record);
                })
                .codes();
            assert!(both.is_superset(&Case::new().then(first).codes()) && !both.is_empty());
            assert!(both.is_superset(&Case::new().then(second).codes()));
        }
    }
}

#[test]
fn at_the_recheck_the_same_causes_give_the_same_codes() {
    let times = ExampleTimes::around(at(NOW).timestamp());
    let mut exception = exception(&times);
    exception["attachments"] = json!([]);
    let portal = "https://portal.example.test/".parse().unwrap();
    let record: ChangeRecord = serde_json::from_value(approved(exception, &portal, &times).unwrap()).unwrap();
    let facts = PacketFacts {
        record: &record,
        packet: Digest::of(b"another"),
        files: &[],
        operator: &PersonId::parse("op").unwrap(),
        account: "agent",
        resumed_by: None,
        portal: &portal,
        gates: &Gates::default(),
        policy: &Policy::default(),
        now: at(NOW),
    };
    let (Verdict::Halt(first), Verdict::Halt(second)) =
        (reconcile::packet(Stage::Packet, &facts), reconcile::packet(Stage::Recheck, &facts))
    else {
        panic!("both halt")
    };
    assert_eq!(first.iter().map(|r| r.code).collect::<Vec<_>>(), second.iter().map(|r| r.code).collect::<Vec<_>>());
    assert!(second.iter().all(|reason| reason.stage == Stage::Recheck));
}
