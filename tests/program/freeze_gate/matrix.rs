//! Every mode in every state with every override, and the exit code that the documents give it.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use portal_agent::cli::freeze::gate::Decision;
use portal_agent::cli::freeze::{GateArgs, StateFiles};
use portal_agent::freeze_mode::gate::GatePolicy;
use portal_agent::model::freeze_terms::ReleaseMode;
use portal_agent::model::time::Instant;
use serde_json::{Value, json};

use crate::freeze_gate::desk::{Desk, FREEZE, OVERRIDE, freeze, from_now, release_override, reset, with, without};
use crate::sweep::sweep;

/// What a state means, by the documents alone.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Free,
    Frozen,
    /// Frozen, and nothing can be shown to come after it.
    FrozenUndated,
    Broken,
}

#[derive(Clone, Copy, PartialEq)]
enum Over {
    None,
    Counts,
    DoesNotCount,
    Broken,
}

/// What lies at a path.
enum Put {
    Nothing,
    /// Nothing, and the file is named on the command line.
    NothingNamed,
    /// Nothing, and the folder is no repository.
    NothingOutside,
    Bytes(Vec<u8>),
    /// As above, and the file is named on the command line.
    Named(Vec<u8>),
    Folder,
    Loop,
    Dangling,
    Pipe,
}

fn bytes(value: &Value) -> Put {
    Put::Bytes(value.to_string().into_bytes())
}

/// Texts that are no JSON object, each from one that would be read.
fn malformed(good: &Value) -> Vec<(&'static str, Put)> {
    let text = good.to_string();
    let raw = |bytes: &[u8]| Put::Bytes(bytes.to_vec());
    let mut latin = text.clone().into_bytes();
    latin.splice(1..1, b"\"x\": \"\xe9\", ".iter().copied());
    vec![
        ("empty", raw(b"")),
        ("blank", raw(b" \n")),
        ("not JSON", raw(b"freeze_mode: false")),
        ("cut off", raw(&text.as_bytes()[..text.len() - 1])),
        ("trailing garbage", raw(format!("{text}x").as_bytes())),
        ("two documents", raw(format!("{text}\n{text}").as_bytes())),
        ("in a list", raw(format!("[{text}]").as_bytes())),
        ("null", raw(b"null")),
        ("no keys", raw(b"{}")),
        ("two byte order marks", raw(format!("\u{feff}\u{feff}{text}").as_bytes())),
        ("not UTF-8", Put::Bytes(latin)),
        ("too large", raw(format!("{text}{}", " ".repeat(1 << 20)).as_bytes())),
        ("a folder", Put::Folder),
        ("a link to itself", Put::Loop),
        ("a link to nothing", Put::Dangling),
        ("a pipe", Put::Pipe),
    ]
}

fn states() -> Vec<(&'static str, Put, State)> {
    let twice = reset().to_string().replacen('{', "{\"freeze_mode\": false, ", 1);
    let mut states = vec![
        ("never set", Put::Nothing, State::Free),
        ("absent though named", Put::NothingNamed, State::Broken),
        ("absent outside a repository", Put::NothingOutside, State::Broken),
        ("reset by a person", bytes(&reset()), State::Free),
        ("reset by a person, in a named file", Put::Named(reset().to_string().into_bytes()), State::Free),
        ("reset by a person, further keys", bytes(&with(reset(), "ticket", json!({"a": [1]}))), State::Free),
        (
            "reset by a person, after a byte order mark",
            Put::Bytes(format!("\u{feff}{}", reset()).into_bytes()),
            State::Free,
        ),
        ("reset by automation", bytes(&with(reset(), "set_by", json!("automation"))), State::Frozen),
        ("reset by somebody", bytes(&with(reset(), "set_by", json!("Human"))), State::Frozen),
        ("reset by nobody", bytes(&without(reset(), "set_by")), State::Frozen),
        ("frozen", bytes(&freeze()), State::Frozen),
        ("frozen, in a named file", Put::Named(freeze().to_string().into_bytes()), State::Frozen),
        ("frozen by a person", bytes(&with(freeze(), "set_by", json!("human"))), State::Frozen),
        ("frozen, expired", bytes(&with(freeze(), "expires_at", json!(from_now(-30)))), State::Frozen),
        ("frozen since nobody knows when", bytes(&without(freeze(), "set_at")), State::FrozenUndated),
        ("a key twice", Put::Bytes(twice.into_bytes()), State::Broken),
        ("mode is a text", bytes(&with(reset(), "freeze_mode", json!("false"))), State::Broken),
        ("mode is null", bytes(&with(reset(), "freeze_mode", json!(null))), State::Broken),
        ("mode is a number", bytes(&with(reset(), "freeze_mode", json!(0))), State::Broken),
        ("no mode", bytes(&without(reset(), "freeze_mode")), State::Broken),
        ("time is a number", bytes(&with(reset(), "set_at", json!(1_767_859_200))), State::Broken),
        ("time is no time", bytes(&with(reset(), "set_at", json!("yesterday"))), State::Broken),
        ("set by a list", bytes(&with(reset(), "set_by", json!(["human"]))), State::Broken),
        ("unknown tier", bytes(&with(reset(), "tier", json!("PURPLE"))), State::Broken),
    ];
    states.extend(malformed(&reset()).into_iter().map(|(name, put)| (name, put, State::Broken)));
    states
}

