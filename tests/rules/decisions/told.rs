//! What is told of a decision that changed and of evidence that cannot be judged again, by the command as well.

use crate::decisions::sources::Packet;
use crate::decisions::{Tab, approvals, gate, holding, line, observations, rejudge, text, value};
use portal_agent::decide::verdict::{HaltCode, Stage, Verdict};
use portal_agent::evidence::observations::{OBSERVATIONS_SCHEMA, Observation};
use portal_agent::rejudge::bundle::{OtherPolicy, judge};
use serde_json::{Value, json};

#[test]
fn a_rule_that_changed_since_is_noticed_with_what_is_new() {
    let tab = Tab::new(&text(), holding(&text(), value("pool fi")));
    // As if the rules of then had let this pass, and had halted a tab that proceeds today.
    let passed = line(Stage::Fill, Observation::Fill(tab.seen()), &Verdict::Proceed(()), &gate(true));
    let mut halted = line(Stage::Fill, Observation::Fill(Tab::good().seen()), &Verdict::Proceed(()), &gate(true));
    halted["verdict"] = json!(["label-changed"]);
    let changes = rejudge(&[passed, halted]).unwrap().changes;
    assert_eq!((changes[0].was.as_slice(), changes[0].now.as_slice()), (&[][..], &[HaltCode::ValueNotHeld][..]));
    let reason = &changes[0].reasons[0];
    assert_eq!((reason.expected.as_str(), reason.observed.as_str()), ("pool fix canary-7f3a", "pool fi canary-7f3a"));
    assert_eq!((changes[1].was.as_slice(), changes[1].now.as_slice()), (&[HaltCode::LabelChanged][..], &[][..]));
    assert!(changes[1].reasons.is_empty());
}

