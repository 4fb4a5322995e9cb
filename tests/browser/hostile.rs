//! Pages that are enormous in every place that the agent reads: memory, evidence and what is printed stay small.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use portal_agent::model::browser::BrowserKind;
use portal_agent::reference_portal::PASSWORD;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};

use crate::browser_tests;
use crate::commands::settle;
use crate::support::sweep::sweep;
use crate::support::{Plan, Rig};

/// Most memory that the agent may ever have, in bytes.
const PEAK: u64 = 150_000_000;
/// Most evidence of one such run, in bytes.
const EVIDENCE: u64 = 10_000_000;
/// Most that is printed, in bytes.
const PRINTED: usize = 1_000_000;

/// What is enormous, and how a page makes it so.
const PAGES: [(&str, &str); 8] = [
    (
        "a label of 10 MB",
        "<script>onload = () => document.querySelector('label').textContent = 'x'.repeat(1e7)</script>",
    ),
    (
        "a value of 10 MB in a control",
        "<script>onload = () => document.querySelector('textarea').value = 'x'.repeat(1e7)</script>",
    ),
    (
        "20,000 alerts",
        "<script>onload = () => { const all = document.createDocumentFragment(); for (let i = 0; i < 20000; i += 1) { \
         const one = document.createElement('p'); one.className = 'banner'; one.textContent = 'alert ' + i + ' '.repeat(9) + \
         'x'.repeat(600); all.append(one) } document.body.append(all) }</script>",
    ),
    (
        "a mandatory control with a label of 10 MB, 300 times",
        "<script>onload = () => { const panel = document.querySelector('[role=tabpanel]'); for (let i = 0; i < 300; i += 1) { \
         const label = document.createElement('label'); label.textContent = 'x'.repeat(i ? 3e4 : 1e7); \
         const one = document.createElement('input'); one.required = true; label.append(one); panel.append(label) } }</script>",
    ),
    ("a dialog of 10 MB", "<script>onload = () => alert('x'.repeat(1e7))</script>"),
    (
        "2,000 different undeclared requests",
        "<script>for (let i = 0; i < 2000; i += 1) fetch('/x/' + String.fromCharCode(97 + i % 26, 97 + i / 26 % 26, 97 + \
         i / 676) + '/' + 'y'.repeat(20), {method: 'PUT'}).catch(() => 0)</script>",
    ),
    (
        "a form of 16 MiB of nothing at the commit's path",
        "<script>fetch('/exceptions/DRF-2026-000001/submit', {method: 'POST', body: 'a&'.repeat(8 << 20), headers: \
         {'Content-Type': 'application/x-www-form-urlencoded'}}).catch(() => 0)</script>",
    ),
    (
        "JSON of 16 MiB of nothing at the address of saving, six times",
        "<script>for (let i = 0; i < 6; i += 1) fetch('/api/exceptions', {method: 'POST', body: '[' + '[],'.repeat(5 << 20) + '0]', \
         headers: {'Content-Type': 'application/json'}}).catch(() => 0)</script>",
    ),
];

/// Peak resident memory of a process, in bytes, as the kernel has counted it so far.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let sizes = entries.map(|entry| match entry.file_type().unwrap().is_dir() {
        true => size(&entry.path()),
        false => entry.metadata().unwrap().len(),
    });
    sizes.sum()
}

async fn bounded(browser: BrowserKind, name: &str, markup: &'static str) {
    let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(markup)))).await;
    settle(&rig, browser);
    let folder = rig.folder.path().to_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portal-agent"));
    command.args(["submit", "record.json", "--output", "json"]).current_dir(&folder);
    command.env("PORTAL_AGENT_PASSWORD", PASSWORD).stdout(Stdio::piped()).stderr(Stdio::piped());
    if rustix::process::geteuid().is_root() {
        command.env("PORTAL_AGENT_BROWSER_PROFILE", "container");
    }
    let agent = command.spawn().unwrap();
    let process = agent.id();
    let output = tokio::task::spawn_blocking(move || agent.wait_with_output().unwrap());
    let mut highest = 0;
    let mut often = tokio::time::interval(Duration::from_millis(10));
    while !output.is_finished() {
        often.tick().await;
        highest = highest.max(peak(process).unwrap_or_default());
    }
    let output = output.await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let document: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no document: {told}"));
    let evidence = size(&folder.join("evidence"));
    let printed = output.stdout.len() + output.stderr.len();
    println!(
        "{name}, {browser}: peak {} MB, evidence {} kB, printed {printed} bytes",
        highest / 1_000_000,
        evidence / 1000
    );
    // A browser that shows such a page too late ends the run as well.
    let stopped = document["halt"] != serde_json::json!([]) || document["outcome"] == "environment";
    assert!(stopped, "{name} did not stop the run: {document:#}");
    assert!(highest < PEAK, "{name}: {highest} bytes of memory");
    assert!(evidence < EVIDENCE, "{name}: {evidence} bytes of evidence");
    assert!(printed < PRINTED, "{name}: {printed} bytes printed");
}

browser_tests! {
    chromium async fn a_run_over_an_enormous_page_stays_small(browser: BrowserKind) {
        // The others take minutes, most of them in the browser.
        let quick = ["a label of 10 MB", "a dialog of 10 MB", "a form of 16 MiB of nothing at the commit's path"];
        for (name, markup) in PAGES.into_iter().filter(|(name, _)| sweep() || quick.contains(name)) {
            bounded(browser, name, markup).await;
        }
    }
}
