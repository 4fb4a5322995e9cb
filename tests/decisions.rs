//! What a run recorded of its decisions is enough to judge them again, with hidden values as with shown ones.

use std::collections::BTreeSet;

use portal_agent::decide::policy::ApprovalPolicy;
use portal_agent::decide::reconcile::{self, PacketFacts};
use portal_agent::decide::rules::record::FileState;
use portal_agent::decide::rules::resumption::{course, resumed_tab};
use portal_agent::decide::verdict::{FactSource, HaltCode, HaltReason, Stage, Verdict};
use portal_agent::evidence::observations::{
    Look, OBSERVATIONS_SCHEMA, ObservationLine, ObservationsHead, Seen, SeenPage, SeenTab,
};
use portal_agent::evidence::readings::{APPROVALS_SCHEMA, ApprovalReading, ApprovalsDocument};
use portal_agent::mask::masked::{MaskGate, Permissions};
use portal_agent::model::banner::{BannerMeaning, BannerRule};
use portal_agent::model::calendar::{Blackout, FreezeCalendar};
use portal_agent::model::digest::Digest;
use portal_agent::model::form::{FormPlan, FormValue, PlannedField, PlannedFile, PlannedTab, RecordPath, WidgetKind};
use portal_agent::model::ids::{AttachmentRole, BlackoutId, ChangeId, DraftReference, FieldId, PersonId, RunId, TabId};
use portal_agent::model::left::{Left, Reached, Work};
use portal_agent::model::observed::{
    Found, ListedFile, ObservedBanner, ObservedControl, ObservedPage, ObservedTab, StrangeControl,
};
use portal_agent::model::packet::packet_digest;
use portal_agent::model::portal_facts::{Created, ListedException, ListedState};
use portal_agent::model::private::{Fact, Private};
use portal_agent::model::record::ChangeRecord;
use portal_agent::model::time::{ChangeWindow, Instant};
use portal_agent::reference_portal::example::{ExampleTimes, approved, exception};
use portal_agent::rejudge::bundle::{OtherPolicy, Rejudged, Unreadable, judge};
use portal_agent::selectors::plan::plan;
use portal_agent::selectors::read::read;
use regex::Regex;
use serde_json::{Value, json};

const NOW: &str = "2026-11-21T12:00:00Z";
/// Stands in every private value; must not be found where values are hidden.
const SECRET: &str = "canary-7f3a";

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// Shows everything, or nothing.
fn gate(shown: bool) -> MaskGate {
    let fields = ["title", "box", "many", "shown", "file", "other"].map(|name| FieldId::parse(name).unwrap());
    let permissions = Permissions { fields: fields.into(), wording: true, messages: true };
    MaskGate::new(if shown { permissions } else { Permissions::default() }, [7; 32], Vec::new())
}

fn rules() -> Vec<BannerRule> {
    let rule = |text: &str, meaning| BannerRule { pattern: Regex::new(text).unwrap(), meaning };
    vec![
        rule("Year-end freeze is in force canary-7f3a", BannerMeaning::Harmless),
        rule("also authorise", BannerMeaning::ScopeBroadening),
        rule("signed out", BannerMeaning::SessionLost),
        rule("failed", BannerMeaning::PortalError),
        rule("refused", BannerMeaning::ValidationRejected),
    ]
}

fn planned(id: &str, widget: WidgetKind, path: RecordPath, value: FormValue) -> PlannedField {
    let options = match (&value, widget) {
        (FormValue::Text(text), WidgetKind::Select) => vec![text.clone()],
        (FormValue::Choices(choices), _) => choices.iter().cloned().collect(),
        _ => Vec::new(),
    };
    let (id, label) = (FieldId::parse(id).unwrap(), Some(format!("Label {SECRET}")));
    PlannedField { id, label, widget, required: false, path, value: Private::new(value), options }
}

fn value(text: &str) -> FormValue {
    FormValue::Text(format!("{text} {SECRET}"))
}

fn text() -> PlannedField {
    planned("title", WidgetKind::Text, RecordPath::Title, value("pool fix"))
}

fn control(field: &PlannedField, change: impl FnOnce(&mut ObservedControl)) -> Found<ObservedControl> {
    let mut control = ObservedControl {
        label: Private::new(format!("{} *", field.label.clone().unwrap_or_default())),
        required: field.required,
        editable: true,
        options: field.options.iter().cloned().map(Private::new).collect(),
        value: field.value.clone(),
        complaint: None,
    };
    change(&mut control);
    Found::One(control)
}

fn holding(field: &PlannedField, value: FormValue) -> Found<ObservedControl> {
    control(field, |control| control.value = Private::new(value))
}

