//! What it costs to verify 1 GB of evidence, beside `sha256sum` with as many jobs: seconds, their ratio, and peak memory. Then single
//! bytes are changed here and there, and each has to be found.

mod usage;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant as Monotonic;

use portal_agent::evidence::journal::{Event, Journal, Opening};
use portal_agent::evidence::outcome::Outcome;
use portal_agent::evidence::store::{EvidenceFolder, MANIFEST};
use portal_agent::mask::masked::MaskGate;
use portal_agent::model::digest::Digest;
use portal_agent::model::ids::{ChangeId, RunId};
use portal_agent::model::time::Instant;
use serde_json::Value;
use usage::{Usage, watch};

const RUNS: usize = 250;
const PICTURES: usize = 16;
/// Bytes of a picture.
const PICTURE: usize = 256 << 10;

fn main() {
    // `cargo test` builds benches too and runs them with this flag: there is nothing to test here.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = (0..RUNS).flat_map(|number| run(folder.path(), number)).collect();
    println!("verify: {RUNS} runs of {} MB", (PICTURES * PICTURE) >> 20);
    let jobs = std::thread::available_parallelism().unwrap().to_string();
    for pass in ["first", "second"] {
        let begun = Monotonic::now();
        let sums = "find . -type f -print0 | xargs -0 -P \"$1\" -n 64 sha256sum > /dev/null";
        let ended = Command::new("sh").args(["-c", sums, "sh", &jobs]).current_dir(folder.path()).status().unwrap();
        assert!(ended.success());
        let other = begun.elapsed().as_secs_f64();
        let begun = Monotonic::now();
        let (told, usage) = verified(folder.path());
        let own = begun.elapsed().as_secs_f64();
        assert_eq!(told["whole"], RUNS);
        let (ratio, cpu) = (own / other, usage.cpu.as_secs_f64());
        println!(
            "  {pass}: {own:.2} s ({cpu:.2} s of processor), sha256sum {other:.2} s, ratio {ratio:.2}; {:.0} MB at most",
            usage.peak_mb
        );
    }
    for (at, path) in files.iter().enumerate().step_by(files.len() / 20) {
        let whole = std::fs::read(path).unwrap();
        let mut changed = whole.clone();
        let place = (at * 7_919) % changed.len();
        changed[place] ^= 1;
        std::fs::write(path, changed).unwrap();
        assert_eq!(verified(folder.path()).0["altered"], 1, "{} at byte {place}", path.display());
        std::fs::write(path, whole).unwrap();
    }
    println!("  20 single bytes changed, one after another: all found");
}

fn verified(folder: &Path) -> (Value, Usage) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portal-agent"));
    command.args(["verify", "--output", "json"]).arg(folder).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    let pid = child.id();
    let watching = std::thread::spawn(move || watch(pid));
    let output = child.wait_with_output().unwrap();
    (serde_json::from_slice(&output.stdout).unwrap(), watching.join().unwrap())
}

/// One run of the size of a real one; the paths of its pictures.
fn run(root: &Path, number: usize) -> Vec<PathBuf> {
    let (change, run) = (ChangeId::parse(&format!("CHG{number:07}")).unwrap(), RunId::parse("r1").unwrap());
    let mut folder = EvidenceFolder::create(root, &change, &run).unwrap();
    let gate = MaskGate::new(Default::default(), [0; 32], Vec::new());
    let opening = Opening {
        run: run.clone(),
        change: change.clone(),
        packet: Digest::of(b"packet"),
        window: serde_json::from_str(r#"{"start":"2026-12-01T07:00:00Z","end":"2026-12-01T09:00:00Z"}"#).unwrap(),
        portal: "https://change.example".to_owned(),
        record: "record.json".to_owned(),
    };
    let at = Instant::parse("2026-12-01T06:00:00Z").unwrap();
    let mut journal = Journal::default();
    let outcome = Outcome::HaltedAbandoned;
    for event in [Event::Opened(opening), Event::Claimed, Event::PacketJudged, Event::Ended { outcome }] {
        journal.write(&mut folder, &gate, at, &event).unwrap();
    }
    let place = root.join(change.as_str()).join(run.as_str());
    std::fs::write(place.join("run.json"), r#"{"run_id":"r1","outcome":"halted-abandoned"}"#).unwrap();
    let mut state = number as u64 + 1;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let paths: Vec<PathBuf> = (0..PICTURES).map(|one| place.join(format!("screenshots/{one:02}.png"))).collect();
    for path in &paths {
        std::fs::write(path, (0..PICTURE).map(|_| byte()).collect::<Vec<u8>>()).unwrap();
    }
    let files = serde_json::to_value(folder.digests().unwrap()).unwrap();
    let manifest = serde_json::json!({ "schema": "portal-agent/manifest/1", "run_id": "r1", "files": files });
    std::fs::write(place.join(MANIFEST), format!("{manifest:#}\n")).unwrap();
    paths
}
