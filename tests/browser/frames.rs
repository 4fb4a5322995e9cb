//! Portals that show their pages in a frame of a shell: signing in, the form, the review and the commit are in there.

use portal_agent::decide::verdict::HaltCode;
use portal_agent::evidence::outcome::Outcome;
use portal_agent::model::browser::BrowserKind;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};

use crate::browser_tests;
use crate::masking::{magenta_pixels, plant, unmasked};
use crate::submission::assert_submitted_once;
use crate::support::{Plan, Rig, codes, told};

/// The shell puts a notice over its frame, which saves when it is clicked.
const NOTICE: &str = "<script>addEventListener('DOMContentLoaded', () => {
  const notice = parent.document.createElement('div');
  notice.style.cssText = 'position: fixed; inset: 0; background: #ddd';
  notice.onclick = () => parent.fetch('/api/autosave', { method: 'POST' });
  parent.document.body.append(notice);
})</script>";

/// The shell has its frame lower than the window reaches.
const LOWER: &str =
    "<script>addEventListener('DOMContentLoaded', () => { frameElement.style.marginTop = '900px'; })</script>";

/// Frames beside the form: one with a control, in another; and some that hold nothing, or that nobody sees.
const HOLDING: &str = r#"<script>addEventListener('DOMContentLoaded', () => {
  const holder = document.body.appendChild(document.createElement('div'));
  holder.attachShadow({ mode: 'open' }).innerHTML = `<iframe srcdoc="<p>Ask us</p>"></iframe>
    <iframe srcdoc="<iframe srcdoc='<label>Reason <input></label>'></iframe>"></iframe>`;
})</script>"#;
const EMPTY: &str = r#"<script>addEventListener('DOMContentLoaded', () => {
  document.body.insertAdjacentHTML('beforeend', `<iframe srcdoc="<p>Ask us</p><button>Chat</button>"></iframe>
    <iframe srcdoc="<input>" hidden></iframe><iframe srcdoc="<p role=alert>No</p>" width=1 height=1></iframe>
    <iframe src="https://chat.example.test/"></iframe>`);
})</script>"#;

/// The reference map, for a portal that is in a frame: as the example in `selectors/README.md` says, but for who is signed in.
fn framed(map: &str) -> String {
    let chapter = include_str!("../../selectors/README.md");
    let example = chapter.split("```toml\n").find(|block| block.starts_with("[place.main]")).unwrap();
    let example = example.split("signed_in").next().unwrap();
    map.replacen("portal-agent/map/1", "portal-agent/map/2", 1).replacen("[page]\n", example, 1)
}

async fn rig(browser: BrowserKind, faults: &[Fault], change: impl FnOnce(&str) -> String) -> Rig {
    let mut plan = FaultPlan::from_start(Fault::Framed);
    faults.iter().for_each(|fault| plan.add(*fault));
    Rig::new(Plan::new(browser, plan)).await.with_map(|map| change(&map))
}

browser_tests! {
    both async fn a_portal_in_a_frame_is_worked_as_any_other_and_hides_what_it_must(browser: BrowserKind) {
        let rig = rig(browser, &[Fault::PrivateIsMagenta], framed).await;
        plant(&rig);
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_submitted_once(&rig);
        assert_eq!(magenta_pixels(&rig.evidence(&run)), 0);
    }

    both async fn pictures_show_what_they_may_of_a_frame_wherever_it_is(browser: BrowserKind) {
        let faults = [Fault::PrivateIsMagenta, Fault::Injected(LOWER)];
        let rig = rig(browser, &faults, |map| framed(&unmasked(map))).await;
        let run = rig.begin_draft_only().await;
        assert_eq!(run.get().outcome, Outcome::DraftSaved, "{}", told(&run));
        assert!(magenta_pixels(&rig.evidence(&run)) > 1000);
    }

    both async fn what_lies_over_a_frame_is_not_clicked(browser: BrowserKind) {
        let rig = rig(browser, &[Fault::Injected(NOTICE)], framed).await;
        let run = rig.run().await;
        // Before anything was entered, that is no halt.
        assert_eq!(run.get().outcome, Outcome::Environment, "{}", told(&run));
        assert!(told(&run).contains("something lies over the element"), "{}", told(&run));
    }

    firefox async fn routes_in_the_fragment_are_opened_anew(browser: BrowserKind) {
        let routed = |map: &str| {
            let map = framed(map).replace("path = \"/exceptions/new\"", "path = \"/app#/exceptions/new\"");
            let map = map.replace("path = \"/exceptions/{draft}/edit\"", "path = \"/app#/exceptions/{draft}/edit\"");
            let map = map.replace("path = \"/exceptions/{draft}/review\"", "path = \"/app#/exceptions/{draft}/review\"");
            let map = map.replace("path = \"/exceptions/{number}\"", "path = \"/app#/exceptions/{number}\"");
            map.replace("\"/exceptions?", "\"/app#/exceptions?")
        };
        let rig = rig(browser, &[], routed).await;
        assert_eq!(rig.map_text.matches("/app#").count(), 7, "{}", rig.map_text);
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_submitted_once(&rig);
    }

    chromium async fn a_frame_that_no_place_names_and_that_holds_something_halts(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(HOLDING)))).await;
        let run = rig.run().await;
        assert_eq!((run.get().outcome, codes(&run)), (Outcome::HaltedAbandoned, vec![HaltCode::UnseenRegion]), "{}", told(&run));
        assert!(told(&run).contains("frame 1 of 1 in frame 2 of 2 on the page holds 1 control"), "{}", told(&run));
    }

    chromium async fn a_frame_that_holds_nothing_or_that_nobody_sees_halts_nothing(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(EMPTY)))).await;
        let run = rig.begin_draft_only().await;
        assert_eq!(run.get().outcome, Outcome::DraftSaved, "{}", told(&run));
    }

    chromium async fn a_frame_that_no_place_names_is_not_looked_into(browser: BrowserKind) {
        let rig = rig(browser, &[], str::to_owned).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Environment, "{}", told(&run));
        assert!(told(&run).contains("`user` is not there"), "{}", told(&run));
        assert_eq!(rig.oracle().sign_ins, 0);
    }
}
