//! One case for each halt code that the record, the approvals, the freeze and the portal's values can cause, and for each a
//! near miss that must not halt.

use std::collections::BTreeSet;

use portal_agent::decide::policy::ApprovalPolicy;
use portal_agent::decide::reconcile::{
    self, PacketFacts, draft_may_be_saved, drafted_tab, filled_tab, packet, recheck_panel, summary, surveyed_tab,
    uploads,
};
use portal_agent::decide::rules::commit::commit_payload_differs;
use portal_agent::decide::rules::confirmation::{AfterRelease, Proof, Said, agreed, proof};
use portal_agent::decide::rules::record::{FileState, claimed_by_another_run};
use portal_agent::decide::rules::resumption::{Course, course};
use portal_agent::decide::verdict::{HaltCode, Stage, Verdict};
use portal_agent::model::banner::{BannerMeaning, BannerRule};
use portal_agent::model::calendar::{Blackout, FreezeCalendar};
use portal_agent::model::digest::Digest;
use portal_agent::model::form::{
    FormPlan, FormValue, ParameterContent, PlannedField, PlannedFile, PlannedParameter, PlannedTab, RecordPath,
    WidgetKind,
};
use portal_agent::model::ids::{AttachmentRole, BlackoutId, ChangeId, DraftReference, FieldId, PersonId, Role, TabId};
use portal_agent::model::left::Left;
use portal_agent::model::observed::{
    Found, ListedFile, ObservedBanner, ObservedControl, ObservedPage, ObservedTab, StrangeControl,
};
use portal_agent::model::packet::packet_digest;
use portal_agent::model::portal_facts::{CommitContent, Created, ListedException, ListedState, LookedUp};
use portal_agent::model::private::Private;
use portal_agent::model::record::ChangeRecord;
use portal_agent::model::time::{ChangeWindow, Instant};
use portal_agent::reference_portal::example::{ExampleTimes, approved, exception};
use regex::Regex;
use serde_json::{Value, json};

const NOW: &str = "2026-11-21T12:00:00Z";

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// A case about everything that is judged without a browser.
struct Case {
    exception: Value,
    after_approval: Box<dyn FnOnce(&mut Value)>,
    calendar: FreezeCalendar,
    files: Option<Vec<FileState>>,
    operator: &'static str,
    account: &'static str,
    resumed_by: Option<&'static str>,
    portal: &'static str,
    now: &'static str,
}

fn file(role: &str, content: &[u8]) -> Value {
    json!({
        "role": role, "name": format!("{role}.pdf"), "path": format!("{role}.pdf"),
        "size": content.len(), "sha256": Digest::of(content),
    })
}

impl Case {
    fn new() -> Self {
        let times = ExampleTimes::around(at(NOW).timestamp());
        let mut exception = exception(&times);
        exception["attachments"] = json!([file("rollback-plan", b"plan"), file("test-evidence", b"tests")]);
        let window = ChangeWindow { start: times.blackout.0.into(), end: times.blackout.1.into() };
        let blackout = Blackout {
            id: BlackoutId::parse("YEAR-END-COMMERCE").unwrap(),
            window,
            admits: vec!["emergency-fix".into()],
        };
        Self {
            exception,
            after_approval: Box::new(|_| {}),
            calendar: FreezeCalendar { blackouts: vec![blackout] },
            files: None,
            operator: "op.night",
            account: "portal.robot",
            resumed_by: None,
            portal: "https://portal.example.test/",
            now: NOW,
        }
    }

