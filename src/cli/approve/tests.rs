//! What `approve` says and refuses.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::words::quoted;
use super::*;
use crate::model::digest::Digest;
use crate::model::packet::packet_digest;
use crate::signatures::findings;

const NOW: &str = "2026-12-01T12:00:00.75Z";

/// A folder with a record that `change` was made to before its packet was digested, and `after` since.
fn desk(change: impl Fn(&mut Value), after: impl Fn(&mut Value)) -> TempDir {
    let window = json!({ "start": "2026-12-04T07:00:00Z", "end": "2026-12-04T09:00:00Z" });
    let rollback = json!({ "plan": "RBK-2210", "version": "3.2" });
    let signers = [("service-owner", "maria.chen"), ("change-authority", "ines.duarte"), ("deputy", "ines.duarte")];
    let mut record = json!({
        "schema": "portal-agent/record/1",
        "exception": {
            "change_id": "CHG0041877", "revision": 4, "title": "Raise the pool limit",
            "requester": "dana.reyes", "service": { "id": "checkout-api", "owner": "maria.chen" },
            "environment": "production", "category": "emergency-fix", "incident": "INC0098123",
            "scope": "Pool settings only.\nNo schema change.", "rollback": rollback, "window": window,
            "excepts": [], "attachments": [], "details": { "minutes": 12 },
        },
        "remediation": {
            "service": "checkout-api", "environment": "production", "category": "emergency-fix",
            "incident": "INC0098123", "scope": "Pool settings only.", "rollback": rollback, "window": window,
        },
        "ownership": { "service": "checkout-api", "owner": "maria.chen" },
        "manifest": {
            "packet": Digest::of(b""),
            "boundary": { "portal": "https://portal.example/", "category": "emergency-fix" },
            "window": window,
            "signers": signers.map(|(role, who)| json!({ "role": role, "approver": who })),
            "expires_at": "2026-12-05T00:00:00Z",
        },
        "approvals": [],
    });
    change(&mut record);
    let read: ChangeRecord = serde_json::from_value(record.clone()).unwrap();
    record["manifest"]["packet"] = json!(packet_digest(&read).unwrap());
    after(&mut record);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("record.json"), record.to_string()).unwrap();
    folder
}

fn plain() -> TempDir {
    desk(|_| {}, |_| {})
}

fn args(folder: &TempDir, who: &str) -> Approve {
    Approve {
        record: folder.path().join("record.json"),
        approver: PersonId::parse(who).unwrap(),
        role: None,
        on_behalf_of: None,
        at: None,
        signature: None,
        allowed_signers: None,
        revoked_keys: None,
    }
}

fn now() -> Instant {
    Instant::parse(NOW).unwrap()
}

fn refused(args: &Approve) -> String {
    match prepare(args, now()).map(|prepared| prepared.statement) {
        Err(error @ (ApproveError::Refused(_) | ApproveError::Signature { .. })) => error.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn the_role_is_the_one_that_the_manifest_gives() {
    let folder = plain();
    let prepared = prepare(&args(&folder, "maria.chen"), now()).unwrap();
    assert!(
        prepared.statement.contains("\nrole: service-owner\napprover: maria.chen\ndecided at: 2026-12-01T12:00:00Z\n")
    );
    let several = prepare(&args(&folder, "ines.duarte"), now()).err().unwrap();
    assert!(matches!(&several, ApproveError::Usage(text) if text.contains("change-authority, deputy")), "{several}");
    let delegate = Approve {
        on_behalf_of: Some(PersonId::parse("ines.duarte").unwrap()),
        role: Some(Role::parse("deputy").unwrap()),
        ..args(&folder, "li.novak")
    };
    let prepared = prepare(&delegate, now()).unwrap();
    assert!(prepared.statement.contains("\nrole: deputy\napprover: li.novak\non behalf of: ines.duarte\n"));
    assert!(prepared.warnings.iter().any(|text| text.contains("whether li.novak may decide for ines.duarte")));
}

#[test]
fn what_would_never_count_is_refused_before_anything_is_printed() {
    let folder = plain();
    assert!(refused(&args(&folder, "li.novak")).contains("does not name li.novak"));
    let wrong = Approve { role: Some(Role::parse("deputy").unwrap()), ..args(&folder, "maria.chen") };
    assert!(refused(&wrong).contains("as service-owner and not as deputy"));
    let altered = desk(|_| {}, |record| record["exception"]["title"] = json!("Raise it more"));
    assert!(refused(&args(&altered, "maria.chen")).contains("the manifest is for packet"));
    let expired = desk(|record| record["manifest"]["expires_at"] = json!("2026-12-01T12:00:00Z"), |_| {});
    assert!(refused(&args(&expired, "maria.chen")).contains("expired at"));
    let moved = desk(|record| record["manifest"]["window"]["end"] = json!("2026-12-04T10:00:00Z"), |_| {});
    assert!(refused(&args(&moved, "maria.chen")).contains("for the window"));
    let other = desk(|record| record["manifest"]["boundary"]["category"] = json!("regulatory"), |_| {});
    assert!(refused(&args(&other, "maria.chen")).contains("another exception category"));
}

#[test]
fn what_is_approved_is_told_in_words_without_any_control_character() {
    let folder = desk(|record| record["exception"]["details"]["\u{1b}[2J"] = json!("x\u{200F}y"), |_| {});
    let text = told(&prepare(&args(&folder, "maria.chen"), now()).unwrap());
    for expected in
        ["Raise the pool limit", "  scope         Pool settings only.\n                No schema change.\n", "12"]
    {
        assert!(text.contains(expected), "{expected:?} is missing in {text}");
    }
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()) && !text.contains('\u{200F}'), "{text:?}");
    let requester = desk(|record| record["exception"]["requester"] = json!("Maria.chen"), |_| {});
    assert!(told(&prepare(&args(&requester, "maria.chen"), now()).unwrap()).contains("warning: whoever asks"));
}

