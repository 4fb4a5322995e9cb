//! Portals as they are: controls that a framework owns, lists that choose on Tab, buttons that come late, marks that only a
//! person would see. The same reference portal, with a script of its own in every form and review page.

use portal_agent::decide::verdict::HaltCode;
use portal_agent::evidence::outcome::{DraftState, Outcome};
use portal_agent::model::browser::BrowserKind;
use portal_agent::model::portal_facts::Refusal;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};

use crate::browser_tests;
use crate::submission::assert_submitted_once;
use crate::support::{Plan, Rig, codes, told};

/// The title is prefilled, and its state is a framework's: what a script sets is taken for known, and put back.
const CONTROLLED: &str = "const field = document.getElementById('title');
if (field && !field.value) {
  const native = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value');
  field.value = 'OLD';
  let known = field.value, state = field.value;
  Object.defineProperty(field, 'value', { configurable: true,
    get() { return native.get.call(this); }, set(text) { known = String(text); native.set.call(this, text); } });
  const heard = () => {
    const now = native.get.call(field);
    if (now !== known) { known = now; state = now; }
    if (native.get.call(field) !== state) { native.set.call(field, state); known = state; }
  };
  field.addEventListener('input', heard);
  field.addEventListener('change', heard);
}";

/// While its list is open, Tab takes the first suggestion into the revision, which is another than was typed.
const SUGGESTS: &str = "const revision = document.getElementById('revision');
if (revision) {
  revision.setAttribute('role', 'combobox');
  revision.addEventListener('input', () => revision.setAttribute('aria-expanded', 'true'));
  revision.addEventListener('blur', () => revision.setAttribute('aria-expanded', 'false'));
  revision.addEventListener('keydown', (event) => {
    if (event.key === 'Tab' && revision.getAttribute('aria-expanded') === 'true') revision.value += '-archive';
  });
}";

/// Buttons that can be used only some time after the page, or the dialog, is there.
const LATE: &str = "for (const [id, event] of [['save', 'change'], ['confirm-submit', 'click']]) {
  const button = document.getElementById(id);
  if (!button) continue;
  let timer;
  const wait = () => { button.disabled = true; clearTimeout(timer); timer = setTimeout(() => button.disabled = false, 1200); };
  wait();
  if (event === 'change') document.addEventListener('change', wait, true);
  else document.getElementById('open-submit').addEventListener('click', wait);
}";

/// The list in a pop-up carries the label of the control that opens it.
const OPENS: &str = "const owner = document.getElementById('rollback_owner');
if (owner) {
  owner.setAttribute('aria-controls', 'owner-popup');
  owner.insertAdjacentHTML('afterend', '<div id=owner-popup><ul role=listbox aria-label=\"Rollback owner\"><li>Nobody</li></ul></div>');
}";

/// A text is rich text, in which nothing but a key begins a line.
const RICH: &str = "const scope = document.getElementById('scope');
if (scope) {
  scope.style.display = 'none';
  scope.id = 'scope-held';
  scope.required = false;
  const editor = document.createElement('div');
  editor.id = 'scope';
  editor.className = 'rich';
  editor.contentEditable = 'true';
  editor.setAttribute('aria-label', 'Scope of the change *');
  const draw = () => {
    editor.replaceChildren(...scope.value.split('\\n').map((line) => {
      const paragraph = document.createElement('p');
      paragraph.append(line || document.createElement('br'));
      return paragraph;
    }));
    getSelection().collapse(editor.lastChild, editor.lastChild.childNodes.length);
  };
  const put = (text) => { scope.value += text; draw(); };
  editor.addEventListener('keydown', (event) => { if (event.key === 'Enter') { event.preventDefault(); put('\\n'); } });
  editor.addEventListener('beforeinput', (event) => { event.preventDefault(); if (event.data !== '\\n') put(event.data ?? ''); });
  draw();
  scope.after(editor);
}";

