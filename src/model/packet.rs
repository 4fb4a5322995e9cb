//! The packet digest: SHA-256 over RFC 8785 canonical JSON of the semantic fields.
//!
//! Which fields are semantic is declared here, by schema version, and never by the record itself. For version 1: the whole
//! `exception` except where its attachments lie on disk.

use serde::Serialize;

use super::details::Details;
use super::digest::Digest;
use super::record::{Attachment, ChangeRecord, ExceptedBlackout, FreezeException, RecordSchema, Rollback, Service};
use super::text::{Line, Paragraph};
use super::time::ChangeWindow;

#[derive(Serialize)]
struct Packet<'a> {
    schema: RecordSchema,
    change_id: &'a str,
    revision: u32,
    title: &'a Line,
    requester: &'a str,
    service: &'a Service,
    environment: &'a Line,
    category: &'a Line,
    incident: &'a Line,
    scope: &'a Paragraph,
    rollback: &'a Option<Rollback>,
    window: &'a ChangeWindow,
    excepts: &'a [ExceptedBlackout],
    attachments: Vec<PacketAttachment<'a>>,
    details: &'a Details,
}

#[derive(Serialize)]
struct PacketAttachment<'a> {
    role: &'a str,
    name: &'a str,
    size: u64,
    sha256: Digest,
}

/// Digest of the packet that `record` asks to have approved.
///
/// # Errors
///
/// The serialiser's error; a validated record holds nothing that canonical JSON cannot.
pub fn packet_digest(record: &ChangeRecord) -> Result<Digest, serde_json::Error> {
    // Taken apart by name, so that a field added to the record cannot be left out of the digest unnoticed.
    let FreezeException {
        change_id,
        revision,
        title,
        requester,
        service,
        environment,
        category,
        incident,
        scope,
        rollback,
        window,
        excepts,
        attachments,
        details,
    } = &record.exception;
    let packet = Packet {
        schema: record.schema,
        change_id: change_id.as_str(),
        revision: *revision,
        title,
        requester: requester.as_str(),
        service,
        environment,
        category,
        incident,
        scope,
        rollback,
        window,
        excepts,
        attachments: attachments
            .iter()
            .map(|Attachment { role, name, path: _, size, sha256 }| PacketAttachment {
                role: role.as_str(),
                name: name.as_str(),
                size: *size,
                sha256: *sha256,
            })
            .collect(),
        details,
    };
    Ok(Digest::of(&serde_json_canonicalizer::to_vec(&packet)?))
}
