//! Rows of the approvals become decisions about one packet.

use std::collections::{BTreeMap, BTreeSet};

use super::column::{Column, PacketPlace, Part};
use super::mapping::ApprovalColumns;
use super::people::{one_person, spelt_as};
use super::row::Row;
use crate::diagnostic::Diagnostic;
use crate::model::digest::Digest;
use crate::model::ids::{PersonId, Role};
use crate::model::record::{Approval, ApprovalManifest, Decision, Signer};

/// What the state of a row tells.
enum State {
    /// Nobody has decided.
    Open,
    /// Somebody has.
    Decided(Decision),
    /// Taken back or given up: a decision was taken back if there was one.
    Withdrawn,
}

fn state(row: &Row, part: &Part) -> Result<State, Diagnostic> {
    match row.part("approvals.state", part)?.as_str() {
        "not requested" | "not_requested" | "not yet requested" | "not_yet_requested" | "requested" => Ok(State::Open),
        "approved" => Ok(State::Decided(Decision::Approved)),
        "rejected" => Ok(State::Decided(Decision::Rejected)),
        "cancelled" | "canceled" | "not_required" | "no_longer_required" | "no longer required" | "duplicate" => {
            Ok(State::Withdrawn)
        }
        _ => {
            let help = "map it with `values` to one of: requested, approved, rejected, cancelled, not_required";
            Err(row.wrong("approvals.state", "is a state that is not known", help))
        }
    }
}

/// The digest on lines of their own, `packet: sha256:…`, in a row's comments. Whoever may comment can write one; comments stay for
/// good, so two of them contradict.
fn packet_in(comments: &str) -> Result<Option<Digest>, &'static str> {
    let lines = comments.lines().filter_map(|line| line.trim().strip_prefix("packet:"));
    let found: Result<BTreeSet<Digest>, _> = lines.map(|digest| Digest::parse(digest.trim())).collect();
    let found = found.map_err(|_| "a line `packet:` of the comments holds no digest")?;
    if found.len() > 1 {
        return Err("the comments name several packets");
    }
    Ok(found.into_iter().next())
}

fn packet(row: &Row, columns: &ApprovalColumns) -> Result<Option<Digest>, Diagnostic> {
    let wrong = |message: &str| {
        let help =
            "a decision names the packet it is about: `sha256:` and 64 hex digits, as `portal-agent check` prints it";
        row.wrong("approvals.packet", message, help)
    };
    match &columns.packet {
        PacketPlace::Comments => packet_in(row.display(&columns.comments)?).map_err(wrong),
        PacketPlace::Column(column) => match row.value(column)? {
            "" => Ok(None),
            text => Digest::parse(text).map(Some).map_err(|_| wrong("is no digest")),
        },
    }
}

/// The columns that are needed.
pub(super) fn columns(mapped: &ApprovalColumns) -> BTreeSet<Column> {
    let ApprovalColumns {
        change,
        approver,
        decided_by,
        on_behalf_of,
        state,
        decided_at,
        role,
        packet,
        comments,
        signature,
        signature_files: _,
    } = mapped;
    let packet = packet.column().unwrap_or(comments);
    let parts = [Some(state), role.as_ref()].into_iter().flatten().filter_map(|part| part.0.column());
    let optional = [decided_by, on_behalf_of, signature].into_iter().flatten();
    [change, approver, decided_at, packet].into_iter().chain(optional).chain(parts).cloned().collect()
}

/// Who decided, and for whom.
fn people(
    row: &Row,
    columns: &ApprovalColumns,
    manifest: &ApprovalManifest,
) -> Result<(PersonId, Option<PersonId>), Diagnostic> {
    let person = |column: &Column| -> Result<_, Diagnostic> {
        Ok(spelt_as(row.person(column)?, manifest.signers.iter().map(|signer| &signer.approver)))
    };
    let for_somebody = |by: PersonId, principal: PersonId| {
        if one_person(&by, &principal) { (by, None) } else { (by, Some(principal)) }
    };
    let approver = person(&columns.approver)?;
    if let Some(column) = &columns.decided_by {
        return Ok(for_somebody(person(column)?, approver));
    }
    match &columns.on_behalf_of {
        Some(column) if !row.value(column)?.is_empty() => Ok(for_somebody(approver, person(column)?)),
        Some(_) | None => Ok((approver, None)),
    }
}

/// The column of the person whose decision it is, whoever took it for them.
fn principal<'a>(row: &Row, columns: &'a ApprovalColumns) -> Result<&'a Column, Diagnostic> {
    match &columns.on_behalf_of {
        Some(column) if !row.value(column)?.is_empty() => Ok(column),
        Some(_) | None => Ok(&columns.approver),
    }
}

/// Whose decision a row can be.
enum Whose {
    /// No signer's: the instance's own process asked for it. Who decided, for messages.
    Nobody(String),
    /// A signer's, in this role, or why the role cannot be told.
    Signer(Result<Role, Diagnostic>),
}

