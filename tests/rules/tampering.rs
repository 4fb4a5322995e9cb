//! Evidence that somebody has been at, and what is found of it.

use std::path::Path;

use portal_agent::evidence::check::{Depth, flaws};
use portal_agent::evidence::journal::JOURNAL;
use portal_agent::evidence::observations::OBSERVATIONS;
use portal_agent::evidence::readings::APPROVALS;
use portal_agent::evidence::store::MANIFEST;

use crate::journal::{Desk, whole};

/// A sealed folder of a whole run.
fn sealed() -> Desk {
    let desk = Desk::of(&whole());
    let folder = desk.root.path().join("CHG1/r1");
    std::fs::write(folder.join(OBSERVATIONS), "{}\n{}\n").unwrap();
    std::fs::write(folder.join(APPROVALS), "{}\n").unwrap();
    std::fs::write(folder.join("run.json"), r#"{ "run_id": "r1", "outcome": "submitted" }"#).unwrap();
    seal(&desk);
    desk
}

/// Writes the manifest over what is there, as whoever covers tracks would do it, too.
fn seal(desk: &Desk) {
    let files = serde_json::to_value(desk.folder.digests().unwrap()).unwrap();
    let manifest = serde_json::json!({ "schema": "portal-agent/manifest/1", "run_id": "r1", "files": files });
    std::fs::write(desk.root.path().join("CHG1/r1").join(MANIFEST), format!("{manifest:#}\n")).unwrap();
}

/// What is found after somebody has been at the evidence.
fn found(tampering: impl FnOnce(&Path, &Desk)) -> Vec<String> {
    let desk = sealed();
    let folder = desk.root.path().join("CHG1/r1");
    tampering(&folder, &desk);
    flaws(&folder, Depth::Judged).iter().map(ToString::to_string).collect()
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, change(text)).unwrap();
}

fn without_line(text: &str, place: usize) -> String {
    let lines = text.lines().enumerate().filter(|(count, _)| *count != place);
    lines.map(|(_, line)| format!("{line}\n")).collect()
}

#[test]
fn evidence_that_is_as_its_run_wrote_it_has_no_flaw() {
    assert_eq!(found(|_, _| {}), Vec::<String>::new());
}

/// What somebody does to a run's folder.
type Tampering = Box<dyn Fn(&Path, &Desk)>;

#[test]
fn every_tampering_with_evidence_is_found() {
    let outcome = |folder: &Path| edit(&folder.join("run.json"), |text| text.replace("submitted", "halted-draft"));
    let cases: [(&str, Tampering); 9] = [
        (
            "observations.jsonl is not the file",
            Box::new(|folder, _| edit(&folder.join(OBSERVATIONS), |text| without_line(&text, 1))),
        ),
        (
            "journal.jsonl is not the file",
            Box::new(|folder, _| edit(&folder.join(JOURNAL), |text| without_line(&text, 4))),
        ),
        ("run.json is not the file", Box::new(move |folder, _| outcome(folder))),
        ("approvals.json is missing", Box::new(|folder, _| std::fs::remove_file(folder.join(APPROVALS)).unwrap())),
        ("manifest.json is missing", Box::new(|folder, _| std::fs::remove_file(folder.join(MANIFEST)).unwrap())),
        (
            "added.txt is not in manifest.json",
            Box::new(|folder, _| std::fs::write(folder.join("added.txt"), "x").unwrap()),
        ),
        // Those who write the manifest anew are found by the chain, and by the two ends.
        (
            "line 5 is entry 6 of the run",
            Box::new(|folder, desk| {
                edit(&folder.join(JOURNAL), |text| without_line(&text, 4));
                seal(desk);
            }),
        ),
        (
            "stops before the run ended",
            Box::new(|folder, desk| {
                edit(&folder.join(JOURNAL), |text| without_line(&text, whole().len() - 1));
                seal(desk);
            }),
        ),
        (
            "run.json says halted-draft, and journal.jsonl submitted",
            Box::new(move |folder, desk| {
                outcome(folder);
                seal(desk);
            }),
        ),
    ];
    for (expected, tampering) in cases {
        let found = found(|folder, desk| tampering(folder, desk));
        assert!(found.iter().any(|flaw| flaw.contains(expected)), "{expected:?} is not in {found:?}");
    }
}