fn sent() -> PlannedFile {
    PlannedFile {
        field: FieldId::parse("file").unwrap(),
        role: AttachmentRole::parse("rollback-plan").unwrap(),
        name: "plan.pdf".into(),
        size: 4,
        sha256: Digest::of(b"plan"),
    }
}

fn listed(name: &str, size: u64) -> ListedFile {
    ListedFile { name: Private::new(name.into()), size: Some(size), sha256: None }
}

/// A tab of one field.
struct Tab {
    planned: PlannedTab,
    observed: ObservedTab,
}

impl Tab {
    fn new(field: &PlannedField, found: Found<ObservedControl>) -> Self {
        let id = TabId::parse("change").unwrap();
        let observed = ObservedTab {
            tab: id.clone(),
            controls: [(field.id.clone(), found)].into(),
            strange_required: Vec::new(),
            banners: Vec::new(),
            files: Default::default(),
        };
        Self { planned: PlannedTab { id, fields: vec![field.clone()], files: Vec::new() }, observed }
    }

    fn good() -> Self {
        Self::new(&text(), control(&text(), |_| {}))
    }

    fn banner(text: &str) -> Self {
        let mut tab = Self::good();
        tab.observed.banners.push(ObservedBanner { text: Private::new(text.into()) });
        tab
    }

    fn files(listed: Vec<ListedFile>) -> Self {
        let mut tab = Self::good();
        tab.planned.files.push(sent());
        tab.observed.files = [(sent().field, listed)].into();
        tab
    }

    fn seen(&self) -> SeenTab<'_> {
        SeenTab { planned: &self.planned, observed: &self.observed }
    }
}

fn approvals(readings: Vec<ApprovalReading>) -> Vec<u8> {
    let run_id = RunId::parse("r1").unwrap();
    let document = ApprovalsDocument { schema: APPROVALS_SCHEMA, run_id, readings, unlocked_by: None };
    serde_json::to_vec_pretty(&document).unwrap()
}

fn observations(lines: &[Value]) -> Vec<u8> {
    let head = ObservationsHead { schema: OBSERVATIONS_SCHEMA, run_id: RunId::parse("r1").unwrap() };
    let mut text = serde_json::to_string(&head).unwrap() + "\n";
    lines.iter().for_each(|line| text += &format!("{line}\n"));
    text.into_bytes()
}

fn rejudge(lines: &[Value]) -> Result<Rejudged, Unreadable> {
    judge(Some(&observations(lines)), &approvals(Vec::new()), &OtherPolicy::default())
}

fn line(stage: Stage, look: Look<'_>, verdict: &Verdict, gate: &MaskGate) -> Value {
    let seen = Seen { at: at(NOW), stage, place: "change", look, rules: &rules(), verdict };
    serde_json::to_value(ObservationLine::of(&seen, gate)).unwrap()
}

fn set(codes: &[HaltCode]) -> BTreeSet<HaltCode> {
    codes.iter().copied().collect()
}