fn whose(row: &Row, columns: &ApprovalColumns, manifest: &ApprovalManifest) -> Result<Whose, Diagnostic> {
    // A column that is not there is the mapping's mistake, whomever the row is about.
    let column = columns.role.as_ref().and_then(|part| part.0.column());
    column.map_or(Ok(""), |column| row.value(column))?;
    let Some(person) = row.account(principal(row, columns)?)? else {
        return Ok(Whose::Nobody("somebody whose account is no account name".to_owned()));
    };
    let signs = |signer: &&Signer| one_person(&signer.approver, &person);
    let mut roles = manifest.signers.iter().filter(signs).map(|signer| &signer.role);
    let (one, another) = (roles.next(), roles.next());
    let nobody = || Whose::Nobody(format!("{person}, whom the manifest does not name,"));
    let Some(part) = &columns.role else {
        return Ok(match (one, another) {
            (None, _) => nobody(),
            (Some(role), None) => Whose::Signer(Ok(role.clone())),
            (Some(_), Some(_)) => {
                let message = format!("the manifest names {person} in several roles");
                Whose::Signer(Err(row.wrong("approvals.role", &message, "map a column that holds the role")))
            }
        });
    };
    let role = row.part("approvals.role", part).and_then(|text| {
        let help = "map it with `values` to a role of the manifest";
        Role::parse(&text).map_err(|error| row.wrong("approvals.role", &error.to_string(), help))
    });
    Ok(match role {
        // Whether this person may decide in it is a matter of the rules.
        Ok(role) if manifest.signers.iter().any(|signer| signer.role == role) => Whose::Signer(Ok(role)),
        Ok(role) => Whose::Nobody(format!("{person}, as {role}, which the manifest does not name,")),
        Err(_) if one.is_none() => nobody(),
        Err(mistake) => Whose::Signer(Err(mistake)),
    })
}

/// Whose decision it is, whoever took it for them.
fn signer(approval: &Approval) -> &PersonId {
    approval.on_behalf_of.as_ref().unwrap_or(&approval.approver)
}

/// Whether the signer has approved `packet` since they decided this about another one. A change that is rejected, corrected
/// and approved keeps the row of the rejection, which nobody can take away. What names `packet` itself always stands.
fn is_superseded(decision: &Approval, decisions: &[Approval], packet: Digest) -> bool {
    let approves = |later: &Approval| match later.decision {
        Decision::Approved => later.packet == packet,
        Decision::Rejected | Decision::Revoked => false,
    };
    decision.packet != packet
        && decisions.iter().any(|later| {
            approves(later)
                && later.role == decision.role
                && one_person(signer(later), signer(decision))
                && later.decided_at > decision.decided_at
        })
}

/// The decisions in `rows` that stand. `signatures` holds what was attached to a row, by the row's key.
pub(super) fn decisions(
    rows: &[Row],
    columns: &ApprovalColumns,
    manifest: &ApprovalManifest,
    signatures: &BTreeMap<String, String>,
) -> Result<Vec<Approval>, Diagnostic> {
    let mut decisions = Vec::new();
    for row in rows {
        let state = state(row, &columns.state)?;
        if matches!(state, State::Open) {
            continue;
        }
        let role = match whose(row, columns, manifest)? {
            Whose::Signer(role) => role,
            // What stands for no signer says nothing, whatever packet it names or fails to name. A refusal is heard from anybody.
            Whose::Nobody(who) => match state {
                State::Decided(Decision::Rejected) => {
                    let message = format!("{who} rejected this change");
                    return Err(row.wrong("approvals.state", &message, "settle that in the change request first"));
                }
                State::Decided(Decision::Approved | Decision::Revoked) | State::Withdrawn | State::Open => continue,
            },
        };
        let packet = packet(row, columns)?;
        let decision = match (state, packet) {
            (State::Decided(decision), _) => decision,
            // Only a decision ever named a packet. What was withdrawn about another one says nothing about this one.
            (State::Withdrawn, Some(packet)) if packet == manifest.packet => Decision::Revoked,
            (State::Open, _) | (State::Withdrawn, _) => continue,
        };
        let role = role?;
        let (approver, on_behalf_of) = people(row, columns, manifest)?;
        let Some(packet) = packet else {
            let message = format!("the decision of {approver} names no packet");
            let place = match &columns.packet {
                PacketPlace::Column(column) => {
                    format!("fill in {column} with the digest that `portal-agent check` prints")
                }
                PacketPlace::Comments => {
                    "add a comment with the line `packet: ` and the digest that `portal-agent check` prints".into()
                }
            };
            return Err(row.wrong("approvals.packet", &message, &place));
        };
        let attached = || -> Result<_, Diagnostic> { Ok(signatures.get(row.sys_id()?).cloned()) };
        let signature = match &columns.signature {
            Some(column) => Some(row.value(column)?.replace("\r\n", "\n")).filter(|text| !text.trim().is_empty()),
            None => attached()?,
        };
        let decided_at = row.time(&columns.decided_at)?;
        decisions.push(Approval { role, approver, decision, decided_at, packet, on_behalf_of, signature });
    }
    let stands = |decision: &&Approval| !is_superseded(decision, &decisions, manifest.packet);
    Ok(decisions.iter().filter(stands).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_read_from_a_line_of_its_own_and_two_of_them_contradict() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let comment = format!("2026-11-20 18:00:00 - Maria (Comments)\nLooks good.\npacket: {one}\n\n");
        assert_eq!(packet_in(&comment), Ok(Some(one)));
        assert_eq!(packet_in(&format!("{comment}{comment}")), Ok(Some(one)));
        assert_eq!(packet_in(&format!("I do not approve packet: {one}")), Ok(None));
        assert!(packet_in(&format!("{comment}packet: {two}")).is_err());
        assert!(packet_in("packet: sha256:12").is_err());
    }
}