    /// Changes the exception before it is approved.
    fn asking(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.exception);
        self
    }

    /// Changes the record after it was approved.
    fn then(mut self, change: impl FnOnce(&mut Value) + 'static) -> Self {
        self.after_approval = Box::new(change);
        self
    }

    fn set(self, pointer: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.then(move |record| *record.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value)
    }

    fn calendar(mut self, change: impl FnOnce(&mut FreezeCalendar)) -> Self {
        change(&mut self.calendar);
        self
    }

    fn codes(self) -> BTreeSet<HaltCode> {
        let times = ExampleTimes::around(at(NOW).timestamp());
        let portal = "https://portal.example.test/".parse().unwrap();
        let mut record = approved(self.exception, &portal, &times).unwrap();
        (self.after_approval)(&mut record);
        let record: ChangeRecord = serde_json::from_value(record).unwrap();
        let digest = packet_digest(&record).unwrap();
        let files = self.files.unwrap_or_else(|| {
            record
                .exception
                .attachments
                .iter()
                .map(|file| FileState { role: file.role.clone(), sha256: file.sha256, size: file.size })
                .collect()
        });
        let policy = ApprovalPolicy {
            required_roles: ["service-owner", "incident-commander", "change-authority"]
                .map(|r| Role::parse(r).unwrap())
                .into(),
            max_age_s: 72 * 3600,
        };
        let resumed_by = self.resumed_by.map(|who| PersonId::parse(who).unwrap());
        let facts = PacketFacts {
            record: &record,
            packet: digest,
            files: &files,
            operator: &PersonId::parse(self.operator).unwrap(),
            account: self.account,
            resumed_by: resumed_by.as_ref(),
            portal: &self.portal.parse().unwrap(),
            calendar: &self.calendar,
            policy: &policy,
            now: at(self.now),
        };
        codes(packet(Stage::Packet, &facts))
    }

    fn halts_with(self, expected: &[HaltCode]) {
        assert_eq!(self.codes(), expected.iter().copied().collect());
    }

    fn proceeds(self) {
        self.halts_with(&[]);
    }
}

fn codes(verdict: Verdict) -> BTreeSet<HaltCode> {
    match verdict {
        Verdict::Proceed(()) => BTreeSet::new(),
        Verdict::Halt(reasons) => reasons.iter().map(|reason| reason.code).collect(),
    }
}

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

// Tabs and pages.

fn planned(id: &str, widget: WidgetKind, path: RecordPath, value: FormValue) -> PlannedField {
    let options = match (&value, widget) {
        (FormValue::Text(text), WidgetKind::Select) => vec![text.clone()],
        _ => Vec::new(),
    };
    PlannedField {
        id: FieldId::parse(id).unwrap(),
        label: Some(id.to_owned()),
        widget,
        required: false,
        path,
        value: Private::new(value),
        options,
    }
}

fn text(id: &str, value: &str) -> PlannedField {
    planned(id, WidgetKind::Text, RecordPath::Title, FormValue::Text(value.into()))
}

fn seen(field: &PlannedField) -> ObservedControl {
    ObservedControl {
        label: Private::new(field.label.clone().unwrap_or_default()),
        required: field.required,
        editable: true,
        options: field.options.iter().cloned().map(Private::new).collect(),
        value: field.value.clone(),
        complaint: None,
    }
}

fn tab(field: &PlannedField) -> PlannedTab {
    PlannedTab { id: TabId::parse("t").unwrap(), fields: vec![field.clone()], files: Vec::new() }
}

fn observed(field: &PlannedField, found: Found<ObservedControl>) -> ObservedTab {
    ObservedTab {
        tab: TabId::parse("t").unwrap(),
        controls: [(field.id.clone(), found)].into(),
        strange_required: Vec::new(),
        banners: Vec::new(),
        files: Default::default(),
    }
}

fn surveyed(field: &PlannedField, found: Found<ObservedControl>) -> BTreeSet<HaltCode> {
    codes(surveyed_tab(&tab(field), &observed(field, found), &[]))
}

fn changed(field: &PlannedField, change: impl FnOnce(&mut ObservedControl)) -> Found<ObservedControl> {
    let mut control = seen(field);
    change(&mut control);
    Found::One(control)
}

fn only(code: HaltCode) -> BTreeSet<HaltCode> {
    [code].into()
}

