//! A portal that changes: harmful changes of its form halt before anything is committed, each with its code, and cosmetic ones
//! do not. The changes are made of every field and tab of the map.

use std::time::Duration;

use portal_agent::decide::reconcile::surveyed_tab;
use portal_agent::decide::verdict::HaltCode;
use portal_agent::evidence::outcome::Outcome;
use portal_agent::model::browser::BrowserKind;
use portal_agent::model::form::{FormValue, Part, PlannedField, PlannedTab, WidgetKind};
use portal_agent::portal::{Portal as _, PortalError};
use portal_agent::reference_portal::faults::{Fault, FaultPlan};
use portal_agent::selectors::locator::Locator;
use portal_agent::selectors::schema::Field;
use serde_json::{Value, json};

use crate::bench::{Bench, planned};
use crate::browser_tests;
use crate::submission::assert_submitted_once;
use crate::support::sweep::sweep;
use crate::support::{Plan, Rig, codes, told};

/// What the form's script does to a field or its tab, by the name of the way. It is told which by the session's storage, and says
/// on the page that it is done.
const WAYS: &str = r#"<script>addEventListener('load', () => {
  const drift = JSON.parse(sessionStorage.getItem('drift') ?? 'null');
  if (!drift || !document.getElementById('exception')) return;
  const { way, field, number, wanted } = drift;
  const change = () => {
    const control = document.getElementById(field);
    if (!control) return requestAnimationFrame(change);
    const label = document.querySelector(`label[for="${field}"]`) ?? control.querySelector('legend');
    const row = label.closest('.row, fieldset');
    const panel = row.closest('[role=tabpanel]');
    const words = label.firstChild;
    const chosen = () => control.options
      ? [...control.options].filter((one) => wanted.includes(one.text))
      : [...control.querySelectorAll('.choice')].filter((one) => wanted.includes(one.textContent.trim()));
    const beside = (html) => row.insertAdjacentHTML('afterend', html.replaceAll('ID', `further-${number}`));
    const ways = {
      gone: () => row.remove(),
      hidden: () => { row.style.display = 'none'; },
      doubled: () => row.after(row.cloneNode(true)),
      renamed: () => { words.data += ' of record'; },
      locked: () => { for (const one of [control, ...control.querySelectorAll('input')]) one.disabled = true; },
      withdrawn: () => chosen().forEach((one) => one.remove()),
      reworded: () => chosen().forEach((one) => { (one.querySelector('label') ?? one).append(' (other)'); }),
      restated: () => { control.textContent = `${control.textContent} 2`; },
      demanded: () => beside([
        '<div class=row><label for=ID>Approval code</label><input id=ID required></div>',
        '<div class=row><label for=ID>Approval code</label><textarea id=ID aria-required=true></textarea></div>',
        '<div class=row><label for=ID>Approval code *</label><select id=ID><option></option><option>A</option></select></div>',
        '<div class=row><span>* Approval code</span><div contenteditable=true role=textbox style="min-height: 1em"></div></div>',
        '<div class=row><label for=ID>Approval code (required)</label><input id=ID type=checkbox></div>',
        '<div class=row><div id=ID></div></div>',
      ][number % 6]),
      alarmed: () => panel.insertAdjacentHTML('afterbegin', '<p role=alert>Exceptions of this service are looked at by Risk.</p>'),
      interrupted: () => document.body.insertAdjacentHTML('beforeend', '<dialog open>Are you still there?</dialog>'),
      framed: () => panel.insertAdjacentHTML('beforeend', '<iframe srcdoc="<label>Reason <select><option>A</select></label>"></iframe>'),
      restyled: () => { control.classList.add('fx-9'); row.style.padding = '9px'; control.style.fontSize = '20px'; },
      wrapped: () => { const box = document.createElement('section'); row.before(box); box.append(row); },
      decorated: () => { words.data = `* ${words.data} :`; },
      spaced: () => { words.data = `\n  ${words.data.replaceAll(' ', '\u00a0\n ')} `; },
      emphasised: () => { const [first] = words.data.split(' '); const bold = document.createElement('b'); bold.append(first); words.data = words.data.slice(first.length); label.prepend(bold); },
      moved: () => panel.append(row),
      hinted: () => { row.insertAdjacentHTML('beforeend', `<small id=hint-${number}>As in the ticket, by * the end of the day.</small>`); control.setAttribute('aria-describedby', `hint-${number}`); },
      offered: () => beside('<div class=row><label for=ID>Ticket of the desk (optional)</label><input id=ID></div>'),
      shadowed: () => { const twin = row.cloneNode(true); twin.style.display = 'none'; row.before(twin); },
      listed: () => { const one = new Option('Other', 'other'); control.add(one, control.options[1] ?? null); control.append(control.options[control.options.length - 2]); },
      noted: () => panel.insertAdjacentHTML('afterbegin', '<p>Plan ahead of the holidays.</p>'),
      titled: () => { control.title = 'Ask the change office'; label.title = 'Required by policy'; control.placeholder = 'for instance *'; },
      advertised: () => panel.insertAdjacentHTML('beforeend', '<iframe srcdoc="<p>Training on Monday</p>"></iframe>'),
    };
    ways[way]();
    if (way === 'demanded' && number % 6 === 5) {
      document.getElementById(`further-${number}`).attachShadow({ mode: 'open' }).innerHTML = '<label>Approval code <input required></label>';
    }
    document.documentElement.dataset.drifted = number;
  };
  change();
})</script>"#;