/// Recorded and judged again, a look gives what it gave; also where the recorded verdict does not say so.
fn round_trip(name: &str, stage: Stage, look: &Look<'_>, verdict: &Verdict, expected: &[HaltCode]) {
    assert_eq!(set(&verdict.codes()), set(expected), "{name}");
    for shown in [true, false] {
        let mut recorded = line(stage, look.clone(), verdict, &gate(shown));
        assert!(shown || !recorded.to_string().contains(SECRET), "{name}: {recorded}");
        let same = rejudge(std::slice::from_ref(&recorded)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((same.decisions, same.carried, same.changes), (1, 0, Vec::new()), "{name}, shown: {shown}");
        recorded["verdict"] = json!(["interrupted"]);
        let changes = rejudge(&[recorded]).unwrap().changes;
        assert_eq!(changes[0].now, verdict.codes(), "{name}, shown: {shown}");
        assert_eq!(changes[0].reasons.len(), expected.len().max(verdict.codes().len()));
    }
}

#[test]
fn every_judgement_of_a_tab_comes_out_as_it_was() {
    use HaltCode::*;
    let rules = rules();
    let survey = |name: &str, tab: Tab, expected: &[HaltCode]| {
        let verdict = reconcile::surveyed_tab(&tab.planned, &tab.observed, &rules);
        round_trip(name, Stage::Survey, &Look::Survey(tab.seen()), &verdict, expected);
    };
    let field = text();
    survey("good", Tab::good(), &[]);
    survey("missing", Tab::new(&field, Found::Absent), &[ControlMissing]);
    survey("several", Tab::new(&field, Found::Several(3)), &[ControlAmbiguous]);
    let relabelled = control(&field, |control| control.label = Private::new(format!("Back-out {SECRET}")));
    survey("label", Tab::new(&field, relabelled), &[LabelChanged]);
    let locked = control(&field, |control| {
        control.editable = false;
        control.value = Private::new(FormValue::Text(String::new()));
    });
    survey("locked", Tab::new(&field, locked), &[ControlMissing]);
    survey("locked, and right", Tab::new(&field, control(&field, |control| control.editable = false)), &[]);
    let select = planned("title", WidgetKind::Select, RecordPath::Category, value("Emergency fix"));
    let without = control(&select, |control| control.options = vec![Private::new("Other".into())]);
    survey("option", Tab::new(&select, without), &[OptionMissing]);
    for (kind, blank) in [
        (WidgetKind::Text, FormValue::Text(String::new())),
        (WidgetKind::Checkbox, FormValue::Checked(false)),
        (WidgetKind::MultiSelect, FormValue::Choices(BTreeSet::new())),
    ] {
        let field = planned("box", kind, RecordPath::Detail("x".into()), blank);
        let mandatory = control(&field, |control| control.required = true);
        survey("mandatory", Tab::new(&field, mandatory), &[UnexpectedRequiredField]);
    }
    let mut strange = Tab::good();
    strange.observed.strange_required.push(StrangeControl { label: Private::new(format!("Code {SECRET}")) });
    survey("strange", strange, &[UnexpectedRequiredField]);
    survey("harmless", Tab::banner(&format!("Year-end freeze is in force {SECRET}.")), &[]);
    survey("unlisted", Tab::banner(&format!("Something {SECRET}")), &[UnexpectedBanner]);
    survey("broader", Tab::banner(&format!("will also authorise {SECRET}")), &[ScopeBroadening]);
    survey("signed out", Tab::banner(&format!("signed out {SECRET}")), &[SessionLost]);
    survey("failed", Tab::banner(&format!("failed {SECRET}")), &[PortalError]);
    survey("refused", Tab::banner(&format!("refused {SECRET}")), &[ValidationRejected]);

    let fill = |name: &str, tab: Tab, expected: &[HaltCode]| {
        let verdict = reconcile::filled_tab(&tab.planned, &tab.observed, &rules);
        round_trip(name, Stage::Fill, &Look::Fill(tab.seen()), &verdict, expected);
    };
    fill("held", Tab::good(), &[]);
    fill("not held", Tab::new(&field, holding(&field, value("pool fi"))), &[ValueNotHeld]);
    fill("emptied", Tab::new(&field, holding(&field, FormValue::Text(String::new()))), &[ValueNotHeld]);
    let ticked = planned("box", WidgetKind::Checkbox, RecordPath::Detail("x".into()), FormValue::Checked(true));
    fill("unticked", Tab::new(&ticked, holding(&ticked, FormValue::Checked(false))), &[ValueNotHeld]);
    fill("ticked", Tab::new(&ticked, control(&ticked, |_| {})), &[]);
    // Two choices that read as one.
    let choices = |list: &[&str]| FormValue::Choices(list.iter().map(|text| format!("{text}{SECRET}")).collect());
    let many = planned("many", WidgetKind::MultiSelect, RecordPath::Scope, choices(&["a", "b"]));
    let one = FormValue::Choices([format!("a{SECRET}, b{SECRET}")].into());
    fill("one choice for two", Tab::new(&many, holding(&many, one)), &[ValueNotHeld]);
    let complaint = control(&field, |control| control.complaint = Some(Private::new(format!("no {SECRET}"))));
    fill("complaint", Tab::new(&field, complaint), &[ValidationRejected]);

    let draft = |name: &str, tab: Tab, expected: &[HaltCode]| {
        let verdict = reconcile::drafted_tab(&tab.planned, &tab.observed, &rules);
        round_trip(name, Stage::Draft, &Look::Draft(tab.seen()), &verdict, expected);
    };
    draft("stored otherwise", Tab::new(&field, holding(&field, value("POOL FIX"))), &[DraftDiffers]);
    draft("stored without its file", Tab::files(Vec::new()), &[AttachmentDiffers]);
    let attach = |name: &str, files: Vec<ListedFile>, expected: &[HaltCode]| {
        let tab = Tab::files(files);
        let verdict = reconcile::uploads(Stage::Attach, &tab.planned, &tab.observed);
        round_trip(name, Stage::Attach, &Look::Attach(tab.seen()), &verdict, expected);
    };
    attach("as sent", vec![listed("plan.pdf", 4)], &[]);
    attach("none", vec![], &[AttachmentDiffers]);
    attach("longer", vec![listed("plan.pdf", 5)], &[AttachmentDiffers]);
    attach("twice", vec![listed("plan.pdf", 4), listed("plan.pdf", 4)], &[AttachmentDiffers]);
    attach("another", vec![listed("plan.pdf", 4), listed(SECRET, 4)], &[AttachmentDiffers]);
}

#[test]
fn a_stated_difference_keeps_the_code_of_its_part_of_the_record() {
    let role = || AttachmentRole::parse("rollback-plan").unwrap();
    let paths = [
        RecordPath::ChangeId,
        RecordPath::Revision,
        RecordPath::Title,
        RecordPath::Requester,
        RecordPath::ServiceId,
        RecordPath::ServiceOwner,
        RecordPath::Environment,
        RecordPath::Category,
        RecordPath::Incident,
        RecordPath::Scope,
        RecordPath::RollbackPlan,
        RecordPath::RollbackVersion,
        RecordPath::WindowStart,
        RecordPath::WindowEnd,
        RecordPath::ExceptsId,
        RecordPath::ExceptsStart,
        RecordPath::ExceptsEnd,
        RecordPath::Approver("service-owner".into()),
        RecordPath::Attachment(role()),
        RecordPath::Detail("impact".into()),
        RecordPath::Constant,
    ];
    for path in paths {
        assert_eq!(RecordPath::parse(&path.to_string()), Some(path.clone()));
        let field = planned("shown", WidgetKind::ReadOnly, path, value("as approved"));
        let other = holding(&field, value("otherwise"));
        let page = ObservedPage { lines: [(field.id.clone(), other)].into(), banners: Vec::new(), files: None };
        let plan = FormPlan { recheck: vec![field], ..FormPlan::default() };
        let verdict = reconcile::recheck_panel(&plan, &page, &rules());
        let seen = SeenPage { lines: &plan.recheck, files: Vec::new(), page: &page };
        round_trip("stated", Stage::Recheck, &Look::Recheck(seen), &verdict, &verdict.codes());
        assert_eq!(verdict.codes().len(), 1);
    }
}

#[test]
fn summary_resumed_draft_list_and_dialog_come_out_as_they_were() {
    use HaltCode::*;
    let (rules, field) = (rules(), text());
    let line = planned("shown", WidgetKind::ReadOnly, RecordPath::Environment, value("Production"));
    let mut tab = Tab::good();
    tab.planned.files.push(sent());
    let plan = FormPlan { tabs: vec![tab.planned], review: vec![line.clone()], ..FormPlan::default() };
    for (found, files, expected) in [
        (control(&line, |_| {}), None, &[][..]),
        (control(&line, |_| {}), Some(vec![listed("plan.pdf", 4)]), &[]),
        (control(&line, |_| {}), Some(vec![]), &[AttachmentDiffers]),
        (holding(&line, value("All")), None, &[SummaryDiffers]),
        (Found::Absent, Some(vec![listed("plan.pdf", 4), listed(SECRET, 1)]), &[ControlMissing, AttachmentDiffers]),
    ] {
        let page = ObservedPage { lines: [(line.id.clone(), found)].into(), banners: Vec::new(), files };
        let verdict = reconcile::summary(Stage::Review, &plan.review, &plan, &page, &rules);
        let seen = SeenPage { lines: &plan.review, files: plan.files().collect(), page: &page };
        round_trip("summary", Stage::Review, &Look::Summary(seen), &verdict, expected);
    }

    let id = TabId::parse("change").unwrap();
    let on_empty_form = Tab::new(&field, holding(&field, value("preset")));
    for (found, reached, expected) in [
        (holding(&field, value("preset")), None, &[][..]),
        (holding(&field, value("preset")), Some(Reached::Saved), &[DraftDiffers]),
        (holding(&field, value("edited")), Some(Reached::Saved), &[DraftDiffers]),
        (holding(&field, value("edited")), None, &[DraftDiffers]),
        (control(&field, |_| {}), Some(Reached::Saved), &[]),
    ] {
        let tab = Tab::new(&field, found);
        let mut work = Work::default();
        work.fields.extend(reached.map(|reached| (id.clone(), reached)));
        let standing = resumed_tab(&tab.planned, &tab.observed, &on_empty_form.observed, &work, &rules);
        let look = Look::Resume(tab.seen(), &on_empty_form.observed, &work);
        round_trip("resumed", Stage::Draft, &look, &Verdict::of(standing.reasons), expected);
    }

    let change = ChangeId::parse("CHG1").unwrap();
    let row = |number: &str, change: &str, state, recognised| ListedException {
        number: number.into(),
        change_id: change.into(),
        state,
        created: Created::NotListed,
        recognised,
    };
    let draft = || Left::Draft { draft: DraftReference::parse("D1").unwrap() };
    for (left, rows, expected) in [
        (Left::Nothing, vec![], &[][..]),
        (Left::Nothing, vec![row("F1", "CHG1", ListedState::Submitted, true)], &[]),
        (Left::Nothing, vec![row(SECRET, "CHG1", ListedState::Draft, false)], &[ExistingException]),
        (draft(), vec![row("D1", SECRET, ListedState::Draft, false)], &[]),
        (draft(), vec![row("D7", "CHG1", ListedState::Draft, true)], &[ExistingException]),
        (draft(), vec![], &[DraftDiffers]),
        (Left::Submission { number: "F1".into() }, vec![], &[ConfirmationMissing]),
    ] {
        let verdict = course(&change, &left, &rows).verdict();
        let look = Look::Exceptions(&change, &left, &rows);
        round_trip("list", Stage::Survey, &look, &verdict, expected);
    }

    let said = Private::new(format!("This will also authorise {SECRET}"));
    let plain = Private::new(format!("Submit {SECRET}?"));
    for (dialog, expected) in [(None, &[][..]), (Some(&plain), &[]), (Some(&said), &[ScopeBroadening])] {
        let verdict = reconcile::approach(dialog, &[], &rules);
        round_trip("dialog", Stage::Recheck, &Look::Dialog(dialog, &[]), &verdict, expected);
    }
}

#[test]
fn codes_without_facts_are_carried_over() {
    let reason = HaltReason {
        code: HaltCode::CommitPayloadDiffers,
        stage: Stage::Recheck,
        subject: "commit".into(),
        expected: Fact::public("x"),
        observed: Fact::public("y"),
        source: FactSource::Gateway,
    };
    let verdict = Verdict::of(vec![reason]);
    let lines = [Look::Commit, Look::Confirmation].map(|look| line(Stage::Recheck, look, &verdict, &gate(true)));
    let rejudged = rejudge(&lines).unwrap();
    assert_eq!((rejudged.decisions, rejudged.carried, rejudged.changes), (0, 2, Vec::new()));
}

/// A record as it was read, judged, and kept.
struct Packet {
    record: ChangeRecord,
    plan: FormPlan,
    calendar: FreezeCalendar,
    operator: PersonId,
    gate: MaskGate,
}

impl Packet {
    fn new(shown: bool, change: impl FnOnce(&mut Value)) -> Self {
        let times = ExampleTimes::around(at(NOW).timestamp());
        let mut exception = exception(&times);
        let digest = Digest::of(b"plan");
        exception["attachments"] = json!([{
            "role": "rollback-plan", "name": "plan.pdf", "path": "plan.pdf", "size": 4, "sha256": digest,
        }]);
        let portal = "https://portal.example.test/".parse().unwrap();
        let mut record = approved(exception, &portal, &times).unwrap();
        change(&mut record);
        let record: ChangeRecord = serde_json::from_value(record).unwrap();
        let map = read("map.toml".as_ref(), include_str!("../selectors/reference.toml")).unwrap();
        let plan = plan(&map, &record).unwrap_or_default();
        let all = plan.tabs.iter().flat_map(|tab| &tab.fields);
        let all = all.chain(plan.review.iter().chain(&plan.recheck).chain(&plan.submitted));
        let fields = if shown { all.map(|field| field.id.clone()).collect() } else { BTreeSet::new() };
        // What a map hides is a canary of every document.
        let hidden = [record.exception.title.as_str(), record.exception.scope.as_str()];
        let canaries = if shown { Vec::new() } else { hidden.map(|text| Private::new(text.into())).into() };
        let gate = MaskGate::new(Permissions { fields, wording: true, messages: true }, [7; 32], canaries);
        let blackout = Blackout {
            id: BlackoutId::parse("YEAR-END-COMMERCE").unwrap(),
            window: ChangeWindow { start: times.blackout.0.into(), end: times.blackout.1.into() },
            admits: vec!["emergency-fix".into()],
        };
        let calendar = FreezeCalendar { blackouts: vec![blackout] };
        Self { record, plan, calendar, operator: PersonId::parse("op.night").unwrap(), gate }
    }

    /// The run's own readings: at the start and, read again, while the commit is at stake.
    fn kept(&self) -> (Vec<ApprovalReading>, BTreeSet<HaltCode>) {
        let roles = ["service-owner", "incident-commander", "change-authority"];
        let file = &self.record.exception.attachments[0];
        let files = [FileState { role: file.role.clone(), sha256: Digest::of(b"plan"), size: file.size }];
        let facts = PacketFacts {
            record: &self.record,
            packet: packet_digest(&self.record).unwrap(),
            files: &files,
            operator: &self.operator,
            account: "portal.robot",
            resumed_by: None,
            portal: &"https://portal.example.test/".parse().unwrap(),
            calendar: &self.calendar,
            policy: &ApprovalPolicy {
                required_roles: roles.map(|role| role.parse_role()).into(),
                max_age_s: 72 * 3600,
            },
            now: at(NOW),
        };
        let first = reconcile::packet(Stage::Packet, &facts);
        let second = reconcile::packet_again(&facts, &self.record.manifest, facts.packet);
        let mut readings = vec![ApprovalReading::of(Stage::Packet, &facts, &self.plan, &first, &self.gate)];
        let again = ApprovalReading::of(Stage::Recheck, &facts, &self.plan, &second, &self.gate);
        readings.push(again.after(&readings));
        (readings, set(&first.codes()))
    }
}

trait ParseRole {
    fn parse_role(&self) -> portal_agent::model::ids::Role;
}

impl ParseRole for str {
    fn parse_role(&self) -> portal_agent::model::ids::Role {
        portal_agent::model::ids::Role::parse(self).unwrap()
    }
}

#[test]
fn every_judgement_of_record_and_approvals_comes_out_as_it_was() {
    use HaltCode::*;
    type Change = fn(&mut Value);
    let cases: [(Change, &[HaltCode]); 16] = [
        (|_| {}, &[]),
        (|r| r["exception"]["title"] = "Another".into(), &[RevisionNotApproved, ApprovalForOtherRevision]),
        (|r| r["remediation"]["environment"] = "staging".into(), &[ScopeMismatch]),
        (|r| r["remediation"]["scope"] = "less".into(), &[ScopeMismatch]),
        (|r| r["remediation"]["category"] = "regulatory".into(), &[CategoryMismatch]),
        (|r| r["manifest"]["boundary"]["category"] = "regulatory".into(), &[CategoryMismatch]),
        (|r| r["remediation"]["rollback"]["plan"] = "RBK-1".into(), &[RollbackVersionMismatch]),
        (|r| r["remediation"]["incident"] = "INC1".into(), &[IncidentMismatch]),
        (|r| r["ownership"]["service"] = "search-api".into(), &[OwnerMismatch]),
        (|r| drop(r["approvals"].as_array_mut().unwrap().pop()), &[ApprovalMissing]),
        (|r| r["approvals"][0]["decision"] = "revoked".into(), &[ApprovalRevoked]),
        (|r| r["manifest"]["expires_at"] = NOW.into(), &[ApprovalStale]),
        (|r| r["approvals"][0]["approver"] = "someone.else".into(), &[ApproverMismatch]),
        (|r| r["remediation"]["window"]["end"] = "2026-11-22T08:59:59Z".into(), &[WindowMismatch]),
        (
            |r| r["exception"]["excepts"][0]["end"] = "2027-02-01T00:00:00Z".into(),
            &[RevisionNotApproved, ApprovalForOtherRevision, FreezeWindowChanged],
        ),
        (
            |r| r["exception"]["requester"] = "Tom.Okafor".into(),
            &[RevisionNotApproved, ApprovalForOtherRevision, SegregationOfDuties],
        ),
    ];
    for (change, expected) in cases {
        for shown in [true, false] {
            let packet = Packet::new(shown, change);
            let (readings, codes) = packet.kept();
            assert_eq!(codes, set(expected));
            assert!(readings[1].facts.is_none() && readings[1].facts_of == Some(0));
            let document = ApprovalsDocument {
                schema: APPROVALS_SCHEMA,
                run_id: RunId::parse("r1").unwrap(),
                readings,
                unlocked_by: None,
            };
            // Whatever the map hides, the document may be kept.
            let document = packet.gate.document(document).unwrap();
            let mut kept = serde_json::to_value(&document).unwrap();
            let same = judge(None, kept.to_string().as_bytes(), &OtherPolicy::default()).unwrap();
            assert_eq!((same.decisions, same.carried, same.changes), (2, 0, Vec::new()), "{expected:?}, {shown}");
            kept["readings"][0]["verdict"] = json!(["interrupted"]);
            let changes = judge(None, kept.to_string().as_bytes(), &OtherPolicy::default()).unwrap().changes;
            assert_eq!(set(&changes[0].now), codes);
        }
    }
}

#[test]
fn another_policy_flips_a_verdict_and_names_the_approval() {
    let (readings, codes) = Packet::new(false, |_| {}).kept();
    assert!(codes.is_empty());
    let approvals = approvals(readings);
    let strict = OtherPolicy { required_roles: None, max_age_s: Some(1800) };
    let rejudged = judge(None, &approvals, &strict).unwrap();
    assert_eq!(rejudged.changes.len(), 2);
    let change = &rejudged.changes[0];
    assert_eq!((change.was.as_slice(), change.stage), (&[][..], Stage::Packet));
    assert_eq!(set(&change.now), set(&[HaltCode::ApprovalStale]));
    assert_eq!(change.reasons[0].subject, "approvals.service-owner");
    let more = OtherPolicy { required_roles: Some(vec!["mascot".parse_role()]), max_age_s: None };
    let change = &judge(None, &approvals, &more).unwrap().changes[0];
    assert_eq!(change.reasons[0].subject, "manifest.signers.mascot");
    assert_eq!(change.reasons.len(), 1, "the age is as it was");
}

#[test]
fn a_packet_or_manifest_that_changed_in_between_is_still_seen() {
    let (mut readings, _) = Packet::new(true, |_| {}).kept();
    let later = |manifest: &mut portal_agent::model::record::ApprovalManifest| {
        manifest.expires_at = at("2026-11-22T13:00:00Z");
    };
    later(&mut readings[1].manifest);
    readings[1].verdict = vec![HaltCode::RevisionNotApproved];
    assert_eq!(judge(None, &approvals(readings), &OtherPolicy::default()).unwrap().changes, Vec::new());
}

#[test]
fn a_rule_that_changed_since_is_noticed_with_what_is_new() {
    let tab = Tab::new(&text(), holding(&text(), value("pool fi")));
    // As if the rules of then had let this pass, and had halted a tab that proceeds today.
    let passed = line(Stage::Fill, Look::Fill(tab.seen()), &Verdict::Proceed(()), &gate(true));
    let mut halted = line(Stage::Fill, Look::Fill(Tab::good().seen()), &Verdict::Proceed(()), &gate(true));
    halted["verdict"] = json!(["label-changed"]);
    let changes = rejudge(&[passed, halted]).unwrap().changes;
    assert_eq!((changes[0].was.as_slice(), changes[0].now.as_slice()), (&[][..], &[HaltCode::ValueNotHeld][..]));
    let reason = &changes[0].reasons[0];
    assert_eq!((reason.expected.as_str(), reason.observed.as_str()), ("pool fix canary-7f3a", "pool fi canary-7f3a"));
    assert_eq!((changes[1].was.as_slice(), changes[1].now.as_slice()), (&[HaltCode::LabelChanged][..], &[][..]));
    assert!(changes[1].reasons.is_empty());
}

#[test]
fn what_cannot_be_judged_again_is_refused_by_name() {
    let good = line(Stage::Fill, Look::Fill(Tab::good().seen()), &Verdict::Proceed(()), &gate(true));
    let differs = Tab::new(&text(), holding(&text(), value("pool fi")));
    let differs = line(Stage::Fill, Look::Fill(differs.seen()), &Verdict::Proceed(()), &gate(true));
    let none = approvals(Vec::new());
    let told = |observations: &[u8], approvals: &[u8]| {
        judge(Some(observations), approvals, &OtherPolicy::default()).unwrap_err().to_string()
    };
    let whole = observations(&[good.clone(), good.clone()]);
    assert_eq!(told(&whole[..whole.len() - 9], &none), "observations.jsonl:3: cut off");
    assert_eq!(told(b"", &none), "observations.jsonl:1: cut off");
    assert_eq!(told(&whole, &none[..40]), "approvals.json:2: cut off");
    let text = String::from_utf8(whole.clone()).unwrap();
    let later = text.replace(OBSERVATIONS_SCHEMA, "portal-agent/observations/3");
    assert!(told(later.as_bytes(), &none).contains("portal-agent/observations/3"));
    let earlier = format!("{good}\n");
    assert!(told(earlier.as_bytes(), &none).contains("recorded by an earlier version"));
    assert!(told(&whole, br#"{"readings":[],"unlocked_by":null}"#).contains("recorded by an earlier version"));
    assert!(told(&whole, br#"{"schema":"portal-agent/approvals/9","more":1}"#).contains("portal-agent/approvals/9"));
    assert!(told(text.replacen("r1", "r2", 1).as_bytes(), &none).contains("of run \"r2\""));

    let contradicts = |mut line: Value, change: &dyn Fn(&mut Value)| {
        change(&mut line["fields"][0]);
        let told = rejudge(&[line]).unwrap_err().to_string();
        assert!(told.contains("observations.jsonl:2: field title is inconsistent"), "{told}");
    };
    contradicts(good.clone(), &|field| field["equal"] = false.into());
    contradicts(good.clone(), &|field| field["observed"] = "another".into());
    contradicts(good.clone(), &|field| field["matches"] = 0.into());
    contradicts(differs.clone(), &|field| field["equal"] = true.into());
    contradicts(differs, &|field| field["observed"] = field["expected"].clone());

    let malformed = |change: &dyn Fn(&mut Value)| {
        let mut line = good.clone();
        change(&mut line);
        let told = rejudge(&[line]).unwrap_err().to_string();
        assert!(told.starts_with("observations.jsonl:2: "), "{told}");
    };
    malformed(&|line| line["surprise"] = 1.into());
    malformed(&|line| line["judged"] = "guess".into());
    malformed(&|line| line["verdict"] = json!(["no-such-code"]));
    malformed(&|line| line["fields"][0]["path"] = "no.such.path".into());
    malformed(&|line| line["banners"] = json!([{ "text": "x", "means": "owner-mismatch" }]));
}

/// Carries out the command over `folder`: exit code, stdout, stderr.
fn replay(folder: &std::path::Path, more: &[&str]) -> (i32, String, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portal-agent"));
    let output = command.args(["replay", "--decisions"]).arg(folder).args(more).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_tells_what_changed_and_judges_the_rest_beside_an_unreadable_run() {
    let folder = tempfile::tempdir().unwrap();
    let keep = |name: &str, lines: &[u8], approvals: &[u8]| {
        let run = folder.path().join("CHG1").join(name);
        std::fs::create_dir_all(&run).unwrap();
        std::fs::write(run.join("observations.jsonl"), lines).unwrap();
        std::fs::write(run.join("approvals.json"), approvals).unwrap();
    };
    let told = replay(folder.path(), &[]);
    assert!(told.0 == 2 && told.2.contains("no run's evidence is there"), "{told:?}");
    let (readings, _) = Packet::new(true, |_| {}).kept();
    let good = line(Stage::Fill, Look::Fill(Tab::good().seen()), &Verdict::Proceed(()), &gate(true));
    keep("good", &observations(std::slice::from_ref(&good)), &approvals(readings));
    let told = replay(folder.path(), &[]);
    assert_eq!((told.0, told.1.as_str()), (0, "1 runs, 3 decisions: 1 as recorded, 0 changed\n"), "{}", told.2);

    let policy = folder.path().join("strict.toml");
    std::fs::write(&policy, "approval_roles = [\"mascot\"]\n").unwrap();
    let told = replay(folder.path(), &["--policy", policy.to_str().unwrap()]);
    assert_eq!(told.0, 1);
    let line_told = "r1 packet sources: proceed -> approval-missing: approval-missing (manifest.signers.mascot: ";
    assert!(told.1.starts_with(line_told), "{}", told.1);
    std::fs::write(&policy, "approval_rolls = []\n").unwrap();
    let told = replay(folder.path(), &["--policy", policy.to_str().unwrap()]);
    assert!(told.0 == 2 && told.2.contains("did you mean `approval_roles`"), "{told:?}");

    let differs = Tab::new(&text(), holding(&text(), value("\u{1b}[2J")));
    let changed = line(Stage::Fill, Look::Fill(differs.seen()), &Verdict::Proceed(()), &gate(true));
    keep("changed", &observations(&[changed]), &approvals(Vec::new()));
    let told = replay(folder.path(), &[]);
    assert!(told.0 == 1 && told.1.contains("fill change: proceed -> value-not-held"), "{told:?}");
    assert!(!told.1.contains('\u{1b}'), "a portal's text never reaches the terminal as a command");
    let whole = observations(&[good]);
    keep("torn", &whole[..whole.len() - 2], &approvals(Vec::new()));
    let (exit, out, err) = replay(folder.path(), &["--output", "json"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, &document["runs"], &document["changed"]), (2, &json!(2), &json!(1)), "{err}");
    assert_eq!(document["changes"][0]["changes"][0]["now"], json!(["value-not-held"]));
    assert!(document["unreadable"][0]["evidence"].as_str().unwrap().ends_with("CHG1/torn"));
    assert!(err.contains("observations.jsonl:2: cut off"), "{err}");
    std::fs::remove_file(folder.path().join("CHG1/torn/approvals.json")).unwrap();
    assert!(replay(folder.path(), &[]).2.contains("approvals.json is missing"));
}
