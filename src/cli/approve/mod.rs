//! `approve`: prints exactly what an approver signs, and makes the entry for the record of what they signed.
//!
//! No key is read here: `ssh-keygen -Y sign` signs.

mod words;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::args::Output;
use super::exit::Exit;
use super::terminal::{invalid_input, print_json};
use crate::diagnostic::Diagnostic;
use crate::model::gates::{SignatureFault, SignatureFinding};
use crate::model::ids::{PersonId, Role};
use crate::model::record::{Approval, ChangeRecord, Decision};
use crate::model::time::Instant;
use crate::signatures::{NAMESPACE, statement, verify, verify_content};
use crate::sources::record_file::{self, ReadRecord};
use crate::sources::{read_text, signer_keys};
use words::{commands, shown, warnings, words};

/// Who approves what, and where the signature lies once there is one.
#[derive(Debug, Clone, clap::Args)]
pub struct Approve {
    /// The change record, with the manifest
    #[arg(value_name = "MANIFEST")]
    pub record: PathBuf,
    /// Who approves
    #[arg(long = "as", value_name = "WHO", value_parser = PersonId::parse)]
    pub approver: PersonId,
    /// In which role [default: the one that the manifest gives them]
    #[arg(long, value_parser = Role::parse)]
    pub role: Option<Role>,
    /// Whose decision it is, where WHO decides as a delegate
    #[arg(long, value_name = "WHO", value_parser = PersonId::parse)]
    pub on_behalf_of: Option<PersonId>,
    /// When it was decided [default: now]
    #[arg(long, value_name = "TIME", value_parser = Instant::parse)]
    pub at: Option<Instant>,
    /// The signature: check it and print the entry for the record's `approvals`
    #[arg(long, value_name = "FILE", requires = "at")]
    pub signature: Option<PathBuf>,
    /// Whose keys count: an allowed-signers file of OpenSSH
    #[arg(long, value_name = "FILE", requires = "signature")]
    pub allowed_signers: Option<PathBuf>,
    /// Keys that no longer count: public keys, one a line, or a revocation list of OpenSSH
    #[arg(long, value_name = "FILE", requires = "allowed_signers")]
    pub revoked_keys: Option<PathBuf>,
}

#[derive(Serialize)]
struct ApproveDocument<'a> {
    schema: &'static str,
    /// The bytes to sign.
    statement: &'a str,
    namespace: &'static str,
    /// The entry for the record.
    approval: &'a Approval,
    /// What came of checking the signature.
    signature: &'a SignatureFinding,
    /// Commands, in order.
    sign_with: &'a [String],
}

