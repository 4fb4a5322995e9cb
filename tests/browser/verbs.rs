//! Controls that ignore, delay, draw anew, or answer with something else: they hold the wanted value in the end, or nothing that a
//! run would save.

use portal_agent::evidence::outcome::Outcome;
use portal_agent::model::browser::BrowserKind;
use portal_agent::model::form::{FormValue, PlannedTab};
use portal_agent::model::observed::Found;
use portal_agent::portal::Portal as _;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};
use serde_json::{Value, json};

use crate::bench::{Bench, planned};
use crate::browser_tests;
use crate::support::sweep::sweep;
use crate::support::{Plan, Rig, told};

/// A look-up in place of the portal's own list of environments, which keeps what is stored. It behaves as the session's storage
/// says: how many clicks it passes over, when its list opens, fills and closes, how often it is drawn anew, what a choice does.
const LOOKUP: &str = r#"<script>addEventListener('DOMContentLoaded', () => {
  const list = document.getElementById('environment');
  if (!list) return;
  const be = JSON.parse(sessionStorage.getItem('behaviour') ?? '{"chooses":"right"}');
  list.style.display = 'none';
  list.required = false;
  const box = document.createElement('div');
  box.className = 'look';
  box.setAttribute('aria-label', 'Environment');
  box.setAttribute('aria-required', 'true');
  box.innerHTML = '<span class=chosen></span> <input>';
  list.after(box);
  const [chosen, input] = box.children;
  const names = ['Production (archive)', 'Staging', 'Production', 'Disaster recovery'];
  let popup = null;
  let clicks = 0;
  const close = () => { popup?.remove(); popup = null; };
  const set = (name) => {
    for (const option of list.options) option.selected = option.text === name;
    chosen.textContent = name;
    list.dispatchEvent(new Event('change', { bubbles: true }));
  };
  const choose = (name) => {
    if (be.chooses === 'right') set(name);
    if (be.chooses === 'late') setTimeout(() => set(name), 250);
    if (be.chooses === 'other') set('Staging');
    if (be.closes !== null) setTimeout(close, be.closes ?? 0);
  };
  const draw = () => popup?.replaceChildren(...names.filter((name) => name.startsWith(input.value)).map((name) => {
    const option = document.createElement('div');
    option.className = 'option';
    option.textContent = name;
    option[be.namesake ? 'onmousedown' : 'onclick'] = () => choose(name);
    return option;
  }));
  const fill = () => {
    draw();
    for (let at = 1; at <= (be.redraws ?? 0); at += 1) setTimeout(draw, 45 * at);
  };
  const open = () => {
    if (popup) return;
    popup = document.body.appendChild(document.createElement('div'));
    popup.className = 'popup';
    popup.style.minHeight = '9px';
    setTimeout(fill, be.fills ?? 0);
  };
  box.onclick = () => {
    clicks += 1;
    if (clicks <= (be.deaf ?? 0)) return;
    input.focus();
    if (be.opens !== null) setTimeout(open, be.opens ?? 0);
  };
  input.oninput = () => {
    setTimeout(draw, 30);
    // What is searched for at last is another of the same name: until then the list is drawn anew all the time.
    if (!be.namesake) return;
    for (let at = 2; at <= 14; at += 1) setTimeout(draw, 30 * at);
    setTimeout(() => { names.unshift('Production'); draw(); }, 440);
  };
  input.onkeydown = (event) => {
    if (event.key === 'Escape') close();
    if (event.key === 'Enter') document.documentElement.dataset.entered = 'yes';
  };
})</script>"#;

/// How it is worked: as the example of `selectors/README.md`.
const KIND: &str = r#"
[kind.lookup]
part.input = { css = "input" }
part.popup = { css = ".popup", from = "page" }
part.option = { css = ".option", from = "popup" }
part.chosen = { css = ".chosen" }
enter = [{ click = "self" }, { there = "option" }, { type = "input" }, STEPS{ gone = "popup" }]
undo = [{ press = "Escape", on = "input" }, { gone = "popup" }]
read = "chosen"
"#;

const CHOOSE: &str = "{ choose = \"option\" }, ";

async fn rig(browser: BrowserKind, steps: &str, faults: FaultPlan) -> Rig {
    let rig = Rig::new(Plan::new(browser, faults)).await;
    rig.with_map(|map| {
        let map = map.replacen("portal-agent/map/1", "portal-agent/map/2", 1).replace("ready_s = 20", "ready_s = 3");
        let lookup = "locate = { css = \".look\" }\nkind = \"lookup\"";
        map.replacen("locate = { label = \"Environment\" }", lookup, 1) + &KIND.replacen("STEPS", steps, 1)
    })
}

/// The look-up's tab, with nothing else on it to be entered.
fn alone(rig: &Rig) -> PlannedTab {
    let mut tab = planned(rig).swap_remove(0);
    tab.fields.retain(|field| field.id.as_str() == "environment");
    assert_eq!(tab.fields.len(), 1);
    tab
}