/// No page is left without being asked.
const ASKS: &str =
    "addEventListener('beforeunload', (event) => { event.preventDefault(); event.returnValue = 'unsaved'; });";

/// Radio buttons that lie under their own labels.
const STYLED: &str = "for (const radio of document.querySelectorAll('input[type=radio]')) {
  radio.parentElement.style.position = 'relative';
  radio.style.cssText = 'position: absolute; left: 0; top: 0; opacity: 0';
  radio.nextElementSibling.style.cssText = 'position: relative; display: inline-block; padding: 4px 30px';
}";

/// Instead of a dialog of the page, the browser's own asks before the commit.
const NATIVE: &str = "document.getElementById('open-submit')?.addEventListener('click', (event) => {
  event.stopImmediatePropagation();
  document.getElementById('attest').checked = true;
  if (confirm('Submit this exception? It authorises production work.')) document.getElementById('commit').requestSubmit();
}, true);";

/// The title is another as soon as anything is typed into it, and cannot be put back.
const STUCK: &str = "const title = document.getElementById('title');
title?.addEventListener('input', () => { title.value = 'Another change'; });";

/// Something is sent while the form is filled, and taken.
const SENDS: &str = "const form = document.getElementById('exception');
form?.addEventListener('change', () => {
  const body = new FormData();
  body.append('file', new File(['x'], 'x.txt'));
  fetch('/api/uploads', { method: 'POST', body, headers: { 'x-csrf': form.dataset.csrf } });
}, { once: true });";

/// Saving sends nothing and says why.
const CLOSED: &str = "document.getElementById('exception')?.addEventListener('submit', (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  event.target.insertAdjacentHTML('beforebegin', '<p role=alert>Saving is closed for maintenance</p>');
}, true);";

/// Saving tells whether a file control holds a file.
const HOLDS: &str = "document.getElementById('exception')?.addEventListener('submit', (event) => {
  const held = [...event.target.querySelectorAll('input[type=file]')].some((control) => control.files.length);
  fetch(held ? '/api/held' : '/api/empty', { method: 'POST' });
}, true);";

/// A script that runs once the page is there.
fn page(scripts: &[&str]) -> &'static str {
    let blocks: String = scripts.iter().map(|script| format!("{{ {script} }}\n")).collect();
    let markup = format!("<script>addEventListener('DOMContentLoaded', () => {{\n{blocks}}})</script>");
    Box::leak(markup.into_boxed_str())
}

/// Markup at the end of the tab that is shown first.
fn field(markup: &str) -> String {
    format!("document.querySelector('[role=tabpanel]:not([hidden])')?.insertAdjacentHTML('beforeend', {markup:?});")
}

async fn halts(browser: BrowserKind, script: &str, code: HaltCode) {
    let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(page(&[script]))))).await;
    let run = rig.run().await;
    assert_eq!((run.get().outcome, codes(&run)), (Outcome::HaltedAbandoned, vec![code]), "{script}: {}", told(&run));
    let oracle = rig.oracle();
    assert_eq!((oracle.drafts.len(), oracle.commit_requests), (0, 0), "{script}");
}

/// A portal that asks by the browser's own dialog before it commits, and a map that says what it authorises.
async fn asking(browser: BrowserKind, authorises: &str) -> Rig {
    let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(page(&[NATIVE]))))).await;
    rig.with_map(|map| {
        let start = map.find("[submit.dialog]").unwrap();
        let end = start + map[start..].find("\n\n").unwrap();
        let declared =
            format!("[submit.dialog]\nnative = true\ntext = 'Submit this exception\\? It authorises {authorises}\\.'");
        [&map[..start], &declared, &map[end..]].concat()
    })
}