#[test]
fn control_missing_and_ambiguous_when_a_control_is_not_there_exactly_once() {
    let field = text("title", "x");
    assert_eq!(surveyed(&field, Found::One(seen(&field))), BTreeSet::new());
    assert_eq!(surveyed(&field, Found::Absent), only(HaltCode::ControlMissing));
    assert_eq!(surveyed(&field, Found::Several(2)), only(HaltCode::ControlAmbiguous));
    let locked = changed(&field, |control| {
        control.editable = false;
        control.value = Private::new(FormValue::Text(String::new()));
    });
    assert_eq!(surveyed(&field, locked), only(HaltCode::ControlMissing));
    // A locked control that already holds the value needs no entry.
    assert_eq!(surveyed(&field, changed(&field, |control| control.editable = false)), BTreeSet::new());
}

#[test]
fn label_changed_when_the_words_differ_and_not_when_only_their_decoration_does() {
    let field = text("Service", "x");
    let labelled = |label: &str| changed(&field, |control| control.label = Private::new(label.into()));
    assert_eq!(surveyed(&field, labelled("Back-out plan")), only(HaltCode::LabelChanged));
    assert_eq!(surveyed(&field, labelled("service")), only(HaltCode::LabelChanged));
    assert_eq!(surveyed(&field, labelled("Service *")), BTreeSet::new());
    assert_eq!(surveyed(&field, labelled("Service:")), BTreeSet::new());
}

#[test]
fn unexpected_required_field_for_a_strange_control_and_for_a_blank_one_that_became_mandatory() {
    let field = text("title", "x");
    let mut with = observed(&field, Found::One(seen(&field)));
    with.strange_required.push(StrangeControl { label: Private::new("Finance code".into()) });
    assert_eq!(codes(surveyed_tab(&tab(&field), &with, &[])), only(HaltCode::UnexpectedRequiredField));
    let blank = text("note", "");
    let mandatory = changed(&blank, |control| control.required = true);
    assert_eq!(surveyed(&blank, mandatory), only(HaltCode::UnexpectedRequiredField));
    // One that has a value may become mandatory.
    assert_eq!(surveyed(&field, changed(&field, |control| control.required = true)), BTreeSet::new());
}

#[test]
fn option_missing_when_the_choice_is_not_offered() {
    let field = planned("category", WidgetKind::Select, RecordPath::Category, FormValue::Text("Emergency fix".into()));
    let offering = |list: &[&str]| {
        changed(&field, |control| control.options = list.iter().map(|text| Private::new((*text).into())).collect())
    };
    assert_eq!(surveyed(&field, offering(&["Emergency", "Other"])), only(HaltCode::OptionMissing));
    assert_eq!(surveyed(&field, offering(&["Other", "Emergency fix"])), BTreeSet::new());
}

#[test]
fn a_read_only_value_that_differs_halts_with_the_code_of_its_kind() {
    let cases = [
        (RecordPath::ServiceOwner, HaltCode::OwnerMismatch),
        (RecordPath::ExceptsEnd, HaltCode::FreezeWindowChanged),
        (RecordPath::Approver("service-owner".into()), HaltCode::ApproverMismatch),
        (RecordPath::Constant, HaltCode::ApprovalRevoked),
        (RecordPath::WindowStart, HaltCode::WindowMismatch),
        (RecordPath::Category, HaltCode::CategoryMismatch),
        (RecordPath::Incident, HaltCode::IncidentMismatch),
        (RecordPath::RollbackVersion, HaltCode::RollbackVersionMismatch),
        (RecordPath::Environment, HaltCode::ScopeMismatch),
        (RecordPath::Title, HaltCode::SummaryDiffers),
    ];
    for (path, code) in cases {
        let field = planned("shown", WidgetKind::ReadOnly, path, FormValue::Text("as approved".into()));
        let other = changed(&field, |control| control.value = Private::new(FormValue::Text("otherwise".into())));
        assert_eq!(surveyed(&field, other.clone()), only(code));
        let plan = FormPlan { recheck: vec![field.clone()], ..FormPlan::default() };
        let page = ObservedPage { lines: [(field.id.clone(), other)].into(), banners: Vec::new(), files: None };
        assert_eq!(codes(recheck_panel(&plan, &page, &[])), only(code));
        assert_eq!(surveyed(&field, Found::One(seen(&field))), BTreeSet::new());
    }
}