/// An override that was set twenty minutes ago, for so many minutes.
fn lasting(minutes: i64) -> Value {
    let set_at = Timestamp::now() - SignedDuration::from_mins(20);
    let over = with(release_override(), "set_at", json!(set_at.to_string()));
    with(over, "expires_at", json!((set_at + SignedDuration::from_mins(minutes)).to_string()))
}

/// Overrides that break a rule, with the name under which the gate reports it.
fn broken_rules() -> Vec<(&'static str, Value)> {
    let good = release_override;
    vec![
        ("inactive", with(good(), "active", json!(false))),
        ("undated", without(good(), "set_at")),
        ("set-in-future", with(good(), "set_at", json!(from_now(10)))),
        ("not-after-freeze", with(with(good(), "set_at", json!(from_now(-180))), "expires_at", json!(from_now(60)))),
        ("endless", with(good(), "expires_at", json!(null))),
        ("expired", with(good(), "expires_at", json!(from_now(-1)))),
        ("ends-before-start", with(good(), "expires_at", json!(from_now(-90)))),
        ("too-short", lasting(59)),
        ("too-long", with(good(), "expires_at", json!(from_now(23 * 60 + 5)))),
        ("justification-too-short", with(good(), "justification", json!("x".repeat(49)))),
        ("justification-too-short", with(good(), "justification", json!(format!("a{}b", " ".repeat(60))))),
        ("justification-too-short", without(good(), "justification")),
        ("ticket-not-url", with(good(), "ticket_url", json!("INC-7"))),
        ("ticket-not-url", with(good(), "ticket_url", json!("ftp://tickets.example/7"))),
        ("ticket-not-url", without(good(), "ticket_url")),
        ("not-approved-via-environment", with(good(), "approved_via_environment", json!("production"))),
        ("not-approved-via-environment", without(good(), "approved_via_environment")),
        ("no-approver", with(good(), "approved_by", json!(" "))),
        ("no-approver", with(good(), "approved_by", json!(null))),
    ]
}

fn overrides() -> Vec<(&'static str, Put, Over)> {
    let twice = release_override().to_string().replacen('{', "{\"active\": true, ", 1);
    let mut overrides = vec![
        ("none", Put::Nothing, Over::None),
        ("none though named", Put::NothingNamed, Over::Broken),
        ("one that counts", bytes(&release_override()), Over::Counts),
        ("one of exactly an hour", bytes(&lasting(60)), Over::Counts),
        (
            "one that counts, after a byte order mark",
            Put::Bytes(format!("\u{feff}{}", release_override()).into_bytes()),
            Over::Counts,
        ),
        ("one that counts, named", Put::Named(release_override().to_string().into_bytes()), Over::Counts),
        ("a key twice", Put::Bytes(twice.into_bytes()), Over::Broken),
        ("active is a text", bytes(&with(release_override(), "active", json!("true"))), Over::Broken),
        ("end is a number", bytes(&with(release_override(), "expires_at", json!(4_102_444_800_i64))), Over::Broken),
        ("approver is a list", bytes(&with(release_override(), "approved_by", json!(["a"]))), Over::Broken),
    ];
    overrides.extend(broken_rules().iter().map(|(name, over)| (*name, bytes(over), Over::DoesNotCount)));
    overrides.extend(malformed(&release_override()).into_iter().map(|(name, put)| (name, put, Over::Broken)));
    overrides
}