browser_tests! {
    both async fn what_a_person_could_enter_is_entered_and_stored_as_the_record_says(browser: BrowserKind) {
        let scripts = page(&[CONTROLLED, SUGGESTS, OPENS, LATE, STYLED, ASKS]);
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(scripts)))).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_submitted_once(&rig);
    }

    both async fn lines_of_rich_text_are_entered_as_lines(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(page(&[RICH]))))).await;
        let rig = rig.with_map(|map| {
            let map = map.replacen("portal-agent/map/1", "portal-agent/map/2", 1);
            let map = map.replacen("{ label = \"Scope of the change\" }", "{ label = \"Scope of the change\" }\nkind = \"rich\"", 1);
            map + "\n[kind.rich]\npart.line = { css = \"p\" }\nenter = [{ type = \"self\" }, { leave = \"self\" }]\nread = \"line\"\n"
        });
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_submitted_once(&rig);
    }

    chromium async fn a_control_in_what_another_of_its_label_opens_is_no_list(browser: BrowserKind) {
        let twin = OPENS.replace("<ul role=listbox aria-label", "<input aria-label");
        halts(browser, &twin, HaltCode::ControlAmbiguous).await;
    }

    chromium async fn a_mandatory_field_is_seen_by_whatever_marks_it(browser: BrowserKind) {
        for markup in [
            "<p><label for=x1>Ticket *</label><input id=x1></p>",
            "<p><label for=x1>Ticket</label> <b>*</b><input id=x1></p>",
            "<style>.must::before { content: '* ' }</style><p><label class=must for=x1>Ticket</label><input id=x1></p>",
            "<table><tr><td>Ticket *</td><td><input id=x1></td></tr></table>",
            "<p><label for=x1>Ticket (required)</label><select id=x1><option></option></select></p>",
            "<fieldset><legend>Ticket *</legend><input type=radio name=x1><input type=radio name=x1></fieldset>",
        ] {
            halts(browser, &field(markup), HaltCode::UnexpectedRequiredField).await;
        }
    }

    chromium async fn what_stands_in_a_shadow_root_is_seen(browser: BrowserKind) {
        let inside = |markup: &str| {
            format!(
                "const host = document.createElement('x-host'); document.querySelector('[role=tabpanel]:not([hidden])')?.append(host); \
                 host.attachShadow({{ mode: 'open' }}).innerHTML = {markup:?};"
            )
        };
        let field = inside("<label for=x1>Ticket</label><input id=x1 required>");
        halts(browser, &field, HaltCode::UnexpectedRequiredField).await;
        halts(browser, &inside("<p role=alert>Nobody is on call</p>"), HaltCode::UnexpectedBanner).await;
        let slotted = "document.body.insertAdjacentHTML('afterbegin', '<x-alert role=alert>on call</x-alert>'); \
                       const alert = document.querySelector('x-alert').attachShadow({ mode: 'open' }); \
                       alert.innerHTML = '<p>Nobody is <slot></slot></p>';";
        halts(browser, slotted, HaltCode::UnexpectedBanner).await;
    }

    chromium async fn a_locator_that_the_browser_cannot_read_is_named(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let rig = rig.with_map(|map| map.replacen("css = \"form#exception [role=tablist]\"", "css = \"form#exception[[\"", 1));
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Environment, "{}", told(&run));
        assert!(told(&run).contains("form#exception[["), "{}", told(&run));
    }

    both async fn a_dialog_of_the_browser_is_accepted_if_its_text_is_declared(browser: BrowserKind) {
        let rig = asking(browser, "production work").await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_submitted_once(&rig);
    }

    chromium async fn a_dialog_of_the_browser_with_another_text_halts(browser: BrowserKind) {
        let rig = asking(browser, "staging work").await;
        let run = rig.run().await;
        assert_eq!((run.get().outcome, codes(&run)), (Outcome::HaltedDraft, vec![HaltCode::UnexpectedDialog]), "{}", told(&run));
        assert_eq!(rig.oracle().commit_requests, 0);
    }

    chromium async fn what_no_page_can_read_the_answer_of_does_not_halt_unless_the_map_says_so(browser: BrowserKind) {
        let noise = page(&["navigator.sendBeacon('/telemetry', 'x'); fetch('/metrics', { method: 'POST', mode: 'no-cors', body: 'x' }).catch(() => {});"]);
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(noise)))).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_submitted_once(&rig);
        let refused: Vec<_> = run.get().refused_requests.iter().filter(|one| one.request.why == Refusal::Beacon).collect();
        assert_eq!(refused.len(), 2, "{}", told(&run));
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(noise)))).await;
        let rig = rig.with_map(|map| map.replacen("[page]\n", "[page]\nbeacons = \"halt\"\n", 1));
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::HaltedAbandoned, "{}", told(&run));
        assert!(codes(&run).contains(&HaltCode::UndeclaredRequest), "{}", told(&run));
    }

    chromium async fn what_is_half_entered_is_put_back_or_not_saved(browser: BrowserKind) {
        // It can be put back: the draft has all but this field.
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::ValueRewritten))).await;
        let run = rig.run().await;
        assert_eq!((run.get().outcome, codes(&run)), (Outcome::HaltedDraft, vec![HaltCode::ValueNotHeld]), "{}", told(&run));
        let drafts = rig.oracle().drafts;
        assert_eq!(drafts.len(), 1);
        assert_eq!(drafts[0].values.get("incident").map_or("", String::as_str), "", "{drafts:#?}");
        assert_ne!(drafts[0].values.get("change").map_or("", String::as_str), "");
        // It cannot: nothing is saved.
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(page(&[STUCK]))))).await;
        let run = rig.run().await;
        assert_eq!((run.get().outcome, codes(&run)), (Outcome::HaltedAbandoned, vec![HaltCode::ValueNotHeld]), "{}", told(&run));
        assert_eq!((rig.oracle().drafts.len(), rig.oracle().save_requests), (0, 0));
    }

    chromium async fn a_page_that_says_why_it_does_not_save_is_believed(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(page(&[CLOSED]))))).await;
        let rig = rig.with_map(|map| map.replace("ready_s = 20", "ready_s = 3"));
        let run = rig.run().await;
        assert_eq!(codes(&run), vec![HaltCode::ValidationRejected], "{}", told(&run));
        assert_eq!((rig.oracle().drafts.len(), rig.oracle().save_requests), (0, 0));
    }

    chromium async fn a_halt_at_an_upload_saves_no_file_that_a_control_still_holds(browser: BrowserKind) {
        let mut faults = FaultPlan::from_start(Fault::Injected(page(&[HOLDS])));
        faults.add(Fault::UploadAltered);
        let rig = Rig::new(Plan::new(browser, faults)).await;
        let run = rig.run().await;
        assert_eq!((run.get().outcome, rig.oracle().drafts.len()), (Outcome::HaltedDraft, 1), "{}", told(&run));
        let refused: Vec<_> = run.get().refused_requests.iter().map(|one| one.request.path.clone()).collect();
        assert!(refused.iter().any(|path| path.contains("empty")) && !refused.iter().any(|path| path.contains("held")), "{refused:?}");
    }

    chromium async fn what_the_portal_took_and_does_not_list_is_for_a_person_to_find(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(page(&[SENDS, STUCK]))))).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::HaltedDraft, "{}", told(&run));
        assert_eq!((run.get().draft_state, rig.oracle().drafts.len()), (Some(DraftState::Unread), 0));
        // Nor is the form begun anew when the session ends: a second draft might be made.
        let mut faults = FaultPlan::from_start(Fault::Injected(page(&[SENDS])));
        faults.add(Fault::SessionEndsOnSave);
        let rig = Rig::new(Plan::new(browser, faults)).await;
        let run = rig.run().await;
        assert_eq!((run.get().outcome, codes(&run)), (Outcome::HaltedDraft, vec![HaltCode::SessionLost]), "{}", told(&run));
        assert_eq!((run.get().draft_state, rig.oracle().save_requests), (Some(DraftState::Unread), 1));
    }
}