#[test]
fn value_not_held_and_validation_rejected_after_entry() {
    let field = text("title", "pool fix");
    let filled = |found| codes(filled_tab(&tab(&field), &observed(&field, found), &[]));
    assert_eq!(filled(Found::One(seen(&field))), BTreeSet::new());
    let other = changed(&field, |control| control.value = Private::new(FormValue::Text("pool fi".into())));
    assert_eq!(filled(other), only(HaltCode::ValueNotHeld));
    let refused = changed(&field, |control| control.complaint = Some(Private::new("no".into())));
    assert_eq!(filled(refused), only(HaltCode::ValidationRejected));
}

#[test]
fn draft_differs_when_the_server_stored_something_else() {
    let field = text("title", "pool fix");
    let drafted = |found| codes(drafted_tab(&tab(&field), &observed(&field, found), &[]));
    assert_eq!(drafted(Found::One(seen(&field))), BTreeSet::new());
    let other = changed(&field, |control| control.value = Private::new(FormValue::Text("POOL FIX".into())));
    assert_eq!(drafted(other), only(HaltCode::DraftDiffers));
}

#[test]
fn attachment_differs_when_a_listed_file_is_not_the_one_that_was_sent() {
    let field = FieldId::parse("file").unwrap();
    let sent = PlannedFile {
        field: field.clone(),
        role: AttachmentRole::parse("rollback-plan").unwrap(),
        name: "plan.pdf".into(),
        size: 4,
        sha256: Digest::of(b"plan"),
    };
    let planned = PlannedTab { files: vec![sent], ..tab(&text("x", "y")) };
    type Row<'a> = (&'a str, Option<u64>, Option<&'a [u8]>);
    let listed = |files: &[Row<'_>]| {
        let files = files.iter().map(|(name, size, content)| ListedFile {
            name: Private::new((*name).into()),
            size: *size,
            sha256: content.map(Digest::of),
        });
        let mut tab = observed(&text("x", "y"), Found::Absent);
        tab.files = [(field.clone(), files.collect())].into();
        codes(uploads(Stage::Attach, &planned, &tab))
    };
    let differs = only(HaltCode::AttachmentDiffers);
    assert_eq!(listed(&[("plan.pdf", Some(4), Some(b"plan"))]), BTreeSet::new());
    assert_eq!(listed(&[("plan.pdf", None, None)]), BTreeSet::new(), "what is not listed cannot differ");
    assert_eq!(listed(&[]), differs);
    assert_eq!(listed(&[("plan.PDF", Some(4), None)]), differs);
    assert_eq!(listed(&[("plan.pdf", Some(5), None)]), differs);
    assert_eq!(listed(&[("plan.pdf", Some(4), Some(b"plam"))]), differs);
    assert_eq!(listed(&[("plan.pdf", None, None), ("plan.pdf", None, None)]), differs);
    assert_eq!(listed(&[("plan.pdf", None, None), ("more.pdf", None, None)]), differs);
}

#[test]
fn summary_differs_when_the_portal_states_something_else() {
    let line = planned("env", WidgetKind::ReadOnly, RecordPath::Environment, FormValue::Text("Production".into()));
    let plan = FormPlan { review: vec![line.clone()], ..FormPlan::default() };
    let judged = |found| {
        let page = ObservedPage { lines: [(line.id.clone(), found)].into(), banners: Vec::new(), files: None };
        codes(summary(Stage::Review, &plan.review, &plan, &page, &[]))
    };
    assert_eq!(judged(Found::One(seen(&line))), BTreeSet::new());
    let other = changed(&line, |control| control.value = Private::new(FormValue::Text("All environments".into())));
    assert_eq!(judged(other), only(HaltCode::SummaryDiffers));
}

