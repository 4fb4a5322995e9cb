//! What it costs to judge 10,000 recorded runs again, on one core: runs a second and peak memory.
//!
//! The runs are those of the embedded example against the map of the reference portal: six tabs surveyed, filled and compared
//! as stored, the summary, the recheck and three readings of the sources. Nothing here judges the figures.

mod usage;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant as Monotonic;

use portal_agent::decide::policy::Policy;
use portal_agent::decide::reconcile::{self, PacketFacts};
use portal_agent::decide::rules::record::FileState;
use portal_agent::decide::verdict::{Stage, Verdict};
use portal_agent::evidence::observations::{
    JudgedObservation, OBSERVATIONS, OBSERVATIONS_SCHEMA, Observation, ObservationLine, ObservationsHead,
    PageObservation, TabObservation,
};
use portal_agent::evidence::readings::{APPROVALS, APPROVALS_SCHEMA, ApprovalReading, ApprovalsDocument};
use portal_agent::mask::masked::MaskGate;
use portal_agent::model::form::{FormPlan, PlannedField, PlannedTab};
use portal_agent::model::freeze_terms::{FreezeMode, FreezeTerms, SetBy, StateReading};
use portal_agent::model::gates::Gates;
use portal_agent::model::ids::{PersonId, RunId};
use portal_agent::model::observed::{Found, ListedFile, ObservedBanner, ObservedControl, ObservedPage, ObservedTab};
use portal_agent::model::private::Private;
use portal_agent::model::residue::PortalResidue;
use portal_agent::model::time::Instant;
use portal_agent::reference_portal::example::{ExampleTimes, write};
use portal_agent::run::order::permissions;
use portal_agent::selectors::plan::plan;
use portal_agent::selectors::read::{SelectorMap, read};
use portal_agent::sources::icalendar::ZoneNames;
use portal_agent::sources::{calendar_file, record_file};
use serde_json::Value;
use usage::watch;

const MAP: &str = include_str!("../selectors/reference.toml");
const RUNS: usize = 10_000;
/// Stands for the run's name in the sample; as long as one.
const NAME: &str = "20261121T120000Z-000000";

fn main() {
    // `cargo test` builds benches too and runs them with this flag: there is nothing to test here.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (lines, approvals) = sample(folder.path());
    let evidence = folder.path().join("evidence");
    for run in 0..RUNS {
        let name = format!("20261121T120000Z-{run:06x}");
        let place = evidence.join(format!("CHG{:07}", run / 4)).join(&name);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join(OBSERVATIONS), lines.replace(NAME, &name)).unwrap();
        std::fs::write(place.join(APPROVALS), approvals.replace(NAME, &name)).unwrap();
    }
    println!("decisions: {RUNS} runs of {} kB", (lines.len() + approvals.len()) / 1000);
    for pass in ["first", "second"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portal-agent"));
        command.args(["replay", "--decisions", "--output", "json"]).arg(&evidence);
        let begun = Monotonic::now();
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        let watching = std::thread::spawn(move || watch(pid));
        let output = child.wait_with_output().unwrap();
        let wall = begun.elapsed().as_secs_f64();
        let usage = watching.join().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        println!("  {pass} pass: {} decisions, {} runs changed", told["decisions"], told["changed"]);
        println!("    judged again                {:>9.0} runs a second", RUNS as f64 / wall);
        println!("    processor time              {:>9.2} s of {wall:.2} s", usage.cpu.as_secs_f64());
        println!("    peak memory                 {:>9.1} MB", usage.peak_mb);
    }
}

/// Both files of one run.
fn sample(folder: &Path) -> (String, String) {
    let now = jiff::Timestamp::now();
    let map = read("map.toml".as_ref(), MAP).unwrap();
    let portal = map.file.base_url.get_ref().clone();
    let example = write(folder, &portal, &ExampleTimes::around(now), 40_000).unwrap();
    let record = record_file::read(&example.record).unwrap();
    let state = FreezeTerms { frozen: false, set_by: SetBy::Human, set_at: None, tier: None };
    let freeze_mode = FreezeMode { state: StateReading::Read(state), release_override: StateReading::Absent };
    let calendar =
        calendar_file::read_calendar(&example.calendar, &ZoneNames::default(), record.record.exception.window).unwrap();
    let gates = Gates { calendar, freeze_mode, ..Gates::default() };
    let plan = plan(&map, &record.record).unwrap();
    let gate = MaskGate::new(permissions(&map), [7; 32], Vec::new());
    let recorder = Recorder { map: &map, gate: &gate, at: now.into(), text: String::new() };
    let lines = recorder.run(&plan, &record.record.exception.change_id);

    let policy = Policy::default();
    let files = record.record.exception.attachments.iter();
    let files: Vec<FileState> =
        files.map(|file| FileState { role: file.role.clone(), sha256: file.sha256, size: file.size }).collect();
    let facts = PacketFacts {
        record: &record.record,
        packet: record.packet,
        files: &files,
        operator: &PersonId::parse("op.night").unwrap(),
        account: "portal.robot",
        resumed_by: None,
        portal: &portal,
        gates: &gates,
        policy: &policy,
        now: now.into(),
    };
    let mut readings: Vec<ApprovalReading> = Vec::new();
    for stage in [Stage::Packet, Stage::Recheck, Stage::Recheck] {
        let reading = ApprovalReading::of(stage, &facts, &plan, &reconcile::packet(stage, &facts), &gate);
        readings.push(reading.after(&readings));
    }
    let run_id = RunId::parse(NAME).unwrap();
    let document = ApprovalsDocument { schema: APPROVALS_SCHEMA, run_id, readings, unlocked_by: Some(2) };
    (lines, serde_json::to_string_pretty(&document).unwrap())
}