/// The table of the documents.
fn expected(mode: ReleaseMode, state: State, over: Over, dry_run: bool) -> i32 {
    let blocked = if dry_run { 0 } else { 1 };
    if mode == ReleaseMode::Hotfix || state == State::Free {
        return 0;
    }
    match (state, over) {
        (State::Broken, _) | (State::Frozen | State::FrozenUndated, Over::Broken) => 2,
        (State::Frozen, Over::Counts) => 0,
        (State::FrozenUndated, Over::Counts) => blocked,
        (State::Frozen | State::FrozenUndated, Over::None | Over::DoesNotCount) => blocked,
        (State::Free, _) => 0,
    }
}

/// Puts it where it belongs; the path where it has to be named.
fn lay(desk: &Desk, path: &str, named: &str, put: &Put) -> Option<PathBuf> {
    desk.clear(path);
    desk.clear(named);
    match put {
        Put::Nothing | Put::NothingOutside => {}
        Put::NothingNamed => return Some(desk.path(named)),
        Put::Bytes(bytes) => desk.put(path, bytes),
        Put::Named(bytes) => {
            desk.put(named, bytes);
            return Some(desk.path(named));
        }
        Put::Folder => std::fs::create_dir_all(desk.path(path)).unwrap(),
        Put::Loop => symlink(desk.path(path), desk.path(path)).unwrap(),
        Put::Dangling => symlink("nowhere", desk.path(path)).unwrap(),
        Put::Pipe => {
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, desk.path(path), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        }
    }
    None
}

/// The arguments as they are typed.
fn typed(args: &GateArgs) -> Vec<String> {
    let mut typed = vec!["gate".to_owned(), "--mode".to_owned(), args.mode.to_string()];
    for (option, file) in [("--freeze-file", &args.files.freeze_file), ("--override-file", &args.files.override_file)] {
        typed.extend(file.iter().flat_map(|file| [option.to_owned(), file.display().to_string()]));
    }
    typed.extend(args.dry_run.then(|| "--dry-run".to_owned()));
    typed
}

/// Every case is judged in this process. Each state and, over a freeze, each override are put to the program too; in the sweep every
/// case is.
fn every_case_of(mode: ReleaseMode) {
    let (states, overrides) = (states(), overrides());
    let (mut cases, mut told) = (0, 0);
    assert!(states.len() <= overrides.len());
    for (row, (state_name, state_put, state)) in states.iter().enumerate() {
        let desk = if matches!(state_put, Put::NothingOutside) { Desk::bare() } else { Desk::repository() };
        std::fs::create_dir_all(desk.path(FREEZE).parent().unwrap()).unwrap();
        let freeze_file = lay(&desk, FREEZE, "named-freeze.json", state_put);
        for (column, (over_name, over_put, over)) in overrides.iter().enumerate() {
            let override_file = lay(&desk, OVERRIDE, "named-override.json", over_put);
            for dry_run in [false, true] {
                let files = StateFiles { freeze_file: freeze_file.clone(), override_file: override_file.clone() };
                let args = GateArgs { mode, tag: None, sha: None, files, dry_run };
                let case = format!("{mode}, state {state_name:?}, override {over_name:?}, dry run {dry_run}");
                let expected = expected(mode, *state, *over, dry_run);
                let unread = *state == State::Broken
                    || (*over == Over::Broken && matches!(state, State::Frozen | State::FrozenUndated));
                let warns = mode == ReleaseMode::Hotfix && unread;
                let check = |code: i32, stderr: &str| {
                    assert_eq!(code, expected, "{case}:\n{stderr}");
                    assert_eq!(stderr.contains("warning: "), warns, "{case}: {stderr}");
                };
                let now = || Instant::from(Timestamp::now());
                let decision = Decision::of(&args, &desk.path(""), GatePolicy::default(), now);
                check(decision.exit.code().into(), &decision.warnings.join("\n"));
                cases += 1;
                // Every state without an override, every override over a freeze, and some of both as a dry run.
                let sampled = if dry_run { row == column } else { column == 0 || *state_name == "frozen" };
                if sweep() || sampled {
                    let typed = typed(&args);
                    let answer = desk.run(&typed.iter().map(String::as_str).collect::<Vec<_>>());
                    check(answer.code, &answer.stderr);
                    told += 1;
                }
            }
        }
    }
    println!("{mode}: {cases} cases, {told} of them put to the program");
    assert!(cases == states.len() * overrides.len() * 2 && told >= overrides.len() + states.len());
}