#[test]
fn banners_halt_by_their_meaning_and_unlisted_ones_always() {
    let rule = |text: &str, meaning| BannerRule { pattern: Regex::new(text).unwrap(), meaning };
    let rules = [
        rule("Year-end freeze is in force", BannerMeaning::Harmless),
        rule("also authorise", BannerMeaning::ScopeBroadening),
        rule("signed out", BannerMeaning::SessionLost),
        rule("failed", BannerMeaning::PortalError),
        rule("refused", BannerMeaning::ValidationRejected),
    ];
    let field = text("title", "x");
    let with = |banner: &str| {
        let mut tab_seen = observed(&field, Found::One(seen(&field)));
        tab_seen.banners.push(ObservedBanner { text: Private::new(banner.into()) });
        codes(surveyed_tab(&tab(&field), &tab_seen, &rules))
    };
    assert_eq!(with("Year-end freeze is in force."), BTreeSet::new());
    assert_eq!(with("This will also authorise PAYMENTS"), only(HaltCode::ScopeBroadening));
    assert_eq!(with("You were signed out"), only(HaltCode::SessionLost));
    assert_eq!(with("Saving failed"), only(HaltCode::PortalError));
    assert_eq!(with("Value refused"), only(HaltCode::ValidationRejected));
    assert_eq!(with("Something new"), only(HaltCode::UnexpectedBanner));
    // What is harmless does not excuse what stands beside it.
    assert_eq!(
        with("Year-end freeze is in force. Approval will also authorise PAYMENTS."),
        only(HaltCode::ScopeBroadening)
    );
    assert_eq!(with("Year-end freeze is in force. Ask Risk first."), only(HaltCode::UnexpectedBanner));
    assert_eq!(with("Year-end freeze is in force! freeze is in force."), only(HaltCode::UnexpectedBanner));
}

fn row(number: &str, change: &str, state: ListedState) -> ListedException {
    ListedException {
        number: number.into(),
        change_id: change.into(),
        state,
        created: Created::At(at(NOW)),
        recognised: true,
    }
}

#[test]
fn existing_exception_for_anything_open_but_this_very_submission() {
    let change = ChangeId::parse("CHG1").unwrap();
    let judge = |rows: &[ListedException]| course(&change, &Left::Nothing, rows);
    assert_eq!(judge(&[]), Course::Afresh);
    assert_eq!(judge(&[row("F1", "CHG1", ListedState::Closed)]), Course::Afresh);
    let submitted = row("F1", "CHG1", ListedState::Submitted);
    assert_eq!(judge(std::slice::from_ref(&submitted)), Course::PerhapsAlreadySubmitted(submitted.clone()));
    for rows in [
        vec![row("D1", "CHG1", ListedState::Draft)],
        vec![row("F1", "CHG2", ListedState::Submitted)],
        vec![row("F1", "CHG1", ListedState::Unknown)],
        vec![submitted.clone(), row("F2", "CHG1", ListedState::Submitted)],
        vec![submitted, row("D2", "CHG2", ListedState::Draft)],
    ] {
        let Course::Obstructed(reasons) = judge(&rows) else { panic!("{rows:?} was accepted") };
        let codes: Vec<HaltCode> = reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, vec![HaltCode::ExistingException; rows.len()]);
    }
}