/// What has to come of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    /// It halts, with this code.
    Halts(HaltCode),
    /// It is cosmetic.
    Nothing,
}

/// A change of the form.
struct Change {
    tab: PlannedTab,
    field: PlannedField,
    way: &'static str,
    comes: Comes,
    number: usize,
}

impl Change {
    fn told(&self) -> String {
        format!("{} {} {}, {:?}", self.number, self.field.id, self.way, self.comes)
    }

    /// What the form's script is told.
    fn order(&self) -> Value {
        json!({ "way": self.way, "field": self.field.id, "number": self.number, "wanted": self.field.options })
    }
}

/// What a stated value that is another one halts with.
fn states(field: &Field) -> HaltCode {
    match field.record.as_ref().map(|record| record.get_ref().as_str()) {
        None => HaltCode::ApprovalRevoked,
        Some(record) if record.starts_with("approver.") => HaltCode::ApproverMismatch,
        Some(record) if record.starts_with("excepts.") => HaltCode::FreezeWindowChanged,
        Some(_) => HaltCode::OwnerMismatch,
    }
}

/// What comes of each way, for a field and for its tab; nothing where there is no such way.
fn ways(field: &Field, planned: &PlannedField, first: bool) -> Vec<(&'static str, Comes)> {
    use HaltCode::{ControlAmbiguous, ControlMissing, LabelChanged, OptionMissing, UnexpectedRequiredField};
    let by_label = field.locate.ways.iter().any(|way| matches!(way, Locator::Label { .. }));
    let drawn = field.kind.is_some();
    let list = matches!(planned.widget, WidgetKind::Select | WidgetKind::MultiSelect) && !drawn;
    let entered = planned.widget.part() == Part::Entered;
    let stated = planned.widget.part() == Part::Stated;
    let mut found = vec![
        ("gone", Comes::Halts(ControlMissing)),
        ("doubled", Comes::Halts(ControlAmbiguous)),
        ("renamed", Comes::Halts(if by_label { ControlMissing } else { LabelChanged })),
        ("demanded", Comes::Halts(UnexpectedRequiredField)),
    ];
    let mut may = |there: bool, way, comes| {
        if there {
            found.push((way, comes));
        }
    };
    may(planned.widget != WidgetKind::File, "hidden", Comes::Halts(ControlMissing));
    may(entered && !drawn, "locked", Comes::Halts(ControlMissing));
    may((list || planned.widget == WidgetKind::Radio) && !drawn, "withdrawn", Comes::Halts(OptionMissing));
    may((list || planned.widget == WidgetKind::Radio) && !drawn, "reworded", Comes::Halts(OptionMissing));
    may(stated, "restated", Comes::Halts(states(field)));
    may(first, "alarmed", Comes::Halts(HaltCode::UnexpectedBanner));
    may(first, "interrupted", Comes::Halts(HaltCode::UnexpectedDialog));
    may(first, "framed", Comes::Halts(HaltCode::UnseenRegion));
    for way in
        ["restyled", "wrapped", "spaced", "emphasised", "hinted", "offered", "shadowed", "noted", "titled", "moved"]
    {
        may(true, way, Comes::Nothing);
    }
    // A star says that it is mandatory, which only what is entered can be.
    may(entered, "decorated", Comes::Nothing);
    may(list, "listed", Comes::Nothing);
    may(first, "advertised", Comes::Nothing);
    found
}

/// Every change of every field of the map.
fn changes(rig: &Rig) -> Vec<Change> {
    let map = &rig.order.map;
    let tabs = planned(rig);
    let declared = |planned: &PlannedField| {
        map.file.tabs.iter().flat_map(|tab| &tab.fields).find(|field| *field.id.get_ref() == planned.id).unwrap()
    };
    let mut found = Vec::new();
    for tab in &tabs {
        for (place, field) in tab.fields.iter().enumerate() {
            assert!(
                field.widget == WidgetKind::File
                    || !matches!(field.value.expose(), FormValue::Text(text) if text.is_empty()),
                "{}",
                field.id
            );
            for (way, comes) in ways(declared(field), field, place == 0) {
                let number = found.len();
                found.push(Change { tab: tab.clone(), field: field.clone(), way, comes, number });
            }
        }
    }
    found
}

