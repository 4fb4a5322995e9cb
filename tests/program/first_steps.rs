//! What a newcomer does first: a portal to practise on, a record to fill in, its digest.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The portal to practise on, its files below a folder.
struct Served {
    child: Child,
    folder: TempDir,
    document: Value,
}

impl Served {
    fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program(folder.path(), &["demo", "serve", "--output", "json"]);
        let mut child = command.args(more).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut text = String::new();
        for line in lines {
            text += &line;
            if line == "}" {
                break;
            }
        }
        Self { child, folder, document: serde_json::from_str(&text).unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(self.document[name].as_str().unwrap())
    }

    fn record(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.path("record")).unwrap()).unwrap()
    }

    /// Starts a command with the portal's settings; exit code, stdout, stderr.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let settings = self.path("settings").display().to_string();
        ended(program(self.folder.path(), &[arguments, &["--settings", &settings]].concat()))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portal-agent"));
    command.args(arguments).current_dir(folder);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PORTAL_AGENT_")) {
        command.env_remove(name);
    }
    command
}

fn ended(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_portal_to_practise_on_has_all_that_a_run_needs_until_ctrl_c() {
    let mut served = Served::start(&[]);
    let (code, stdout, stderr) = served.run(&["check", "portal-agent-demo/record.json"]);
    assert_eq!((code, &stdout[..13]), (0, "would proceed"), "{stderr}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&served.path("record").metadata().unwrap().permissions());
    assert_eq!(mode & 0o077, 0);
    kill_process(Pid::from_child(&served.child), Signal::INT).unwrap();
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_folder_that_holds_files_is_not_written_into() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("record.json"), "mine").unwrap();
    let (code, _, stderr) = ended(program(folder.path(), &["demo", "serve", "--folder", "."]));
    assert_eq!(code, 2);
    assert!(stderr.contains("holds files") && stderr.contains("--folder"), "{stderr}");
    assert_eq!(std::fs::read_to_string(folder.path().join("record.json")).unwrap(), "mine");
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
}

#[test]
fn a_fault_that_does_not_exist_is_refused_with_those_that_do() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = ended(program(folder.path(), &["demo", "serve", "--fault", "label-renamd"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("label-renamed") && stderr.contains("commit-hangs"), "{stderr}");
}

/// Takes the values of `given` for what is to be filled in.
fn fill_in(wanted: &mut Value, given: &Value) {
    match (wanted, given) {
        (Value::Object(wanted), Value::Object(given)) => {
            wanted.iter_mut().for_each(|(name, wanted)| fill_in(wanted, &given[name]));
        }
        (Value::Array(wanted), Value::Array(given)) if !wanted.is_empty() && given[0].is_object() => {
            wanted.iter_mut().zip(given).for_each(|(wanted, given)| fill_in(wanted, given));
        }
        (Value::String(text), _) if text.contains("check --write-digest") => {}
        (wanted, given) => *wanted = given.clone(),
    }
}

#[test]
fn a_record_to_fill_in_becomes_one_that_is_judged() {
    let served = Served::start(&[]);
    let map = served.path("map").display().to_string();
    let (code, skeleton, stderr) = ended(program(served.folder.path(), &["schema", "record", "--skeleton", &map]));
    assert_eq!(code, 0, "{stderr}");
    // Beside the attachments that it names.
    let path = served.path("record").with_file_name("new.json");
    std::fs::write(&path, &skeleton).unwrap();
    let new = path.display().to_string();

    let (code, _, stderr) = served.run(&["check", &new, "--write-digest"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("exception.change_id: is still to be filled in, and"), "{stderr}");
    assert!(stderr.contains("new.json:4:"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), skeleton, "a record that is not complete was touched");

    let approved = served.record();
    let mut record: Value = serde_json::from_str(&skeleton).unwrap();
    fill_in(&mut record, &approved);
    std::fs::write(&path, serde_json::to_vec_pretty(&record).unwrap()).unwrap();
    let (code, stdout, stderr) = served.run(&["check", &new, "--write-digest", "--output", "json"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(document["written"].as_array().unwrap().last().unwrap(), "manifest.packet");
    let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(written, approved);
}

#[test]
fn a_record_that_is_changed_afterwards_is_not_approved_by_its_digest() {
    let served = Served::start(&[]);
    let mut record = served.record();
    record["exception"]["title"] = "Something else".into();
    std::fs::write(served.path("record"), serde_json::to_vec_pretty(&record).unwrap()).unwrap();
    let (code, stdout, _) = served.run(&["check", "portal-agent-demo/record.json", "--write-digest"]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("wrote   manifest.packet") && stdout.contains("approval-for-other-revision"), "{stdout}");
}

#[test]
fn a_change_request_is_not_written() {
    let served = Served::start(&[]);
    let (code, _, stderr) = served.run(&["check", "change:CHG0041877", "--write-digest"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("read, and never written"), "{stderr}");
}

#[test]
fn where_no_evidence_folder_is_nothing_is_said_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, told) = ended(program(folder.path(), &["takeover"]));
    assert!(code == 2 && told.contains("evidence: there is no such evidence folder"), "{code}: {told}");
    std::fs::create_dir(folder.path().join("evidence")).unwrap();
    let (code, told, _) = ended(program(folder.path(), &["takeover"]));
    assert!(code == 0 && told.contains("No unfinished runs in"), "{code}: {told}");
}