#[test]
fn a_draft_of_an_earlier_run_is_gone_on_from_and_nothing_else_is() {
    let change = ChangeId::parse("CHG1").unwrap();
    let draft = |text: &str| DraftReference::parse(text).unwrap();
    let known = Left::Draft { draft: draft("D1") };
    let perhaps = Left::PerhapsADraft { since: at(NOW) };
    let own = row("D1", "CHG1", ListedState::Draft);
    for left in [&known, &perhaps] {
        assert_eq!(course(&change, left, std::slice::from_ref(&own)), Course::From(draft("D1")));
        let two = [own.clone(), row("D2", "CHG1", ListedState::Draft)];
        assert!(matches!(course(&change, left, &two), Course::Obstructed(_)));
        let submitted = row("F1", "CHG1", ListedState::Submitted);
        let found = course(&change, left, std::slice::from_ref(&submitted));
        assert_eq!(found, Course::PerhapsAlreadySubmitted(submitted));
    }
    // A known draft may lack the change as yet; a draft that is only supposed must be of this change.
    assert_eq!(course(&change, &known, &[row("D1", "", ListedState::Draft)]), Course::From(draft("D1")));
    assert!(matches!(course(&change, &perhaps, &[row("D1", "", ListedState::Draft)]), Course::Obstructed(_)));
    assert!(matches!(course(&change, &known, &[row("D7", "CHG1", ListedState::Draft)]), Course::Obstructed(_)));
    // A known draft that is gone is for a person; one that never was is entered anew.
    assert!(matches!(course(&change, &known, &[]), Course::Gone(_)));
    assert_eq!(course(&change, &perhaps, &[]), Course::Afresh);
}

#[test]
fn a_word_on_a_doubtful_run_counts_only_where_the_portal_agrees() {
    let change = ChangeId::parse("CHG1").unwrap();
    let draft = DraftReference::parse("D1").unwrap();
    let judge = |said: &Said, rows: &[ListedException]| {
        agreed(said, &change, &draft, &LookedUp { rows: rows.to_vec() }).map_err(|reasons| reasons.first().code)
    };
    let submitted = row("F1", "CHG1", ListedState::Submitted);
    let other = row("F2", "CHG1", ListedState::Submitted);
    let (yes, no) = (Said::Submitted("F1".into()), Said::NotSubmitted);
    assert_eq!(judge(&yes, std::slice::from_ref(&submitted)), Ok(Left::Submission { number: "F1".into() }));
    assert_eq!(judge(&yes, &[]), Err(HaltCode::ConfirmationMissing));
    assert_eq!(judge(&yes, std::slice::from_ref(&other)), Err(HaltCode::ConfirmationForeign));
    assert_eq!(judge(&yes, &[submitted.clone(), other]), Err(HaltCode::DuplicateInPortal));
    assert_eq!(judge(&no, &[]), Ok(Left::Nothing));
    assert_eq!(judge(&no, &[row("D1", "CHG1", ListedState::Draft)]), Ok(Left::Draft { draft: draft.clone() }));
    assert_eq!(judge(&no, &[submitted]), Err(HaltCode::ExistingException));
    assert_eq!(judge(&no, &[row("F1", "CHG1", ListedState::Unknown)]), Err(HaltCode::ExistingException));
}

#[test]
fn commit_payload_differs_for_anything_but_exactly_the_declared_parameters() {
    let value = |value: &str| ParameterContent::Value {
        path: RecordPath::ServiceId,
        carried: Private::new(vec![value.into()]),
    };
    let declared = |name: &str, content| PlannedParameter { name: name.into(), content };
    let planned = [
        declared("draft", ParameterContent::DraftReference),
        declared("csrf", ParameterContent::Volatile),
        declared("service", value("checkout-api")),
    ];
    let draft = DraftReference::parse("D1").unwrap();
    let held = |parameters: &[(&str, &str)]| {
        let parameters = parameters.iter().map(|(name, text)| ((*name).to_owned(), Private::new((*text).to_owned())));
        let content = CommitContent { parameters: parameters.collect(), digest: Digest::of(b"x") };
        commit_payload_differs(&planned, &draft, &content)
            .into_iter()
            .map(|reason| reason.code)
            .collect::<BTreeSet<_>>()
    };
    let good = [("draft", "D1"), ("csrf", "anything"), ("service", "checkout-api")];
    let differs = only(HaltCode::CommitPayloadDiffers);
    assert_eq!(held(&good), BTreeSet::new());
    assert_eq!(held(&[good[2], good[0], good[1]]), BTreeSet::new(), "order means nothing");
    assert_eq!(held(&[("draft", "D2"), good[1], good[2]]), differs);
    assert_eq!(held(&[good[0], good[1], ("service", "search-api")]), differs);
    assert_eq!(held(&[good[0], good[1]]), differs);
    assert_eq!(held(&[good[0], good[1], good[2], good[2]]), differs);
    assert_eq!(held(&[good[0], good[1], good[2], good[1]]), differs, "a doubled token is not one token");
    assert_eq!(held(&[good[0], good[1], good[2], ("all_services", "true")]), differs);
}

