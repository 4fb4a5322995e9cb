//! Portals that show their pages in a frame of a shell: signing in, the form, the review and the commit are in there.

use portal_agent::evidence::outcome::Outcome;
use portal_agent::model::browser::BrowserKind;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};

use crate::browser_tests;
use crate::masking::{magenta_pixels, plant, unmasked};
use crate::submission::assert_submitted_once;
use crate::support::{Plan, Rig, told};

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

    chromium async fn a_frame_that_no_place_names_is_not_looked_into(browser: BrowserKind) {
        let rig = rig(browser, &[], str::to_owned).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Environment, "{}", told(&run));
        assert!(told(&run).contains("`user` is not there"), "{}", told(&run));
        assert_eq!(rig.oracle().sign_ins, 0);
    }
}