#[test]
fn a_path_is_one_word_to_the_shell() {
    assert_eq!(quoted("a/b-1.json"), "a/b-1.json");
    assert_eq!(quoted("it's $HOME"), "'it'\\''s $HOME'");
    assert_eq!(quoted(""), "''");
}

#[test]
fn the_commands_that_are_told_sign_and_make_an_entry_that_verifies() {
    let folder = plain();
    let keygen = |arguments: &[&str]| {
        let status = Command::new("ssh-keygen").args(arguments).current_dir(folder.path()).output().map(|o| o.status);
        let status = status.expect("ssh-keygen starts: `apt-get install openssh-client` brings it");
        assert!(status.success(), "{arguments:?}");
    };
    for name in ["key", "other"] {
        keygen(&["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", name]);
    }
    let public = std::fs::read_to_string(folder.path().join("key.pub")).unwrap();
    std::fs::write(folder.path().join("allowed"), format!("maria.chen namespaces=\"{NAMESPACE}\" {public}")).unwrap();
    let unsigned = args(&folder, "maria.chen");
    let first = prepare(&unsigned, now()).unwrap();
    let file = "CHG0041877-4-service-owner-maria.chen.approval";
    assert!(
        first.sign_with[0]
            .ends_with(&format!("--as maria.chen --role service-owner --at 2026-12-01T12:00:00Z > {file}"))
    );
    assert_eq!(first.sign_with[1], format!("ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n {NAMESPACE} {file}"));
    std::fs::write(folder.path().join(file), &first.statement).unwrap();
    keygen(&["-q", "-Y", "sign", "-f", "key", "-n", NAMESPACE, file]);
    let signed = Approve {
        at: Some(first.approval.decided_at),
        signature: Some(folder.path().join(format!("{file}.sig"))),
        ..unsigned
    };
    // A minute later: the time of the decision is the one that was signed.
    let later = Instant::parse("2026-12-01T12:01:00Z").unwrap();
    let entry = prepare(&signed, later).unwrap();
    assert_eq!(entry.finding, SignatureFinding::NotChecked);
    let checked = Approve { allowed_signers: Some(folder.path().join("allowed")), ..signed };
    let entry = prepare(&checked, later).unwrap();
    let mut record = record_file::read(&checked.record).unwrap().record;
    record.approvals = vec![serde_json::from_value(serde_json::to_value(&entry.approval).unwrap()).unwrap()];
    let keys = signer_keys::read(&folder.path().join("allowed"), None, &TimeZone::UTC).unwrap();
    assert_eq!(findings(&record, Some(&keys)), [entry.finding]);
    assert!(matches!(findings(&record, Some(&keys))[..], [SignatureFinding::Valid { .. }]));
    // Another time, a revoked key, another key: no entry.
    let shifted = Approve { at: Some(now()), ..checked.clone() };
    assert!(refused(&shifted).contains("something else was signed"));
    let revoked = Approve { revoked_keys: Some(folder.path().join("key.pub")), ..checked.clone() };
    assert!(refused(&revoked).contains("the key is revoked"));
    std::fs::remove_file(folder.path().join(format!("{file}.sig"))).unwrap();
    keygen(&["-q", "-Y", "sign", "-f", "other", "-n", NAMESPACE, file]);
    assert!(refused(&checked).contains("do not name this key"));
}