impl Bench {
    /// What a survey says of the tab that was changed.
    async fn survey(&mut self, rig: &Rig, change: &Change) -> Vec<HaltCode> {
        self.store("drift", &change.order()).await;
        match self.surveyed(rig, change).await {
            Ok(codes) => codes,
            Err(PortalError::Dialog(_)) => vec![HaltCode::UnexpectedDialog],
            Err(PortalError::Unseen(_)) => vec![HaltCode::UnseenRegion],
            Err(error) => panic!("{}: {error}", change.told()),
        }
    }

    async fn surveyed(&mut self, rig: &Rig, change: &Change) -> Result<Vec<HaltCode>, PortalError> {
        self.portal.open_form().await?;
        let drifted = async {
            let number = Value::from(change.number.to_string());
            while self.wire.script("return document.documentElement.dataset.drifted", Value::Null).await.ok().as_ref()
                != Some(&number)
            {}
        };
        tokio::time::timeout(Duration::from_secs(20), drifted)
            .await
            .unwrap_or_else(|_| panic!("{}: not made", change.told()));
        let observed = self.portal.read_tab(&change.tab).await?;
        Ok(surveyed_tab(&change.tab, &observed, &rig.order.map.banners).codes())
    }
}

/// Surveys the form once for each change, or for one of so many, but for those of a field and way that it leaves out: what came of
/// them otherwise than it has to.
pub async fn surveys(rig: &Rig, browser: BrowserKind, every: usize, but: &[(&str, &str)]) {
    let mut bench = Bench::at(rig, browser).await;
    let (mut harmful, mut cosmetic, mut wrong) = ((0, 0), (0, 0), Vec::new());
    let all = changes(rig);
    let left_out = |change: &&Change| but.contains(&(change.field.id.as_str(), change.way));
    for change in all.iter().filter(|change| !left_out(change)).step_by(every) {
        let codes = bench.survey(rig, change).await;
        let (counted, right) = match change.comes {
            Comes::Halts(code) => (&mut harmful, codes.contains(&code)),
            Comes::Nothing => (&mut cosmetic, codes.is_empty()),
        };
        counted.0 += 1;
        counted.1 += usize::from(right);
        if !right {
            wrong.push(format!("{}: {codes:?}", change.told()));
        }
    }
    println!(
        "{browser}: {} of {} harmful changes halt with their code, {} of {} cosmetic ones do not halt",
        harmful.1, harmful.0, cosmetic.1, cosmetic.0
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(harmful.0 > 10 && cosmetic.0 > 10);
    bench.portal.close().await;
}

/// A portal on which the changes are made that the session's storage says.
pub fn changing(mut faults: FaultPlan) -> FaultPlan {
    faults.add(Fault::Injected(WAYS));
    faults
}

/// A whole run on a form with a change.
async fn runs(browser: BrowserKind, number: usize) {
    let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
    let change = changes(&rig).swap_remove(number);
    let storage = format!(
        "<script>sessionStorage.setItem('drift', {})</script>",
        json!(change.order().to_string()).to_string().replace('<', "\\u003c")
    );
    let mut faults = FaultPlan::from_start(Fault::Injected(Box::leak(storage.into_boxed_str())));
    faults.add(Fault::Injected(WAYS));
    let rig = Rig::new(Plan::new(browser, faults)).await;
    let run = rig.run().await;
    match change.comes {
        Comes::Halts(code) => {
            assert_eq!(run.get().outcome, Outcome::HaltedAbandoned, "{}: {}", change.told(), told(&run));
            assert!(codes(&run).contains(&code), "{}: {}", change.told(), told(&run));
            assert_eq!(rig.oracle().commit_requests, 0, "{}", change.told());
        }
        Comes::Nothing => {
            assert_eq!(run.get().outcome, Outcome::Submitted, "{}: {}", change.told(), told(&run));
            assert_submitted_once(&rig);
        }
    }
}

browser_tests! {
    chromium async fn harmful_changes_of_a_form_halt_and_cosmetic_ones_do_not(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, changing(FaultPlan::none()))).await;
        let count = changes(&rig).len();
        assert!(count > 600, "{count} changes");
        surveys(&rig, browser, if sweep() { 1 } else { 23 }, &[]).await;
    }

    sweep async fn whole_runs_on_changed_forms_halt_or_submit_as_they_must(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let all = changes(&rig);
        let harmful = |change: &&Change| change.comes != Comes::Nothing;
        let (bad, good): (Vec<_>, Vec<_>) = all.iter().partition(harmful);
        for one in bad.iter().step_by(bad.len() / 15).take(15).chain(good.iter().step_by(good.len() / 15).take(15)) {
            runs(browser, one.number).await;
        }
    }
}
