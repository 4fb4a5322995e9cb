//! What a tab or page of the portal must show: its controls, values, files and banners.

use std::collections::BTreeSet;

use crate::decide_table::{codes, only};
use portal_agent::decide::reconcile::{
    drafted_tab, filled_tab, half_entered, recheck_panel, summary, surveyed_tab, uploads,
};
use portal_agent::decide::rules::resumption::{Edit, resumed_tab};
use portal_agent::decide::verdict::{HaltCode, Stage};
use portal_agent::model::banner::{BannerMeaning, BannerRule};
use portal_agent::model::digest::Digest;
use portal_agent::model::form::{FormPlan, FormValue, PlannedField, PlannedFile, PlannedTab, RecordPath, WidgetKind};
use portal_agent::model::ids::{AttachmentRole, FieldId, TabId};
use portal_agent::model::observed::{
    Found, ListedFile, ObservedBanner, ObservedControl, ObservedPage, ObservedTab, UnmappedRequired,
};
use portal_agent::model::private::Private;
use portal_agent::model::residue::{StepState, TabProgress};
use regex::Regex;

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
    PlannedTab {
        id: TabId::parse("t").unwrap(),
        fields: vec![field.clone()],
        files: Vec::new(),
        after_save: false,
        saved_alone: false,
    }
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
    for decorated in ["Service:", "* Service", "＊Service：", "Service (optional)", "* Service (required) *:"] {
        assert_eq!(surveyed(&field, labelled(decorated)), BTreeSet::new(), "{decorated}");
    }
    assert_eq!(surveyed(&field, labelled("Service (former)")), only(HaltCode::LabelChanged));
}

#[test]
fn unexpected_required_field_for_a_strange_control_and_for_a_blank_one_that_became_mandatory() {
    let field = text("title", "x");
    let mut with = observed(&field, Found::One(seen(&field)));
    with.strange_required.push(UnmappedRequired { label: Private::new("Finance code".into()) });
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
fn half_entered_is_what_holds_neither_its_earlier_nor_its_wanted_value() {
    let field = planned("category", WidgetKind::Select, RecordPath::Title, FormValue::Text("emergency".into()));
    let holds = |text: &str| changed(&field, |control| control.value = Private::new(FormValue::Text(text.into())));
    let half = |now| {
        let (empty, now) = (observed(&field, holds("none")), observed(&field, now));
        half_entered(&tab(&field), &empty, &now)
    };
    assert_eq!((half(holds("emergency")), half(holds("none"))), (Vec::new(), Vec::new()));
    // What is to be entered in its place is what it held.
    let back = PlannedField {
        value: Private::new(FormValue::Text("none".into())),
        options: vec!["none".into()],
        ..field.clone()
    };
    assert_eq!(half(holds("emergency-archive")), [back]);
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

#[test]
fn a_resumed_field_is_edited_missing_or_as_it_was_left() {
    use Edit::{Changed, Completed, Emptied, EnteredOtherwise};
    use StepState::{Begun, Entered, Saved};
    let field = text("title", "x");
    let holding = |value: &str| changed(&field, |control| control.value = Private::new(FormValue::Text(value.into())));
    // What the draft holds, what the empty form holds, how far the earlier run came; whether it is missing, and the edit.
    for (draft, empty, reached, missing, edit) in [
        ("x", holding(""), Some(Saved), false, None),
        ("x", holding(""), Some(Begun), false, None),
        ("x", holding("x"), None, false, None),
        ("x", holding(""), None, false, Some(Completed)),
        ("", holding(""), None, true, None),
        ("", holding(""), Some(Entered), true, None),
        ("", holding(""), Some(Saved), false, Some(Emptied)),
        // Blank is untouched, whatever an empty form holds; and so is what an empty form holds, though it is not blank.
        ("", holding("preset"), Some(Begun), true, None),
        ("", Found::Absent, None, true, None),
        ("preset", holding("preset"), None, true, None),
        ("preset", holding("preset"), Some(Saved), false, Some(Emptied)),
        ("other", holding("preset"), None, false, Some(EnteredOtherwise)),
        ("other", holding("preset"), Some(Begun), false, Some(Changed)),
        ("other", Found::Absent, Some(Saved), false, Some(Changed)),
    ] {
        let told = format!("{draft:?} in the draft, {empty:?} in an empty form, {reached:?}");
        let planned = tab(&field);
        let mut work = TabProgress::default();
        work.fields.extend(reached.map(|reached| (planned.id.clone(), reached)));
        let standing = resumed_tab(&planned, &observed(&field, holding(draft)), &observed(&field, empty), &work, &[]);
        let by_whomever: Vec<_> = standing.clone().by_whomever().edits.iter().map(|edited| edited.edit).collect();
        assert_eq!(by_whomever, Vec::from_iter(edit.filter(|edit| *edit != Completed)), "{told}");
        assert_eq!(standing.missing, if missing { vec![field.id.clone()] } else { Vec::new() }, "{told}");
        assert_eq!(standing.edits.iter().map(|edited| edited.edit).collect::<Vec<_>>(), Vec::from_iter(edit), "{told}");
        let differs = edit.is_some_and(|edit| edit != Completed);
        let found: Vec<_> = standing.reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(found, if differs { vec![HaltCode::DraftDiffers] } else { Vec::new() }, "{told}");
    }
}
