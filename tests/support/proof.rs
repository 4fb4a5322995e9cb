//! A proof for tests of the gateway alone: the embedded example, approved, compared and judged as the product does it.

use portal_agent::decide::policy::Policy;
use portal_agent::decide::recheck::{compare, recheck};
use portal_agent::decide::reconcile::PacketFacts;
use portal_agent::decide::rules::record::FileState;
use portal_agent::gateway::control::Held;
use portal_agent::gateway::interlock::ReleaseToken;
use portal_agent::model::digest::Digest;
use portal_agent::model::form::{ParameterContent, PlannedParameter};
use portal_agent::model::freeze_terms::{FreezeMode, FreezeTerms, SetBy, StateReading};
use portal_agent::model::gates::Gates;
use portal_agent::model::ids::{DraftReference, PersonId};
use portal_agent::model::packet::packet_digest;
use portal_agent::model::record::ChangeRecord;
use portal_agent::model::time::Instant;
use portal_agent::reference_portal::example::{ExampleTimes, approved, exception};
use serde_json::json;

/// A token for what is held, whatever it carries, until `expires_at`.
pub fn token_for(held: &Held, expires_at: Instant) -> ReleaseToken {
    let names = held.content.parameters.iter().map(|(name, _)| name.clone());
    let planned: Vec<_> = names.map(|name| PlannedParameter { name, content: ParameterContent::Volatile }).collect();
    let draft = DraftReference::parse("DRF-000001").unwrap();
    let compared = compare(&planned, &draft, &held.content).into_result().unwrap();
    let now = Instant::parse("2026-11-21T12:00:00Z").unwrap();
    let times = ExampleTimes::around(now.timestamp());
    let portal = "https://portal.example.test/".parse().unwrap();
    let mut asked = exception(&times);
    let file = |role: &str| {
        let (name, content) = (format!("{role}.pdf"), role.as_bytes());
        json!({ "role": role, "name": name, "path": name, "size": content.len(), "sha256": Digest::of(content) })
    };
    asked["attachments"] = json!([file("rollback-plan"), file("test-evidence")]);
    let record: ChangeRecord = serde_json::from_value(approved(asked, &portal, &times).unwrap()).unwrap();
    let packet = packet_digest(&record).unwrap();
    let attachments = record.exception.attachments.iter();
    let files: Vec<_> =
        attachments.map(|file| FileState { role: file.role.clone(), sha256: file.sha256, size: file.size }).collect();
    let set_at = Some(Instant::parse("2026-11-20T00:00:00Z").unwrap());
    let state = StateReading::Read(FreezeTerms { frozen: false, set_by: SetBy::Human, set_at, tier: None });
    let gates = Gates {
        calendar: times.calendar(),
        freeze_mode: FreezeMode { state, release_override: StateReading::Absent },
        ..Gates::default()
    };
    let facts = PacketFacts {
        record: &record,
        packet,
        files: &files,
        operator: &PersonId::parse("op.night").unwrap(),
        account: "portal.robot",
        resumed_by: None,
        portal: &portal,
        gates: &gates,
        policy: &Policy::default(),
        now,
    };
    let proof = recheck(compared, &facts, &record.manifest, packet).into_result().unwrap();
    ReleaseToken::new(held.attempt, proof, expires_at)
}