#[test]
fn ga_passes_only_free_or_overridden() {
    every_case_of(ReleaseMode::Ga);
}

#[test]
fn rc_passes_only_free_or_overridden() {
    every_case_of(ReleaseMode::Rc);
}

#[test]
fn pages_pass_only_free_or_overridden_by_default() {
    every_case_of(ReleaseMode::Pages);
}

#[test]
fn a_hotfix_always_passes_and_warns_of_what_cannot_be_read() {
    every_case_of(ReleaseMode::Hotfix);
}

#[test]
fn each_broken_rule_of_an_override_is_reported_by_its_name() {
    let desk = Desk::frozen();
    for (rule, over) in broken_rules() {
        desk.put(OVERRIDE, over.to_string());
        let told = desk.run(&["gate", "--mode", "ga", "--output", "json"]);
        assert_eq!(told.code, 1, "{rule}");
        let document = told.document();
        assert_eq!(document["override"]["verdict"], "does-not-count");
        let reported = document["override"]["why"].as_array().unwrap();
        assert!(reported.contains(&json!(rule)), "{rule} is not among {reported:?}");
    }
}

#[test]
fn the_document_says_what_was_decided_and_why() {
    let desk = Desk::frozen();
    let told = desk.run(&["gate", "--mode", "rc", "--tag", "v1.2", "--sha", "abc", "--dry-run", "--output", "json"]);
    assert_eq!(told.code, 0);
    let document = told.document();
    for (key, value) in [
        ("mode", json!("rc")),
        ("decision", json!("blocked")),
        ("exit", json!(0)),
        ("why", json!("freeze-active")),
        ("tier", json!("RED")),
        ("tag", json!("v1.2")),
        ("sha", json!("abc")),
        ("dry_run", json!(true)),
    ] {
        assert_eq!(document[key], value, "{key}");
    }
    assert!(told.stderr.contains("CHANGE FREEZE MODE ACTIVE"), "{}", told.stderr);
    desk.put(FREEZE, "{");
    let told = desk.run(&["gate", "--mode", "ga", "--output", "json"]);
    let document = told.document();
    assert_eq!((told.code, &document["decision"], &document["exit"]), (2, &json!("broken"), &json!(2)));
    assert!(document["unread"].as_str().unwrap().contains(FREEZE));
}

#[test]
fn an_unknown_mode_or_none_is_a_usage_error() {
    let desk = Desk::repository();
    for arguments in
        [&["gate"][..], &["gate", "--mode", "beta"], &["gate", "--mode", "GA"], &["gate", "--mode", "ga", "x"]]
    {
        assert_eq!(desk.run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn verbose_tells_which_files_were_read() {
    let desk = Desk::frozen();
    let quiet = desk.run(&["gate", "--mode", "hotfix"]);
    assert_eq!(quiet.stderr, "");
    let told = desk.run(&["gate", "--mode", "hotfix", "--tag", "v1", "--verbose"]);
    assert_eq!(told.code, 0);
    for part in [FREEZE, OVERRIDE, "tag v1"] {
        assert!(told.stderr.contains(part), "{part:?} is not in\n{}", told.stderr);
    }
}

#[test]
fn what_a_state_says_never_reaches_the_terminal_raw() {
    let desk = Desk::repository();
    let hostile = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\r\nallowed";
    for state in [
        with(freeze(), "reason", json!(hostile)),
        with(with(reset(), "set_by", json!(hostile)), "note", json!(hostile)),
        with(freeze(), "tier", json!(hostile)),
        with(freeze(), hostile, json!([hostile])),
        with(freeze(), "set_at", json!(hostile)),
    ] {
        desk.put(FREEZE, state.to_string());
        for command in [&["gate", "--mode", "ga"][..], &["gate", "--mode", "hotfix", "-vv"], &["status"]] {
            for output in ["text", "json"] {
                let told = desk.run(&[command, &["--output", output]].concat());
                let text = told.stdout + &told.stderr;
                let raw = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
                assert_eq!(raw, None, "{command:?} {output}: {text:?}");
            }
        }
    }
}
