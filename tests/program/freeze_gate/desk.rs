//! A folder with the two state files, and the program run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::freeze_gate::git::git;

pub const FREEZE: &str = "docs/releases/_state/freeze_mode.json";
pub const OVERRIDE: &str = "docs/releases/_state/release_override.json";
pub const JUSTIFICATION: &str = "The payment outage in two regions ends only with this very release.";

/// The program under test.
fn program() -> &'static str {
    env!("CARGO_BIN_EXE_portal-agent")
}

pub struct Desk {
    folder: TempDir,
}

pub struct Told {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Told {
    pub fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("no document: {}\n{}", self.stdout, self.stderr))
    }
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Desk {
    /// A folder in which nothing lies.
    pub fn bare() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The root of a repository in which nothing was ever committed.
    pub fn repository() -> Self {
        let desk = Self::bare();
        git(&desk, &["init", "--quiet"]);
        desk
    }

    pub fn frozen() -> Self {
        let desk = Self::repository();
        desk.put(FREEZE, freeze().to_string());
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// A program. It is made by another process: what a fork of a test still has open for writing cannot be run.
    pub fn put_program(&self, name: &str, text: &str) {
        self.put(&format!("{name}.text"), text);
        let mut install = std::process::Command::new("install");
        install.args(["-m", "755"]).args([self.path(&format!("{name}.text")), self.path(name)]);
        assert!(install.status().unwrap().success());
        self.clear(&format!("{name}.text"));
    }

    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path(name)).ok()
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.bytes(name).unwrap()).unwrap()
    }

    /// Removes whatever lies there.
    pub fn clear(&self, name: &str) {
        let path = self.path(name);
        match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => std::fs::remove_dir_all(path).unwrap(),
            Ok(_) => std::fs::remove_file(path).unwrap(),
            Err(_) => {}
        }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.arg("freeze").args(arguments).current_dir(self.folder.path());
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("PORTAL_AGENT_") || name.starts_with("GIT_"))
        {
            command.env_remove(name);
        }
        // The log's own colours are no part of what is told.
        command.env("NO_COLOR", "1");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Told {
        self.command(arguments).output().unwrap().into()
    }

    pub fn grant(&self, change: &[&str]) -> Told {
        let mut arguments = vec!["override"];
        for (name, value) in [
            ("--justification", JUSTIFICATION),
            ("--ticket-url", "https://tickets.example/INC-7"),
            ("--duration-hours", "24"),
            ("--approved-by", "release.lead"),
        ] {
            if !change.contains(&name) {
                arguments.extend([name, value]);
            }
        }
        arguments.extend(change);
        self.run(&arguments)
    }

    /// Names of everything in the folder of the state files.
    pub fn state_folder(&self) -> Vec<String> {
        let folder = self.path(FREEZE);
        let Ok(rows) = std::fs::read_dir(folder.parent().unwrap_or(Path::new("."))) else { return Vec::new() };
        let mut names: Vec<_> = rows.map(|row| row.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// So many minutes from now; negative for the past.
pub fn from_now(minutes: i64) -> String {
    (Timestamp::now() + SignedDuration::from_mins(minutes)).to_string()
}

/// A freeze that was set two hours ago.
pub fn freeze() -> Value {
    json!({
        "freeze_mode": true,
        "set_at": from_now(-120),
        "reason": "error_budget_EMERGENCY",
        "set_by": "automation",
        "tier": "RED",
        "expires_at": null,
        "note": "Automatically set due to budget exhaustion.",
    })
}

/// `freeze_mode: false`, by a person.
pub fn reset() -> Value {
    let mut state = freeze();
    state["freeze_mode"] = json!(false);
    state["set_by"] = json!("human");
    state["reason"] = json!("manual_reset_after_remediation");
    state
}

/// An override that keeps every rule, set an hour ago, for a day.
pub fn release_override() -> Value {
    json!({
        "active": true,
        "set_at": from_now(-60),
        "expires_at": from_now(23 * 60 - 1),
        "justification": JUSTIFICATION,
        "ticket_url": "https://tickets.example/INC-7",
        "approved_via_environment": "release-override",
        "approved_by": "release.lead",
        "note": "Temporary override - does not clear freeze mode",
    })
}

/// `value` with one key changed.
pub fn with(mut value: Value, key: &str, new: Value) -> Value {
    value[key] = new;
    value
}

/// `value` without one key.
pub fn without(mut value: Value, key: &str) -> Value {
    value.as_object_mut().unwrap().remove(key);
    value
}

/// An error budget of which something is left everywhere.
pub fn calm() -> Value {
    let budget = json!({"allocated": 10, "consumed": 4, "remaining": 6, "exhausted": false});
    json!({
        "tier": "YELLOW",
        "budgets": {"rollbacks": budget, "fails": budget, "warns": budget},
        "exhaustion": {"any_exhausted": false},
    })
}

/// An error budget in its worst tier.
pub fn red() -> Value {
    with(calm(), "tier", json!("RED"))
}