struct Recorder<'a> {
    map: &'a SelectorMap,
    gate: &'a MaskGate,
    at: Instant,
    text: String,
}

impl Recorder<'_> {
    fn run(mut self, plan: &FormPlan, change: &portal_agent::model::ids::ChangeId) -> String {
        self.add(&ObservationsHead { schema: OBSERVATIONS_SCHEMA, run_id: RunId::parse(NAME).unwrap() });
        let verdict = Verdict::Proceed(());
        self.line(Stage::Survey, "exceptions", Observation::Exceptions(change, &PortalResidue::Nothing, &[]), &verdict);
        for tab in &plan.tabs {
            let observed = tab_as_planned(tab);
            let seen = TabObservation { planned: tab, observed: &observed };
            let rules = &self.map.banners;
            let (survey, fill, draft) = (
                reconcile::surveyed_tab(tab, &observed, rules),
                reconcile::filled_tab(tab, &observed, rules),
                reconcile::drafted_tab(tab, &observed, rules),
            );
            self.line(Stage::Survey, tab.id.as_str(), Observation::Survey(seen), &survey);
            self.line(Stage::Fill, tab.id.as_str(), Observation::Fill(seen), &fill);
            if !tab.files.is_empty() {
                let uploads = reconcile::uploads(Stage::Attach, tab, &observed);
                self.line(Stage::Attach, tab.id.as_str(), Observation::Attach(seen), &uploads);
            }
            self.line(Stage::Draft, tab.id.as_str(), Observation::Draft(seen), &draft);
        }
        for (stage, lines) in [(Stage::Review, &plan.review), (Stage::Confirm, &plan.submitted)] {
            let page = page_as_planned(lines);
            let verdict = reconcile::summary(stage, lines, plan, &page, &self.map.banners);
            let seen = PageObservation { lines, files: plan.files().collect(), page: &page };
            self.line(stage, "summary", Observation::Summary(seen), &verdict);
        }
        let page = page_as_planned(&plan.recheck);
        let verdict = reconcile::recheck_panel(plan, &page, &self.map.banners);
        let seen = PageObservation { lines: &plan.recheck, files: Vec::new(), page: &page };
        self.line(Stage::Recheck, "recheck", Observation::Recheck(seen), &verdict);
        self.text
    }

    fn line(&mut self, stage: Stage, place: &str, look: Observation<'_>, verdict: &Verdict) {
        let seen = JudgedObservation { at: self.at, stage, place, look, rules: &self.map.banners, verdict };
        self.add(&ObservationLine::of(&seen, self.gate));
    }

    fn add(&mut self, line: &impl serde::Serialize) {
        self.text += &serde_json::to_string(line).unwrap();
        self.text.push('\n');
    }
}

fn as_planned(
    fields: &[PlannedField],
) -> impl Iterator<Item = (portal_agent::model::ids::FieldId, Found<ObservedControl>)> {
    fields.iter().map(|field| {
        let control = ObservedControl {
            label: Private::new(field.label.clone().unwrap_or_default()),
            required: field.required,
            editable: true,
            options: field.options.iter().cloned().map(Private::new).collect(),
            value: field.value.clone(),
            complaint: None,
        };
        (field.id.clone(), Found::One(control))
    })
}

fn banner() -> ObservedBanner {
    ObservedBanner { text: Private::new("Year-end change freeze is in force from 20 November to 5 January.".into()) }
}

fn tab_as_planned(tab: &PlannedTab) -> ObservedTab {
    let mut files = std::collections::BTreeMap::new();
    for file in &tab.files {
        let listed =
            ListedFile { name: Private::new(file.name.clone()), size: Some(file.size), sha256: Some(file.sha256) };
        files.entry(file.field.clone()).or_insert_with(Vec::new).push(listed);
    }
    ObservedTab {
        tab: tab.id.clone(),
        controls: as_planned(&tab.fields).collect(),
        strange_required: Vec::new(),
        banners: vec![banner()],
        files,
    }
}

fn page_as_planned(lines: &[PlannedField]) -> ObservedPage {
    ObservedPage { lines: as_planned(lines).collect(), banners: Vec::new(), files: None }
}
