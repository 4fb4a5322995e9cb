//! Bad input: a clear error that names file, line and field, the exit code of the contract, and nothing touched.

use std::process::{Command, Output};

use portal_agent::model::digest::Digest;
use portal_agent::reference_portal::example::{ExampleTimes, approved, exception, write};
use serde_json::{Value, json};
use tempfile::TempDir;

const MAP: &str = include_str!("../../selectors/reference.toml");
const PORTAL: &str = "http://127.0.0.1:8480/";

/// A folder with a record, its attachments, a calendar, a map and settings, all in order.
struct Desk {
    folder: TempDir,
}

struct Told {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let times = ExampleTimes::around(jiff::Timestamp::now());
        write(folder.path(), &PORTAL.parse().unwrap(), &times, 2_000).unwrap();
        let desk = Self { folder };
        desk.put("map.toml", MAP);
        desk.put(
            "portal-agent.toml",
            "operator = \"op.night\"\nmap = \"map.toml\"\ncalendar = \"freeze-calendar.toml\"\nfreeze_state = \"freeze_mode.json\"\nfreeze_policy = \"freeze-policy.toml\"\nuser = \"release.engineer\"\n",
        );
        desk
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn record(&self, change: impl FnOnce(&mut Value)) {
        let mut record: Value = serde_json::from_str(&self.text("record.json")).unwrap();
        change(&mut record);
        self.put("record.json", serde_json::to_vec_pretty(&record).unwrap());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portal-agent"));
        command.args(arguments).current_dir(self.folder.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PORTAL_AGENT_")) {
            command.env_remove(name);
        }
        command.env("PORTAL_AGENT_PASSWORD", "correct-horse-battery-staple");
        command
    }