#[test]
fn what_cannot_be_judged_again_is_refused_by_name() {
    let good = line(Stage::Fill, Observation::Fill(Tab::good().seen()), &Verdict::Proceed(()), &gate(true));
    let differs = Tab::new(&text(), holding(&text(), value("pool fi")));
    let differs = line(Stage::Fill, Observation::Fill(differs.seen()), &Verdict::Proceed(()), &gate(true));
    let none = approvals(Vec::new());
    let told = |observations: &[u8], approvals: &[u8]| {
        judge(Some(observations), approvals, &OtherPolicy::default()).unwrap_err().to_string()
    };
    let whole = observations(&[good.clone(), good.clone()]);
    assert_eq!(told(&whole[..whole.len() - 9], &none), "observations.jsonl:3: cut off");
    assert_eq!(told(b"", &none), "observations.jsonl:1: cut off");
    assert_eq!(told(&whole, &none[..40]), "approvals.json:2: cut off");
    let text = String::from_utf8(whole.clone()).unwrap();
    let later = text.replace(OBSERVATIONS_SCHEMA, "portal-agent/observations/3");
    assert!(told(later.as_bytes(), &none).contains("portal-agent/observations/3"));
    let earlier = format!("{good}\n");
    assert!(told(earlier.as_bytes(), &none).contains("recorded by an earlier version"));
    assert!(told(&whole, br#"{"readings":[],"unlocked_by":null}"#).contains("recorded by an earlier version"));
    assert!(told(&whole, br#"{"schema":"portal-agent/approvals/9","more":1}"#).contains("portal-agent/approvals/9"));
    assert!(told(text.replacen("r1", "r2", 1).as_bytes(), &none).contains("of run \"r2\""));

    let contradicts = |mut line: Value, change: &dyn Fn(&mut Value)| {
        change(&mut line["fields"][0]);
        let told = rejudge(&[line]).unwrap_err().to_string();
        assert!(told.contains("observations.jsonl:2: field title is inconsistent"), "{told}");
    };
    contradicts(good.clone(), &|field| field["equal"] = false.into());
    contradicts(good.clone(), &|field| field["observed"] = "another".into());
    contradicts(good.clone(), &|field| field["matches"] = 0.into());
    contradicts(differs.clone(), &|field| field["equal"] = true.into());
    contradicts(differs, &|field| field["observed"] = field["expected"].clone());

    let malformed = |change: &dyn Fn(&mut Value)| {
        let mut line = good.clone();
        change(&mut line);
        let told = rejudge(&[line]).unwrap_err().to_string();
        assert!(told.starts_with("observations.jsonl:2: "), "{told}");
    };
    malformed(&|line| line["surprise"] = 1.into());
    malformed(&|line| line["judged"] = "guess".into());
    malformed(&|line| line["verdict"] = json!(["no-such-code"]));
    malformed(&|line| line["fields"][0]["path"] = "no.such.path".into());
    malformed(&|line| line["banners"] = json!([{ "text": "x", "means": "owner-mismatch" }]));
}

/// Carries out the command over `folder`: exit code, stdout, stderr.
fn replay(folder: &std::path::Path, more: &[&str]) -> (i32, String, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portal-agent"));
    let output = command.args(["replay", "--decisions"]).arg(folder).args(more).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_tells_what_changed_and_judges_the_rest_beside_an_unreadable_run() {
    let folder = tempfile::tempdir().unwrap();
    let keep = |name: &str, lines: &[u8], approvals: &[u8]| {
        let run = folder.path().join("CHG1").join(name);
        std::fs::create_dir_all(&run).unwrap();
        std::fs::write(run.join("observations.jsonl"), lines).unwrap();
        std::fs::write(run.join("approvals.json"), approvals).unwrap();
    };
    let told = replay(folder.path(), &[]);
    assert!(told.0 == 2 && told.2.contains("no run's evidence is there"), "{told:?}");
    let (readings, _) = Packet::new(true, |_| {}).kept();
    let good = line(Stage::Fill, Observation::Fill(Tab::good().seen()), &Verdict::Proceed(()), &gate(true));
    keep("good", &observations(std::slice::from_ref(&good)), &approvals(readings));
    let told = replay(folder.path(), &[]);
    assert_eq!((told.0, told.1.as_str()), (0, "1 runs, 3 decisions: 1 as recorded, 0 changed\n"), "{}", told.2);

    let policy = folder.path().join("strict.toml");
    std::fs::write(&policy, "approval_roles = [\"mascot\"]\n").unwrap();
    let told = replay(folder.path(), &["--policy", policy.to_str().unwrap()]);
    assert_eq!(told.0, 1);
    let line_told = "r1 packet sources: proceed -> approval-missing: approval-missing (manifest.signers.mascot: ";
    assert!(told.1.starts_with(line_told), "{}", told.1);
    std::fs::write(&policy, "approval_rolls = []\n").unwrap();
    let told = replay(folder.path(), &["--policy", policy.to_str().unwrap()]);
    assert!(told.0 == 2 && told.2.contains("did you mean `approval_roles`"), "{told:?}");

    let differs = Tab::new(&text(), holding(&text(), value("\u{1b}[2J")));
    let changed = line(Stage::Fill, Observation::Fill(differs.seen()), &Verdict::Proceed(()), &gate(true));
    keep("changed", &observations(&[changed]), &approvals(Vec::new()));
    let told = replay(folder.path(), &[]);
    assert!(told.0 == 1 && told.1.contains("fill change: proceed -> value-not-held"), "{told:?}");
    assert!(!told.1.contains('\u{1b}'), "a portal's text never reaches the terminal as a command");
    let whole = observations(&[good]);
    keep("torn", &whole[..whole.len() - 2], &approvals(Vec::new()));
    let (exit, out, err) = replay(folder.path(), &["--output", "json"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, &document["runs"], &document["changed"]), (2, &json!(2), &json!(1)), "{err}");
    assert_eq!(document["changes"][0]["changes"][0]["now"], json!(["value-not-held"]));
    assert!(document["unreadable"][0]["evidence"].as_str().unwrap().ends_with("CHG1/torn"));
    assert!(err.contains("observations.jsonl:2: cut off"), "{err}");
    std::fs::remove_file(folder.path().join("CHG1/torn/approvals.json")).unwrap();
    assert!(replay(folder.path(), &[]).2.contains("approvals.json is missing"));
}

#[test]
fn every_recorded_fixture_is_judged_today_as_it_was_when_it_was_recorded() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("portal-fixtures");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let fixtures = entries.filter(|path| path.is_dir()).count();
    assert!(fixtures > 0, "no fixture is recorded");
    let (exit, out, err) = replay(&folder, &["--output", "json"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, &document["changes"], &document["unreadable"]), (0, &json!([]), &json!([])), "{err}");
    assert_eq!((&document["runs"], &document["as_recorded"]), (&json!(fixtures), &json!(fixtures)), "none is left out");
}
