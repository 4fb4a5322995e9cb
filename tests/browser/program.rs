//! The program itself, as a user starts it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use portal_agent::model::browser::BrowserKind;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::browser_tests;

struct Started {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    private: TempDir,
    evidence: TempDir,
}

fn demo(browser: BrowserKind, more: &[&str]) -> Started {
    let (private, evidence) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_portal-agent"));
    command.args(["submit", "--demo", "--output", "json", "--browser", &browser.to_string()]).args(more);
    command.arg("--evidence").arg(evidence.path()).env("TMPDIR", private.path()).current_dir(private.path());
    if rustix::process::geteuid().is_root() {
        command.env("PORTAL_AGENT_BROWSER_PROFILE", "container");
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    Started { child, stderr, private, evidence }
}

fn finish(mut started: Started) -> (ExitStatus, Value, String) {
    let mut told = String::new();
    std::io::Read::read_to_string(&mut started.stderr, &mut told).unwrap();
    let output = started.child.wait_with_output().unwrap();
    let document = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    assert_eq!(processes_of(started.private.path()), Vec::<String>::new(), "still running");
    // Browsers may leave sockets of their own; what holds attachments, profile or demonstration must be gone.
    let left = std::fs::read_dir(started.private.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let ours: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("portal-agent")).collect();
    assert!(ours.is_empty(), "left behind: {ours:?}");
    drop(started.evidence);
    (output.status, document, told)
}

/// Command lines of processes that name this folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = std::fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    let name = folder.to_string_lossy().into_owned();
    processes.filter(|line| line.contains(&name)).collect()
}

fn until_step(started: &mut Started, step: &str) {
    let mut line = String::new();
    while started.stderr.read_line(&mut line).unwrap() > 0 {
        if line.trim() == step {
            return;
        }
        line.clear();
    }
    panic!("the run never came to {step:?}");
}

browser_tests! {
    chromium async fn the_demonstration_submits_and_leaves_nothing_running(browser: BrowserKind) {
        let (status, document, told) = finish(demo(browser, &["--log-format", "json"]));
        assert_eq!((status.code(), &document["outcome"]), (Some(0), &Value::from("submitted")), "{document:#}\n{told}");
        // Every line is a document that says of which run and which stage it is.
        let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let released = "releasing the one commit request";
        let release = lines.iter().find(|line| line["fields"]["place"] == released).unwrap_or_else(|| panic!("{told}"));
        assert_eq!((&release["spans"][0]["run"], &release["spans"][1]["stage"]), (&document["run_id"], &"commit".into()));
    }

    chromium async fn a_terminal_that_goes_away_midway_does_not_end_the_run(browser: BrowserKind) {
        let mut started = demo(browser, &[]);
        until_step(&mut started, "fill: rollback");
        let Started { mut child, stderr, private, evidence } = started;
        drop((stderr, child.stdout.take()));
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert_eq!(processes_of(private.path()), Vec::<String>::new(), "still running");
        let run = evidence.path().join("CHG0041877").read_dir().unwrap().next().unwrap().unwrap().path();
        let document: Value = serde_json::from_slice(&std::fs::read(run.join("run.json")).unwrap()).unwrap();
        assert_eq!(document["outcome"], "submitted", "{document:#}");
    }

    chromium async fn ctrl_c_halts_to_a_draft_and_leaves_nothing_running(browser: BrowserKind) {
        let mut started = demo(browser, &[]);
        until_step(&mut started, "fill: rollback");
        kill_process(Pid::from_child(&started.child), Signal::INT).unwrap();
        let (status, document, told) = finish(started);
        assert_eq!((status.code(), &document["outcome"]), (Some(1), &Value::from("halted-draft")), "{document:#}\n{told}");
        assert_eq!(document["halt"][0]["code"], "interrupted");
        assert_eq!(document["draft_state"], "partial");
        assert_eq!(document["commit_requests_released"], 0);
    }

    firefox async fn sigterm_while_the_browser_starts_leaves_nothing_running(browser: BrowserKind) {
        let mut started = demo(browser, &[]);
        until_step(&mut started, "survey: starting the browser");
        kill_process(Pid::from_child(&started.child), Signal::TERM).unwrap();
        let (status, document, told) = finish(started);
        assert_ne!(status.code(), Some(0), "{document:#}\n{told}");
        assert_eq!(document["commit_requests_released"], 0, "{document:#}\n{told}");
    }

    chromium async fn a_driver_that_does_not_listen_is_the_environment(browser: BrowserKind) {
        let (status, document, told) = finish(demo(browser, &["--webdriver", "http://127.0.0.1:9/"]));
        assert_eq!((status.code(), &document["outcome"]), (Some(4), &Value::from("environment")), "{document:#}\n{told}");
    }
}
