//! What `approve` says in words: what is approved, what speaks against it, and the commands that come next.

use super::Approve;
use crate::model::details::Detail;
use crate::model::record::{Approval, ChangeRecord};
use crate::model::time::Instant;
use crate::signatures::{NAMESPACE, one_line};

/// What the person should know before they sign; none of it keeps them from it.
pub fn warnings(args: &Approve, record: &ChangeRecord, approval: &Approval, now: Instant) -> Vec<String> {
    let mut found = Vec::new();
    let exception = &record.exception;
    if approval.decided_at > now {
        found.push(format!("{} lies in the future: the approval will not count before", approval.decided_at));
    }
    if exception.window.end <= now {
        found.push(format!("the deployment window ended at {}", exception.window.end));
    }
    if approval.approver.as_str().eq_ignore_ascii_case(exception.requester.as_str()) {
        found.push("whoever asks for an exception may not approve it: this approval will halt the run".to_owned());
    }
    if let Some(person) = &approval.on_behalf_of {
        found.push(format!(
            "whether {} may decide for {person} is judged when the change is entered",
            approval.approver
        ));
    }
    if record.approvals.iter().any(|other| other.role == approval.role && other.approver == approval.approver) {
        found.push(format!(
            "the record holds a decision of {} as {} already: replace it by this one",
            approval.approver, approval.role
        ));
    }
    if args.signature.is_some() && args.allowed_signers.is_none() {
        found.push("whose key signed was not checked: --allowed-signers does".to_owned());
    }
    found
}

/// What is approved, for reading. Whatever a terminal could take for a command is escaped.
pub fn words(record: &ChangeRecord, approval: &Approval) -> String {
    let (exception, manifest) = (&record.exception, &record.manifest);
    let mut text = format!("{} approves as {}", approval.approver, approval.role);
    if let Some(person) = &approval.on_behalf_of {
        text.push_str(&format!(" on behalf of {person}"));
    }
    text.push_str(":\n\n");
    let mut row = |name: &str, value: &str| {
        for (place, line) in value.split('\n').enumerate() {
            let name = if place == 0 { name } else { "" };
            text.push_str(&format!("  {name:<12}  {}\n", one_line(line)));
        }
    };
    row("change", &format!("{} revision {}: {}", exception.change_id, exception.revision, exception.title.as_str()));
    row("requested by", exception.requester.as_str());
    let service = format!(
        "{} of {} in {}",
        exception.service.id.as_str(),
        exception.service.owner,
        exception.environment.as_str()
    );
    row("service", &service);
    row("category", exception.category.as_str());
    row("incident", exception.incident.as_str());
    row("scope", exception.scope.as_str());
    match &exception.rollback {
        Some(plan) => row("rollback", &format!("{} version {}", plan.plan.as_str(), plan.version.as_str())),
        None => row("rollback", "no plan"),
    }
    row("window", &exception.window.to_string());
    for blackout in &exception.excepts {
        row("in spite of", &format!("{}, {}", blackout.id, blackout.window()));
    }
    for file in &exception.attachments {
        row("attached", &format!("{}: {}, {} bytes, {}", file.role, file.name.as_str(), file.size, file.sha256));
    }
    for (name, detail) in &exception.details.0 {
        let value = match detail {
            Detail::Flag(flag) => flag.to_string(),
            Detail::Number(number) => number.get().to_string(),
            Detail::Text(text) => text.as_str().to_owned(),
            Detail::List(items) => items.iter().map(|item| item.as_str()).collect::<Vec<_>>().join("; "),
        };
        row("detail", &format!("{}: {value}", one_line(name)));
    }
    row("portal", manifest.boundary.portal.as_str());
    row("packet", &approval.packet.to_string());
    row("decided at", &approval.decided_at.to_string());
    row("expires", &manifest.expires_at.to_string());
    text
}

/// The commands that sign the statement and make the entry, at the very same time of decision.
pub fn commands(args: &Approve, record: &ChangeRecord, approval: &Approval) -> Vec<String> {
    let exception = &record.exception;
    let mut approve = format!(
        "portal-agent approve {} --as {} --role {}",
        quoted(&args.record.to_string_lossy()),
        approval.approver,
        approval.role
    );
    if let Some(person) = &approval.on_behalf_of {
        approve.push_str(&format!(" --on-behalf-of {person}"));
    }
    approve.push_str(&format!(" --at {}", approval.decided_at));
    let (change, revision) = (&exception.change_id, exception.revision);
    let file = format!("{change}-{revision}-{}-{}.approval", approval.role, approval.approver);
    vec![
        format!("{approve} > {file}"),
        format!("ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n {NAMESPACE} {file}"),
        format!("{approve} --signature {file}.sig --allowed-signers allowed_signers"),
    ]
}

/// A word for a POSIX shell.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '=' | '+' | ',' | '@' | ':');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A command as it is shown: whatever a terminal could take for something else is escaped.
pub fn shown(command: &str) -> String {
    if command.chars().any(char::is_control) { one_line(command) } else { command.to_owned() }
}