/// What the agent read after entering, nothing if it gave up; and what the portal's form holds.
async fn entered(bench: &mut Bench, tab: &PlannedTab, behaviour: &Value) -> (Option<String>, String) {
    bench.store("behaviour", behaviour).await;
    bench.portal.open_form().await.unwrap();
    let read = match bench.portal.enter_tab(tab).await {
        Ok(observed) => match &observed.controls[&tab.fields[0].id] {
            Found::One(control) => match control.value.expose() {
                FormValue::Text(text) => Some(text.clone()),
                other => panic!("{other:?}"),
            },
            other => panic!("{behaviour}: {other:?}"),
        },
        Err(_) => None,
    };
    let stored = bench.asks("return document.getElementById('environment').value").await;
    (read, stored.as_str().unwrap().to_owned())
}

/// Behaviours that can be worked, in every combination; and ones that nobody could work.
fn behaviours() -> (Vec<Value>, Vec<Value>) {
    let mut worked = Vec::new();
    for opens in [0, 300] {
        for fills in [0, 250] {
            for redraws in [0, 8] {
                for closes in [0, 200] {
                    for chooses in ["right", "late", "other"] {
                        worked.push(json!({ "opens": opens, "fills": fills, "redraws": redraws, "closes": closes, "chooses": chooses }));
                    }
                }
            }
        }
    }
    let mut broken = Vec::new();
    for chooses in ["right", "late", "other"] {
        broken.push(json!({ "opens": null, "chooses": chooses }));
        broken.push(json!({ "deaf": 1, "chooses": chooses }));
        broken.push(json!({ "closes": null, "chooses": chooses }));
    }
    broken.push(json!({ "chooses": "never" }));
    broken.push(json!({ "chooses": "never", "fills": 250, "redraws": 8 }));
    (worked, broken)
}

browser_tests! {
    chromium async fn a_look_up_holds_the_wanted_value_or_is_seen_not_to(browser: BrowserKind) {
        let rig = rig(browser, CHOOSE, FaultPlan::from_start(Fault::Injected(LOOKUP))).await;
        let (mut bench, tab) = (Bench::at(&rig, browser).await, alone(&rig));
        let (worked, broken) = behaviours();
        let (mut held, mut wrong) = (0, Vec::new());
        let (some, few) = if sweep() { (1, 1) } else { (5, 4) };
        for behaviour in worked.iter().step_by(some) {
            let seen = entered(&mut bench, &tab, behaviour).await;
            let (text, value) = if behaviour["chooses"] == "other" { ("Staging", "stage") } else { ("Production", "prod") };
            held += usize::from(text == "Production");
            if seen != (Some(text.to_owned()), value.to_owned()) {
                wrong.push(format!("{behaviour}: {seen:?}"));
            }
        }
        for behaviour in broken.iter().step_by(few) {
            let (read, stored) = entered(&mut bench, &tab, behaviour).await;
            // A list that never closes is given up on, whatever was chosen.
            let chosen = behaviour.get("closes").is_some();
            if read.as_deref() == Some("Production") || !(stored.is_empty() || chosen) {
                wrong.push(format!("{behaviour}: {read:?}, {stored:?}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(held > 2, "{held}");
        bench.portal.close().await;
    }

    chromium async fn a_namesake_that_comes_late_is_no_choice_and_enter_reaches_no_form(browser: BrowserKind) {
        let choosing = rig(browser, CHOOSE, FaultPlan::from_start(Fault::Injected(LOOKUP))).await;
        let (mut bench, tab) = (Bench::at(&choosing, browser).await, alone(&choosing));
        let late = json!({ "chooses": "right", "namesake": true });
        assert_eq!(entered(&mut bench, &tab, &late).await, (None, String::new()));
        bench.portal.close().await;
        let steps = "{ press = \"Enter\", on = \"input\", while = \"popup\" }, ";
        let pressing = rig(browser, &format!("{{ press = \"Escape\", on = \"input\" }}, {steps}"), FaultPlan::from_start(Fault::Injected(LOOKUP))).await;
        let (mut bench, tab) = (Bench::at(&pressing, browser).await, alone(&pressing));
        assert_eq!(entered(&mut bench, &tab, &json!({ "chooses": "right" })).await, (None, String::new()));
        assert_eq!(bench.asks("return document.documentElement.dataset.entered ?? null").await, Value::Null);
        bench.portal.close().await;
    }

    sweep async fn what_a_look_up_chose_otherwise_is_not_saved(browser: BrowserKind) {
        let other = "<script>sessionStorage.setItem('behaviour', '{\"chooses\":\"other\"}')</script>";
        let mut faults = FaultPlan::from_start(Fault::Injected(other));
        faults.add(Fault::Injected(LOOKUP));
        let rig = rig(browser, CHOOSE, faults).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::HaltedAbandoned, "{}", told(&run));
        assert_eq!((rig.oracle().drafts.len(), rig.oracle().save_requests), (0, 0));
    }
}