#[test]
fn confirmation_needs_exactly_one_new_exception_with_one_number_of_the_declared_form() {
    let change = ChangeId::parse("CHG1").unwrap();
    let form = Regex::new("^(?:FEX-[0-9]{4})$").unwrap();
    let judge = |rows: Vec<ListedException>, number: Option<&str>, released: &str| {
        let looked_up = LookedUp { rows };
        let facts = AfterRelease {
            change: &change,
            number_form: &form,
            number_on_page: number,
            looked_up: &looked_up,
            released_at: at(released),
            clock_tolerance_s: 60,
        };
        match proof(&facts) {
            Proof::One(row) => Ok(row.number),
            Proof::None(reasons) => Err(reasons.first().code),
        }
    };
    let one = || vec![row("FEX-0001", "CHG1", ListedState::Submitted), row("FEX-0002", "CHG2", ListedState::Submitted)];
    assert_eq!(judge(one(), Some("FEX-0001"), NOW), Ok("FEX-0001".into()));
    assert_eq!(judge(one(), None, NOW), Ok("FEX-0001".into()), "a look-up proves it without the page");
    assert_eq!(judge(vec![row("D1", "CHG1", ListedState::Draft)], None, NOW), Err(HaltCode::ConfirmationMissing));
    assert_eq!(judge(vec![], Some("FEX-0001"), NOW), Err(HaltCode::ConfirmationMissing), "a page alone proves nothing");
    let twice = vec![row("FEX-0001", "CHG1", ListedState::Submitted), row("FEX-0003", "CHG1", ListedState::Submitted)];
    assert_eq!(judge(twice, Some("FEX-0001"), NOW), Err(HaltCode::DuplicateInPortal));
    assert_eq!(judge(one(), Some("FEX-0002"), NOW), Err(HaltCode::ConfirmationForeign));
    assert_eq!(judge(one(), Some("pending"), NOW), Err(HaltCode::ConfirmationMalformed));
    assert_eq!(judge(one(), Some("FEX-0001x"), NOW), Err(HaltCode::ConfirmationMalformed));
    let odd = vec![row("PENDING", "CHG1", ListedState::Submitted)];
    assert_eq!(judge(odd, None, NOW), Err(HaltCode::ConfirmationMalformed));
    // Created a minute before the release is within the clocks' tolerance, a second more is an older exception.
    assert_eq!(judge(one(), None, "2026-11-21T12:01:00Z"), Ok("FEX-0001".into()));
    assert_eq!(judge(one(), None, "2026-11-21T12:01:01Z"), Err(HaltCode::ConfirmationForeign));
}

#[test]
fn a_draft_is_saved_on_every_halt_but_those_where_saving_would_be_wrong() {
    let wrong = [HaltCode::ScopeBroadening, HaltCode::ExistingException, HaltCode::SessionLost];
    for code in HaltCode::ALL {
        assert_eq!(draft_may_be_saved([*code]), !wrong.contains(code), "{code}");
    }
    assert!(!draft_may_be_saved([HaltCode::ValueNotHeld, HaltCode::ScopeBroadening]));
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
        calendar: &FreezeCalendar::default(),
        policy: &ApprovalPolicy { required_roles: Vec::new(), max_age_s: 1 },
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