#[derive(Debug, thiserror::Error)]
enum ApproveError {
    #[error("{0}")]
    Input(#[from] Diagnostic),
    #[error("error: {0}")]
    Usage(String),
    #[error("error: not to be approved: {0}")]
    Refused(String),
    #[error("error: {}: {fault}", path.display())]
    Signature { path: PathBuf, fault: SignatureFault },
}

/// All that is printed.
struct Prepared {
    statement: String,
    approval: Approval,
    finding: SignatureFinding,
    /// What it is about, in words.
    words: String,
    warnings: Vec<String>,
    sign_with: Vec<String>,
}

/// Carries out `approve`.
pub fn run(args: Approve, output: Output, now: Instant) -> Exit {
    let prepared = match prepare(&args, now) {
        Ok(prepared) => prepared,
        Err(error @ (ApproveError::Input(_) | ApproveError::Usage(_))) => return invalid_input(output, &error),
        Err(error @ (ApproveError::Refused(_) | ApproveError::Signature { .. })) => {
            let text = error.to_string();
            eprintln!("{text}");
            if output == Output::Json {
                print_json(&serde_json::json!({ "outcome": "refused", "error": text }));
            }
            return Exit::No;
        }
    };
    eprint!("{}", told(&prepared));
    match output {
        Output::Json => print_json(&ApproveDocument {
            schema: "portal-agent/approve/1",
            statement: &prepared.statement,
            namespace: NAMESPACE,
            approval: &prepared.approval,
            signature: &prepared.finding,
            sign_with: &prepared.sign_with,
        }),
        Output::Text if prepared.approval.signature.is_some() => print_json(&prepared.approval),
        Output::Text => {
            let mut stdout = std::io::stdout().lock();
            // Not a byte more or less than what is to be signed.
            match stdout.write_all(prepared.statement.as_bytes()).and_then(|()| stdout.flush()) {
                Ok(()) => Exit::Yes,
                Err(error) => {
                    eprintln!("error: the statement cannot be printed whole: {error}");
                    Exit::Environment
                }
            }
        }
    }
}

fn prepare(args: &Approve, now: Instant) -> Result<Prepared, ApproveError> {
    let read = record_file::read(&args.record)?;
    let record = &read.record;
    let manifest = &record.manifest;
    let second = Timestamp::from_second(now.timestamp().as_second()).map_or(now, Instant::from);
    let decided_at = args.at.unwrap_or(second);
    let role = role(args, record)?;
    bound(&read, decided_at.max(now))?;
    let mut approval = Approval {
        role,
        approver: args.approver.clone(),
        decision: Decision::Approved,
        decided_at,
        packet: read.packet,
        on_behalf_of: args.on_behalf_of.clone(),
        signature: None,
    };
    let exception = &record.exception;
    let statement = statement(&exception.change_id, exception.revision, manifest, &approval);
    let mut finding = SignatureFinding::Absent;
    if let Some(path) = &args.signature {
        let armoured = read_text(path, 64 << 10, "a signature as `ssh-keygen -Y sign` writes it")?;
        finding = checked(args, path, &armoured, &statement, &approval)?;
        approval.signature = Some(armoured);
    }
    let warnings = warnings(args, record, &approval, now);
    let sign_with = commands(args, record, &approval);
    Ok(Prepared { words: words(record, &approval), statement, approval, finding, warnings, sign_with })
}

/// The role in which the signer whose decision this is stands in the manifest.
fn role(args: &Approve, record: &ChangeRecord) -> Result<Role, ApproveError> {
    let person = args.on_behalf_of.as_ref().unwrap_or(&args.approver);
    if args.on_behalf_of.as_ref() == Some(&args.approver) {
        return Err(ApproveError::Usage("--on-behalf-of names the person who approves: leave it out".into()));
    }
    let signers = record.manifest.signers.iter().filter(|signer| signer.approver == *person);
    let held: Vec<&Role> = signers.map(|signer| &signer.role).collect();
    let names = held.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    match (&args.role, held.as_slice()) {
        (Some(wanted), held) if held.contains(&wanted) => Ok(wanted.clone()),
        (_, []) => Err(ApproveError::Refused(format!("the manifest does not name {person} among its signers"))),
        (Some(wanted), _) => {
            Err(ApproveError::Refused(format!("the manifest names {person} as {names} and not as {wanted}")))
        }
        (None, [only]) => Ok((*only).clone()),
        (None, _) => Err(ApproveError::Usage(format!("{person} has several roles: say --role, one of {names}"))),
    }
}

/// Whether the manifest is one for this very record, and counts still.
fn bound(read: &ReadRecord, when: Instant) -> Result<(), ApproveError> {
    let (manifest, exception) = (&read.record.manifest, &read.record.exception);
    let refused = if manifest.packet != read.packet {
        format!("the manifest is for packet {}, and this record's is {}", manifest.packet, read.packet)
    } else if manifest.boundary.category != exception.category {
        "the manifest is for another exception category than the record's".to_owned()
    } else if manifest.window != exception.window {
        format!("the manifest is for the window {}, and the record's is {}", manifest.window, exception.window)
    } else if manifest.expires_at <= when {
        format!("the manifest expired at {}", manifest.expires_at)
    } else {
        return Ok(());
    };
    Err(ApproveError::Refused(refused))
}

fn checked(
    args: &Approve,
    path: &Path,
    armoured: &str,
    statement: &str,
    approval: &Approval,
) -> Result<SignatureFinding, ApproveError> {
    let fault = |fault| ApproveError::Signature { path: path.to_owned(), fault };
    let Some(allowed) = &args.allowed_signers else {
        verify_content(statement, armoured).map_err(fault)?;
        return Ok(SignatureFinding::NotChecked);
    };
    let keys = signer_keys::read(allowed, args.revoked_keys.as_deref(), &TimeZone::system())?;
    let (who, at) = (&approval.approver, approval.decided_at);
    let by = verify(statement, armoured, who, at, &keys.allowed, &keys.revoked).map_err(fault)?;
    Ok(SignatureFinding::Valid { key: by.fingerprint })
}

/// What goes to stderr.
fn told(prepared: &Prepared) -> String {
    let mut text = format!("{}\n", prepared.words);
    for warning in &prepared.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    match &prepared.finding {
        SignatureFinding::Valid { key } => text.push_str(&format!("signed with {key}; put this into `approvals`:\n")),
        SignatureFinding::NotChecked => {
            text.push_str("the signature is one of this statement; put this into `approvals`:\n")
        }
        // A signature with a fault has been refused by now.
        SignatureFinding::Absent | SignatureFinding::Invalid { .. } => {
            text.push_str("what follows on stdout is the text to sign; with the name of your own key:\n");
            for command in &prepared.sign_with {
                text.push_str(&format!("  {}\n", shown(command)));
            }
        }
    }
    text
}

/// A command as it has to be typed, but for what a terminal would take for a command itself.
#[cfg(test)]
mod tests {
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
            prepared
                .statement
                .contains("\nrole: service-owner\napprover: maria.chen\ndecided at: 2026-12-01T12:00:00Z\n")
        );
        let several = prepare(&args(&folder, "ines.duarte"), now()).err().unwrap();
        assert!(
            matches!(&several, ApproveError::Usage(text) if text.contains("change-authority, deputy")),
            "{several}"
        );
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
            let status =
                Command::new("ssh-keygen").args(arguments).current_dir(folder.path()).output().map(|o| o.status);
            let status = status.expect("ssh-keygen starts: `apt-get install openssh-client` brings it");
            assert!(status.success(), "{arguments:?}");
        };
        for name in ["key", "other"] {
            keygen(&["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", name]);
        }
        let public = std::fs::read_to_string(folder.path().join("key.pub")).unwrap();
        std::fs::write(folder.path().join("allowed"), format!("maria.chen namespaces=\"{NAMESPACE}\" {public}"))
            .unwrap();
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
}
