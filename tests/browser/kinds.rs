//! Controls that are more than plain elements, worked as kinds of the map say: a look-up whose list is drawn at the end of the
//! page, late, and only as far as it is to be seen; and tags.

use portal_agent::decide::verdict::HaltCode;
use portal_agent::evidence::outcome::Outcome;
use portal_agent::model::browser::BrowserKind;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};

use crate::browser_tests;
use crate::submission::assert_submitted_once;
use crate::support::{Plan, Rig, codes, told};

/// Draws both in place of the reference portal's lists, which keep what is stored. What is typed and not chosen is dropped.
const COMPONENTS: &str = r"<script>addEventListener('DOMContentLoaded', () => {
  for (const [id, many] of [['environment', false], ['regions', true]]) {
    const list = document.getElementById(id);
    if (!list) continue;
    list.style.display = 'none';
    const own = [...list.options].map((option) => option.text).filter((text) => text !== 'Choose…');
    const filler = Array.from({ length: 600 }, (_, at) => `Place ${at}`);
    const names = [...filler.slice(0, 300), ...own.flatMap((name) => [`${name} (archive)`, name]), ...filler.slice(300), ...NAMESAKES];
    const box = document.createElement('div');
    box.className = 'look';
    box.dataset.of = id;
    box.setAttribute('aria-label', list.labels[0].textContent.replace(/[*:\s]+$/, ''));
    if (list.required) box.setAttribute('aria-required', 'true');
    list.after(box);
    let popup = null;
    const draw = () => {
      const chosen = [...list.selectedOptions].map((option) => option.text).filter((text) => text !== 'Choose…');
      box.replaceChildren(...chosen.map((name) => {
        const tag = document.createElement('span');
        tag.className = 'chosen';
        tag.title = name;
        tag.textContent = `${name} `;
        const cross = document.createElement('b');
        cross.className = 'cross';
        cross.textContent = 'x';
        cross.onclick = (event) => { event.stopPropagation(); pick(name, false); };
        if (many) tag.append(cross);
        return tag;
      }));
      const input = document.createElement('input');
      input.oninput = () => setTimeout(() => popup && fill(input.value), 200);
      input.onblur = () => { input.value = ''; };
      input.onkeydown = (event) => {
        if (event.key === 'Escape') close();
        if (event.key === 'Tab' && popup) pick(popup.querySelector('.option').title, true);
      };
      box.append(input);
    };
    const close = () => { popup?.remove(); popup = null; };
    const pick = (name, on) => {
      for (const option of list.options) if (option.text === name) option.selected = on;
      list.dispatchEvent(new Event('change', { bubbles: true }));
      draw();
      if (!many) close();
    };
    const fill = (typed) => {
      const shown = names.filter((name) => name.toLowerCase().startsWith(typed.toLowerCase()));
      const scroll = popup.firstChild ?? popup.appendChild(document.createElement('div'));
      scroll.style.cssText = 'height: 120px; overflow-y: auto; position: relative';
      const render = () => {
        const from = Math.floor(scroll.scrollTop / 20);
        const space = document.createElement('div');
        space.style.height = `${shown.length * 20}px`;
        scroll.replaceChildren(space, ...shown.slice(from, from + 7).map((name, at) => {
          const option = document.createElement('div');
          option.className = 'option';
          option.title = name;
          option.textContent = name;
          option.style.cssText = `position: absolute; height: 20px; width: 200px; top: ${(from + at) * 20}px`;
          option.onmousedown = (event) => { event.preventDefault(); pick(name, true); };
          return option;
        }));
      };
      scroll.onscroll = () => setTimeout(render, 60);
      render();
    };
    box.onclick = () => {
      box.querySelector('input').focus();
      if (popup) return;
      popup = document.body.appendChild(document.createElement('div'));
      popup.className = 'popup';
      popup.dataset.of = id;
      setTimeout(() => popup && fill(''), 300);
    };
    draw();
  }
})</script>";

/// How they are worked: the example that `selectors/README.md` gives. The look-up is typed into; in the tags, the list is
/// scrolled.
fn kinds() -> String {
    let chapter = include_str!("../../selectors/README.md");
    let example = chapter.split("```toml\n").find(|block| block.starts_with("[kind.lookup]")).unwrap();
    format!("\n{}", example.split("```").next().unwrap())
}

fn components(namesakes: &str) -> &'static str {
    Box::leak(COMPONENTS.replace("NAMESAKES", namesakes).into_boxed_str())
}

async fn rig(browser: BrowserKind, namesakes: &str, change: impl FnOnce(String) -> String) -> Rig {
    let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(components(namesakes))))).await;
    rig.with_map(|map| {
        let map = map.replacen("portal-agent/map/1", "portal-agent/map/2", 1);
        let lookup = "locate = { css = \".look[data-of=environment]\" }\nkind = \"lookup\"";
        let tags = "locate = { css = \".look[data-of=regions]\" }\nkind = \"tags\"";
        let map = map.replacen("locate = { label = \"Environment\" }", lookup, 1);
        map.replacen("locate = { label = \"Regions\" }", tags, 1) + &change(kinds())
    })
}

browser_tests! {
    chromium async fn look_ups_and_tags_hold_what_the_record_says(browser: BrowserKind) {
        let rig = rig(browser, "[]", |kinds| kinds).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_submitted_once(&rig);
    }

    chromium async fn what_is_offered_twice_or_not_at_all_is_not_chosen(browser: BrowserKind) {
        for (namesakes, from, to, code) in [
            ("['Production']", "nothing", "nothing", HaltCode::ControlAmbiguous),
            ("[]", "take = \"@title\"", "take = \"@lang\"", HaltCode::OptionMissing),
        ] {
            let rig = rig(browser, namesakes, |kinds| kinds.replacen(from, to, 1)).await;
            let run = rig.run().await;
            assert_eq!((run.get().outcome, codes(&run)), (Outcome::HaltedDraft, vec![code]), "{}", told(&run));
            let drafts = rig.oracle().drafts;
            assert_eq!(drafts[0].values.get("environment").map_or("", String::as_str), "", "{drafts:#?}");
        }
    }
}
