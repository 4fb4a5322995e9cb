//! Each judgement of a tab, a page, the list or a dialog, recorded and judged again.

use std::collections::BTreeSet;

use crate::decisions::{
    SECRET, Tab, control, gate, holding, line, listed, planned, rejudge, round_trip, rules, sent, text, value,
};
use portal_agent::decide::reconcile;
use portal_agent::decide::rules::resumption::{course, resumed_tab};
use portal_agent::decide::verdict::{FactSource, HaltCode, HaltReason, Stage, Verdict};
use portal_agent::evidence::observations::{Observation, PageObservation};
use portal_agent::model::form::{FormPlan, FormValue, RecordPath, WidgetKind};
use portal_agent::model::ids::{AttachmentRole, ChangeId, DraftReference, TabId};
use portal_agent::model::observed::{Found, ListedFile, ObservedPage, UnmappedRequired};
use portal_agent::model::portal_facts::{Created, ListedException, ListedState};
use portal_agent::model::private::{Fact, Private};
use portal_agent::model::residue::{PortalResidue, StepState, TabProgress};

#[test]
fn every_judgement_of_a_tab_comes_out_as_it_was() {
    use HaltCode::*;
    let rules = rules();
    let survey = |name: &str, tab: Tab, expected: &[HaltCode]| {
        let verdict = reconcile::surveyed_tab(&tab.planned, &tab.observed, &rules);
        round_trip(name, Stage::Survey, &Observation::Survey(tab.seen()), &verdict, expected);
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
    strange.observed.strange_required.push(UnmappedRequired { label: Private::new(format!("Code {SECRET}")) });
    survey("strange", strange, &[UnexpectedRequiredField]);
    survey("harmless", Tab::banner(&format!("Year-end freeze is in force {SECRET}.")), &[]);
    survey("unlisted", Tab::banner(&format!("Something {SECRET}")), &[UnexpectedBanner]);
    survey("broader", Tab::banner(&format!("will also authorise {SECRET}")), &[ScopeBroadening]);
    survey("signed out", Tab::banner(&format!("signed out {SECRET}")), &[SessionLost]);
    survey("failed", Tab::banner(&format!("failed {SECRET}")), &[PortalError]);
    survey("refused", Tab::banner(&format!("refused {SECRET}")), &[ValidationRejected]);

    let fill = |name: &str, tab: Tab, expected: &[HaltCode]| {
        let verdict = reconcile::filled_tab(&tab.planned, &tab.observed, &rules);
        round_trip(name, Stage::Fill, &Observation::Fill(tab.seen()), &verdict, expected);
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
        round_trip(name, Stage::Draft, &Observation::Draft(tab.seen()), &verdict, expected);
    };
    draft("stored otherwise", Tab::new(&field, holding(&field, value("POOL FIX"))), &[DraftDiffers]);
    draft("stored without its file", Tab::files(Vec::new()), &[AttachmentDiffers]);
    let attach = |name: &str, files: Vec<ListedFile>, expected: &[HaltCode]| {
        let tab = Tab::files(files);
        let verdict = reconcile::uploads(Stage::Attach, &tab.planned, &tab.observed);
        round_trip(name, Stage::Attach, &Observation::Attach(tab.seen()), &verdict, expected);
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
        let seen = PageObservation { lines: &plan.recheck, files: Vec::new(), page: &page };
        round_trip("stated", Stage::Recheck, &Observation::Recheck(seen), &verdict, &verdict.codes());
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
        let seen = PageObservation { lines: &plan.review, files: plan.files().collect(), page: &page };
        round_trip("summary", Stage::Review, &Observation::Summary(seen), &verdict, expected);
    }

    let id = TabId::parse("change").unwrap();
    let on_empty_form = Tab::new(&field, holding(&field, value("preset")));
    for (found, reached, expected) in [
        (holding(&field, value("preset")), None, &[][..]),
        (holding(&field, value("preset")), Some(StepState::Saved), &[DraftDiffers]),
        (holding(&field, value("edited")), Some(StepState::Saved), &[DraftDiffers]),
        (holding(&field, value("edited")), None, &[DraftDiffers]),
        (control(&field, |_| {}), Some(StepState::Saved), &[]),
    ] {
        let tab = Tab::new(&field, found);
        let mut work = TabProgress::default();
        work.fields.extend(reached.map(|reached| (id.clone(), reached)));
        let standing = resumed_tab(&tab.planned, &tab.observed, &on_empty_form.observed, &work, &rules);
        let look = Observation::Resume(tab.seen(), &on_empty_form.observed, &work);
        round_trip("resumed", Stage::Draft, &look, &Verdict::of(standing.reasons), expected);
    }

    let change = ChangeId::parse("CHG1").unwrap();
    let row = |number: &str, change: &str, state, recognised| ListedException {
        number: number.into(),
        change_id: change.into(),
        state,
        created: Created::NotListed,
        other_service: false,
        recognised,
    };
    let draft = || PortalResidue::Draft { draft: DraftReference::parse("D1").unwrap() };
    for (left, rows, expected) in [
        (PortalResidue::Nothing, vec![], &[][..]),
        (PortalResidue::Nothing, vec![row("F1", "CHG1", ListedState::Submitted, true)], &[]),
        (PortalResidue::Nothing, vec![row(SECRET, "CHG1", ListedState::Draft, false)], &[ExistingException]),
        (draft(), vec![row("D1", SECRET, ListedState::Draft, false)], &[]),
        (draft(), vec![row("D7", "CHG1", ListedState::Draft, true)], &[ExistingException]),
        (draft(), vec![], &[DraftDiffers]),
        (PortalResidue::Submission { number: "F1".into() }, vec![], &[ConfirmationMissing]),
    ] {
        let verdict = course(&change, &left, &rows).verdict();
        let look = Observation::Exceptions(&change, &left, &rows);
        round_trip("list", Stage::Survey, &look, &verdict, expected);
    }

    let said = Private::new(format!("This will also authorise {SECRET}"));
    let plain = Private::new(format!("Submit {SECRET}?"));
    for (dialog, expected) in [(None, &[][..]), (Some(&plain), &[]), (Some(&said), &[ScopeBroadening])] {
        let verdict = reconcile::approach(dialog, &[], &rules);
        round_trip("dialog", Stage::Recheck, &Observation::Dialog(dialog, &[]), &verdict, expected);
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
    let lines =
        [Observation::Commit, Observation::Confirmation].map(|look| line(Stage::Recheck, look, &verdict, &gate(true)));
    let rejudged = rejudge(&lines).unwrap();
    assert_eq!((rejudged.decisions, rejudged.carried, rejudged.changes), (0, 2, Vec::new()));
}
