//! Planted canaries: in no byte and no pixel of what a run leaves behind. Broken masks as controls: there they are found.

use std::path::{Path, PathBuf};

use portal_agent::evidence::outcome::Outcome;
use portal_agent::model::browser::BrowserKind;
use portal_agent::reference_portal::PASSWORD;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};

use crate::browser_tests;
use crate::support::{Plan, Rig, told};

const CANARIES: [&str; 4] = [
    "Canary-impact-91f3: 4,711 payments were lost at peak",
    "canary.contact@example.test",
    "Canary-note: Jane Doe",
    PASSWORD,
];

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn holds(bytes: &[u8], canary: &str) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary.as_bytes())
}

pub fn magenta_pixels(folder: &Path) -> usize {
    let pictures: Vec<_> =
        files(folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "png")).collect();
    assert!(pictures.len() >= 4, "too few pictures to mean anything");
    let magenta = |pixel: &image::Rgb<u8>| pixel.0[0] > 200 && pixel.0[1] < 60 && pixel.0[2] > 200;
    pictures
        .iter()
        .map(|path| image::open(path).unwrap().into_rgb8().pixels().filter(|pixel| magenta(pixel)).count())
        .sum()
}

pub fn plant(rig: &Rig) {
    rig.approve_with(|exception| {
        exception["details"]["impact"] = CANARIES[0].into();
        exception["details"]["contact"] = CANARIES[1].into();
        exception["details"]["note"] = CANARIES[2].into();
    });
}

async fn leaves_no_trace(browser: BrowserKind, faults: FaultPlan, outcome: Outcome) -> (Rig, PathBuf) {
    let rig = Rig::new(Plan::new(browser, faults)).await;
    plant(&rig);
    let run = rig.run().await;
    assert_eq!(run.get().outcome, outcome, "{}", told(&run));
    for path in files(&rig.order.evidence) {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.to_string_lossy().into_owned();
        for canary in CANARIES {
            assert!(!holds(&bytes, canary) && !name.contains(canary), "{canary:?} is in {name}");
        }
    }
    let printed = told(&run);
    assert!(CANARIES.iter().all(|canary| !holds(printed.as_bytes(), canary)), "{printed}");
    let evidence = rig.evidence(&run);
    (rig, evidence)
}

/// A map that lets a value be seen that nobody may see.
pub fn unmasked(map: &str) -> String {
    let private = "record = \"details.impact\"\nlocate = { label = \"Customer impact statement\" }\nrequired = true\n";
    assert!(map.contains(private));
    map.replace(private, &format!("{private}show = true\n"))
}

browser_tests! {
    both async fn canaries_are_in_no_byte_and_hidden_values_in_no_pixel_of_a_submitted_run(browser: BrowserKind) {
        // What may not be shown stands on the page in magenta.
        let faults = FaultPlan::from_start(Fault::PrivateIsMagenta);
        let (_rig, evidence) = leaves_no_trace(browser, faults, Outcome::Submitted).await;
        assert_eq!(magenta_pixels(&evidence), 0);
    }

    chromium async fn canaries_are_in_no_byte_of_a_run_that_halts_over_them(browser: BrowserKind) {
        // The halt is about the very field that holds a canary, cut by the server.
        leaves_no_trace(browser, FaultPlan::from_start(Fault::TruncatedOnSave), Outcome::HaltedDraft).await;
    }

    chromium async fn with_the_mask_taken_off_the_same_pixels_are_found(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::PrivateIsMagenta))).await;
        let rig = rig.with_map(|map| unmasked(&map));
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert!(magenta_pixels(&rig.evidence(&run)) > 1000);
    }

    chromium async fn what_floats_over_a_showable_field_is_in_no_pixel(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::MagentaNote))).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_eq!(magenta_pixels(&rig.evidence(&run)), 0);
    }
}
