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
use super::terminal::{invalid_input, print_json, warn_line};
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
#[command(
    after_help = "Examples:\n  portal-agent approve CHG0041877.json --as maria.chen > so.approval\n  ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n portal-agent-approval so.approval\n  portal-agent approve CHG0041877.json --as maria.chen --at 2026-11-21T18:05:00Z \\\n    --signature so.approval.sig --allowed-signers allowed_signers"
)]
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
            warn_line(&text);
            if output == Output::Json {
                print_json(&serde_json::json!({ "outcome": "refused", "error": text }));
            }
            return Exit::No;
        }
    };
    warn_line(told(&prepared).trim_end());
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
                    warn_line(&format!("error: the statement cannot be printed whole: {error}"));
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
        // Line ends of another system mean nothing to us, but much to `ssh-keygen -Y verify`.
        let armoured =
            read_text(path, 64 << 10, "a signature as `ssh-keygen -Y sign` writes it")?.replace("\r\n", "\n");
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

#[cfg(test)]
mod tests;