    /// Every object of every claim, in order.
    fn claims(&self) -> Vec<Value> {
        let Ok(rows) = std::fs::read_dir(self.path("evidence/.claims")) else { return Vec::new() };
        let objects = rows.flat_map(|row| std::fs::read_dir(row.unwrap().path()).unwrap());
        let mut paths: Vec<_> = objects.map(|object| object.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }

    fn run(&self, arguments: &[&str]) -> Told {
        told(self.command(arguments).output().unwrap())
    }

    /// `check` and `submit` both refuse it, with the same words; no evidence is begun.
    fn refuses(&self, fragments: &[&str]) {
        for command in ["check", "submit"] {
            let told = self.run(&[command, "record.json"]);
            assert_eq!(told.code, 2, "{command}: {}{}", told.stdout, told.stderr);
            for fragment in fragments {
                assert!(told.stderr.contains(fragment), "{command}: {fragment:?} is not in\n{}", told.stderr);
            }
            assert!(!self.path("evidence").exists(), "{command} touched something");
        }
        let json = self.run(&["submit", "record.json", "--output", "json"]);
        let document: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(document["outcome"], "invalid-input");
    }
}

fn told(output: Output) -> Told {
    Told {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_record_in_order_is_judged_without_a_browser() {
    let desk = Desk::new();
    let told = desk.run(&["check", "record.json"]);
    assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    assert!(told.stdout.starts_with("would proceed  CHG0041877"), "{}", told.stdout);
    assert!(!desk.path("evidence").exists());
}

#[test]
fn malformed_json_names_file_and_line() {
    let desk = Desk::new();
    desk.put("record.json", "{\n  \"schema\": \"portal-agent/record/1\",\n  oops\n}");
    desk.refuses(&["record.json:3:", "portal-agent schema record"]);
    desk.put("record.json", [0xff, 0xfe, b'{']);
    desk.refuses(&["record.json", "not UTF-8"]);
    let twice = Desk::new();
    twice.put("record.json", format!("{}{{}}", twice.text("record.json")));
    twice.refuses(&["something follows the record"]);
}

#[test]
fn wrong_types_and_unknown_or_doubled_keys_name_their_field() {
    let desk = Desk::new();
    desk.record(|record| record["exception"]["revision"] = "four".into());
    desk.refuses(&["exception.revision", "invalid type"]);
    let desk = Desk::new();
    desk.record(|record| record["exception"]["severity"] = 1.into());
    desk.refuses(&["exception", "unknown field `severity`"]);
    let desk = Desk::new();
    let doubled = desk.text("record.json").replacen("\"revision\": 4,", "\"revision\": 4,\n    \"revision\": 5,", 1);
    desk.put("record.json", doubled);
    desk.refuses(&["duplicate field `revision`", "record.json:"]);
    let desk = Desk::new();
    desk.put("record.json", desk.text("record.json").replacen("1840", "9007199254740993", 1));
    desk.refuses(&["exception.details.affected", "whole numbers from 2^53 on"]);
}

#[test]
fn impossible_windows_are_refused() {
    let desk = Desk::new();
    desk.record(|record| record["exception"]["window"]["end"] = "2020-01-01T00:00:00Z".into());
    desk.refuses(&["exception.window.end", "ends before it starts"]);
    let desk = Desk::new();
    desk.record(|record| record["exception"]["window"]["start"] = "2026-03-08T02:30:00[America/New_York]".into());
    desk.refuses(&["exception.window.start", "clocks are put forward over it"]);
    let desk = Desk::new();
    desk.record(|record| record["exception"]["window"]["start"] = "2026-11-01T01:30:00[America/New_York]".into());
    desk.refuses(&["happens twice"]);
    let desk = Desk::new();
    desk.record(|record| record["exception"]["window"]["start"] = "2026-12-04T02:00:00".into());
    desk.refuses(&["not a time with an offset or an IANA zone"]);
}

#[test]
fn attachments_that_are_missing_folders_or_elsewhere_are_refused() {
    let desk = Desk::new();
    std::fs::remove_file(desk.path("attachments/rollback-plan.pdf")).unwrap();
    desk.refuses(&["exception.attachments.rollback-plan.path", "cannot be read"]);
    let desk = Desk::new();
    std::fs::remove_file(desk.path("attachments/rollback-plan.pdf")).unwrap();
    std::fs::create_dir(desk.path("attachments/rollback-plan.pdf")).unwrap();
    desk.refuses(&["is not a regular file"]);
    let desk = Desk::new();
    desk.record(|record| record["exception"]["attachments"][0]["path"] = "../../etc/passwd".into());
    desk.refuses(&["exception.attachments[0].path", "must stay below"]);
    let desk = Desk::new();
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::remove_file(desk.path("attachments/rollback-plan.pdf")).unwrap();
    std::os::unix::fs::symlink(outside.path(), desk.path("attachments/rollback-plan.pdf")).unwrap();
    desk.refuses(&["leads out of the record's folder"]);
}

#[test]
fn an_attachment_changed_after_approval_is_judged_and_not_uploaded() {
    let desk = Desk::new();
    desk.put("attachments/rollback-plan.pdf", "another plan");
    for command in ["check", "submit"] {
        let told = desk.run(&[command, "record.json", "--output", "json"]);
        assert_eq!(told.code, 1, "{}", told.stderr);
        let document: Value = serde_json::from_str(&told.stdout).unwrap();
        assert_eq!(document["halt"][0]["code"], "attachment-digest-mismatch", "{document:#}");
    }
    // A halted run leaves its note, and no claim.
    let runs: Vec<_> = std::fs::read_dir(desk.path("evidence/CHG0041877")).unwrap().collect();
    assert_eq!(runs.len(), 1);
    assert!(!desk.path("evidence/.claims").exists() || desk.claims().is_empty());
}

#[test]
fn characters_that_a_form_or_a_driver_takes_for_commands_are_refused() {
    for (character, fragment) in
        [("\n", "U+000A"), ("\u{E007}", "key press"), ("\u{0}", "U+0000"), ("\u{202E}", "invisible")]
    {
        let desk = Desk::new();
        desk.record(|record| record["exception"]["title"] = format!("pool{character}fix").into());
        desk.refuses(&["exception.title", fragment]);
    }
    let desk = Desk::new();
    desk.record(|record| record["exception"]["details"]["note"] = "a\u{E006}b".into());
    desk.refuses(&["exception.details"]);
}

#[test]
fn text_without_end_is_refused_by_size() {
    let desk = Desk::new();
    desk.record(|record| record["exception"]["scope"] = "x".repeat(40_000).into());
    desk.refuses(&["exception.scope", "40000 characters", "32768 at most"]);
    let desk = Desk::new();
    desk.record(|record| record["exception"]["scope"] = "x".repeat(10_000_000).into());
    desk.refuses(&["is larger than 4194304 bytes"]);
}

#[test]
fn a_record_that_the_map_cannot_enter_is_refused_before_a_browser_starts() {
    // A text of several lines in a field of one line, approved all the same.
    let desk = Desk::new();
    let times = ExampleTimes::around(jiff::Timestamp::now());
    let old: Value = serde_json::from_str(&desk.text("record.json")).unwrap();
    let mut asked = exception(&times);
    asked["attachments"] = old["exception"]["attachments"].clone();
    asked["details"]["note"] = "first\nsecond".into();
    let record = approved(asked.clone(), &PORTAL.parse().unwrap(), &times).unwrap();
    desk.put("record.json", record.to_string());
    desk.refuses(&["field note", "a line break can submit a form"]);
    asked["details"] = json!({});
    desk.put("record.json", approved(asked, &PORTAL.parse().unwrap(), &times).unwrap().to_string());
    desk.refuses(&["details.", "which the record does not have"]);
}

#[test]
fn a_selector_map_with_a_mistake_names_its_line() {
    let cases = [
        ("means = \"harmless\"", "means = \"harmles\"", "harmles"),
        ("record = \"service.id\"", "record = \"service.name\"", "names nothing in a change record"),
        ("form = \"DRF-[0-9]{6}\"", "form = \"DRF-[0-9\"", "unclosed character class"),
        ("time_zone = \"America/New_York\"", "time_zone = \"America/Nowhere\"", "time_zone"),
        ("path = \"/api/uploads\"", "path = \"/exceptions/{draft}/submit\"", "could match the same request as"),
        ("[draft]", "[draft]\nsaved = \"x\"", "unknown field `saved`"),
        ("id = \"environment\"", "id = \"service\"", "exists already"),
        ("[draft]", "[kind.look]\nenter = []\nread = \"self\"\n\n[draft]", "second version"),
        ("label = \"Environment\"", "label = \"Environment\"\nkind = \"look\"", "there is no kind"),
        ("label = \"Environment\"", "label = \"Environment\"\nshown = \"{value}\"", "where the value stands"),
        ("[submit.dialog]", "[submit.dialog]\nnative = true", "the dialog is not complete"),
        ("constant = \"yes\"\n\n[conf", "constant = \"yes\"\nvolatile = true\n\n[conf", "exactly one kind"),
    ];
    for (good, bad, fragment) in cases {
        let desk = Desk::new();
        assert!(MAP.contains(good), "{good}");
        desk.put("map.toml", MAP.replacen(good, bad, 1));
        desk.refuses(&["map.toml:", fragment]);
    }
}

#[test]
fn a_base_url_outside_the_map_is_refused() {
    let desk = Desk::new();
    for command in ["check", "submit"] {
        let told = desk.run(&[command, "record.json", "--base-url", "http://127.0.0.1:8481/"]);
        assert!(told.code == 2 && told.stderr.contains("outside the selector map's origins"), "{}", told.stderr);
    }
}

#[test]
fn settings_that_are_missing_or_misspelt_say_what_to_do() {
    let desk = Desk::new();
    desk.put("portal-agent.toml", desk.text("portal-agent.toml").replace("operator", "operater"));
    desk.refuses(&["portal-agent.toml:1", "did you mean `operator`?"]);
    let desk = Desk::new();
    desk.put("portal-agent.toml", desk.text("portal-agent.toml").replace("operator = \"op.night\"\n", ""));
    desk.refuses(&["`operator` is not set", "PORTAL_AGENT_OPERATOR"]);
    let desk = Desk::new();
    desk.put("freeze-calendar.toml", "zone = 1");
    desk.refuses(&["freeze-calendar.toml:1"]);
    let desk = Desk::new();
    std::fs::remove_file(desk.path("freeze-calendar.toml")).unwrap();
    desk.refuses(&["freeze-calendar.toml", "cannot be read"]);
    let told = desk.run(&["submit"]);
    assert_eq!(told.code, 2);
    let desk = Desk::new();
    let both = "browser_network = \"own\"\nwebdriver = \"http://127.0.0.1:9515/\"\n";
    desk.put("portal-agent.toml", desk.text("portal-agent.toml") + both);
    desk.refuses(&["browser_network", "`webdriver`", "one that runs already"]);
}

#[test]
fn an_evidence_folder_that_cannot_be_written_halts_before_anything_is_touched() {
    let desk = Desk::new();
    desk.put("evidence", "a file where the folder should be");
    let told = desk.run(&["submit", "record.json", "--output", "json"]);
    let document: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((told.code, &document["outcome"]), (1, &"halted-abandoned".into()), "{document:#}");
    assert_eq!(document["halt"][0]["code"], "evidence-unwritable");
    assert_eq!(document["sealed"], false);
}

#[test]
fn a_full_disk_halts_before_anything_is_touched() {
    let desk = Desk::new();
    // No file may grow beyond four blocks of 512 bytes: the copies of the attachments fit, what a run writes down does not.
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" submit record.json --output json";
    let mut command = desk.command(&[]);
    let program = command.get_program().to_owned();
    command = Command::new("sh");
    command
        .args(["-c", script])
        .arg(program)
        .current_dir(desk.folder.path())
        .env("PORTAL_AGENT_PASSWORD", "long-enough");
    desk.record(|record| record["approvals"][0]["decision"] = "revoked".into());
    let told = told(command.output().unwrap());
    assert_eq!(told.code, 1, "{}{}", told.stdout, told.stderr);
    let document: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(document["outcome"], "halted-abandoned", "{document:#}");
    let codes: Vec<_> = document["halt"].as_array().unwrap().iter().map(|reason| reason["code"].clone()).collect();
    assert!(
        codes.contains(&"evidence-unwritable".into()) && codes.contains(&"approval-revoked".into()),
        "{document:#}"
    );
    assert_eq!(document["sealed"], false);
}

#[test]
fn a_missing_browser_or_driver_names_the_command_that_installs_it() {
    let desk = Desk::new();
    for (browser, fragment) in
        [("chromium", "apt-get install chromium chromium-driver"), ("firefox", "apt-get install firefox-esr")]
    {
        let mut command = desk.command(&["submit", "record.json", "--output", "json", "--browser", browser]);
        let told = told(command.env("PATH", desk.folder.path()).output().unwrap());
        let document: Value = serde_json::from_str(&told.stdout).unwrap();
        assert_eq!((told.code, &document["outcome"]), (4, &"environment".into()), "{document:#}");
        assert!(document["environment"].as_str().unwrap().contains(fragment), "{document:#}");
        // The claim is free again.
        assert!(desk.claims().last().is_some_and(|claim| claim["state"] == "freed"), "{:?}", desk.claims());
    }
}

#[test]
fn a_change_that_another_run_holds_is_left_alone() {
    let desk = Desk::new();
    let row = "evidence/.claims/http___127.0.0.1_8480--CHG0041877";
    std::fs::create_dir_all(desk.path(row)).unwrap();
    let claim = json!({
        "state": "held", "run": "20261121T000000Z-abcdef", "change": "CHG0041877", "portal": "http://127.0.0.1:8480",
        "holder": { "host": "other", "boot": "b", "processes": "p", "pid": 1, "started": 1 },
        "at": "2026-11-21T00:00:00Z",
    });
    desk.put(&format!("{row}/000001.json"), claim.to_string());
    let told = desk.run(&["submit", "record.json", "--output", "json"]);
    let document: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told.code, 1);
    assert_eq!(document["halt"][0]["code"], "claimed-by-another-run", "{document:#}");
    assert!(document["halt"][0]["observed"].as_str().unwrap().contains("20261121T000000Z-abcdef"), "{document:#}");
}

#[test]
fn the_printed_schema_accepts_the_example_and_refuses_what_the_reader_refuses() {
    let desk = Desk::new();
    let schema: Value = serde_json::from_str(&desk.run(&["schema", "record"]).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let record: Value = serde_json::from_str(&desk.text("record.json")).unwrap();
    let errors: Vec<String> = validator.iter_errors(&record).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    type Change = fn(&mut Value);
    let bad: [Change; 4] = [
        |record| record["exception"]["unknown"] = 1.into(),
        |record| record["exception"]["revision"] = "four".into(),
        |record| record["manifest"]["packet"] = "md5:00".into(),
        |record| drop(record.as_object_mut().unwrap().remove("approvals")),
    ];
    for change in bad {
        let mut record = record.clone();
        change(&mut record);
        assert!(!validator.is_valid(&record));
    }
}

#[test]
fn what_cannot_become_a_recording_is_refused_before_anything_is_touched() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("there")).unwrap();
    desk.put("pairs.toml", "\"jdoe\" = 7\n");
    desk.put("cut.har", "{\"log\":{\"version\":\"1.2\",\n\"entr");
    desk.put("lost.har", har(PORTAL, &json!({ "size": 9, "mimeType": "text/html" })));
    let import = |har: &'static str| vec!["import", har, "--record", "record.json", "--out", "new"];
    for (arguments, fragments) in [
        (vec!["record", "record.json", "--out", "there"], ["there", "something is there already"]),
        (vec!["record", "record.json", "--out", "map.toml/x"], ["map.toml", "error"]),
        (vec!["record", "record.json", "--out", "new", "--stand-ins", "pairs.toml"], ["pairs.toml:1", "stand-in"]),
        (import("cut.har"), ["cut.har", "line 2"]),
        (import("none.har"), ["none.har", "cannot be read"]),
        (import("lost.har"), ["entry 1", "export the HAR with bodies"]),
        (vec!["replay", "there"], ["there", "holds no fixture"]),
        (vec!["replay", "nowhere"], ["nowhere", "is no folder"]),
        (vec!["replay", "there", "--policy", "x.toml"], ["--decisions", "required"]),
    ] {
        let told = desk.run(&arguments);
        assert_eq!(told.code, 2, "{arguments:?}: {}{}", told.stdout, told.stderr);
        for fragment in fragments {
            assert!(told.stderr.contains(fragment), "{arguments:?}: {fragment:?} is not in\n{}", told.stderr);
        }
        assert!(!desk.path("evidence").exists() && !desk.path("new").exists(), "{arguments:?} touched something");
        assert_eq!(std::fs::read_dir(desk.path("there")).unwrap().count(), 0);
    }
}

/// A HAR of one page, answered with this content.
fn har(base: &str, content: &Value) -> String {
    let request = json!({ "method": "GET", "url": format!("{base}login") });
    let response = json!({ "status": 200, "content": content });
    let entry = json!({ "startedDateTime": "2026-11-21T10:00:00+01:00", "request": request, "response": response });
    json!({ "log": { "version": "1.2", "creator": {}, "entries": [entry] } }).to_string()
}

#[test]
fn completions_and_help_name_every_command() {
    let desk = Desk::new();
    let completions = desk.run(&["completions", "bash"]);
    let help = desk.run(&["--help"]);
    for command in ["submit", "check", "record", "import", "replay", "selectors", "doctor", "schema", "completions"] {
        assert!(completions.stdout.contains(command) && help.stdout.contains(command), "{command}");
    }
    assert_eq!((completions.code, help.code), (0, 0));
}

#[test]
fn the_digest_is_over_canonical_json_and_survives_another_spelling_of_the_record() {
    // The same semantic fields, written otherwise: keys reversed, times with an offset, numbers unchanged.
    let desk = Desk::new();
    let packet = |desk: &Desk| {
        let told = desk.run(&["check", "record.json", "--output", "json"]);
        serde_json::from_str::<Value>(&told.stdout).unwrap()["packet"].as_str().unwrap().to_owned()
    };
    let before = packet(&desk);
    assert!(Digest::parse(&before).is_ok());
    desk.record(|record| {
        let object = record["exception"].as_object().unwrap().clone();
        record["exception"] = object.into_iter().rev().collect::<serde_json::Map<_, _>>().into();
        let start: jiff::Timestamp = record["exception"]["window"]["start"].as_str().unwrap().parse().unwrap();
        let spelt = start.in_tz("America/New_York").unwrap().to_string();
        record["exception"]["window"]["start"] = spelt.into();
    });
    assert_eq!(packet(&desk), before);
}
