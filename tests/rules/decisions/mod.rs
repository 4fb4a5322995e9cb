//! What a run recorded of its decisions is enough to judge them again, with hidden values as with shown ones.

mod looks;
mod sources;
mod told;

use std::collections::BTreeSet;

use portal_agent::decide::verdict::{HaltCode, Stage, Verdict};
use portal_agent::evidence::observations::{
    JudgedObservation, OBSERVATIONS_SCHEMA, Observation, ObservationLine, ObservationsHead, TabObservation,
};
use portal_agent::evidence::readings::{APPROVALS_SCHEMA, ApprovalReading, ApprovalsDocument};
use portal_agent::mask::masked::{MaskGate, Permissions};
use portal_agent::model::banner::{BannerMeaning, BannerRule};
use portal_agent::model::digest::Digest;
use portal_agent::model::form::{FormValue, PlannedField, PlannedFile, PlannedTab, RecordPath, WidgetKind};
use portal_agent::model::ids::{AttachmentRole, FieldId, RunId, TabId};
use portal_agent::model::observed::{Found, ListedFile, ObservedBanner, ObservedControl, ObservedTab};
use portal_agent::model::private::Private;
use portal_agent::model::time::Instant;
use portal_agent::rejudge::bundle::{OtherPolicy, Rejudged, Unreadable, judge};
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
        Self {
            planned: PlannedTab {
                id,
                fields: vec![field.clone()],
                files: Vec::new(),
                after_save: false,
                saved_alone: false,
            },
            observed,
        }
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

    fn seen(&self) -> TabObservation<'_> {
        TabObservation { planned: &self.planned, observed: &self.observed }
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

fn line(stage: Stage, look: Observation<'_>, verdict: &Verdict, gate: &MaskGate) -> Value {
    let seen = JudgedObservation { at: at(NOW), stage, place: "change", look, rules: &rules(), verdict };
    serde_json::to_value(ObservationLine::of(&seen, gate)).unwrap()
}

fn set(codes: &[HaltCode]) -> BTreeSet<HaltCode> {
    codes.iter().copied().collect()
}

/// Recorded and judged again, a look gives what it gave; also where the recorded verdict does not say so.
fn round_trip(name: &str, stage: Stage, look: &Observation<'_>, verdict: &Verdict, expected: &[HaltCode]) {
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
