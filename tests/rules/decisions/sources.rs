//! Each judgement of record, approvals and calendar, recorded and judged again, also under another policy.

use std::collections::BTreeSet;

use crate::decisions::{NOW, approvals, at, set};
use portal_agent::decide::policy::{ApprovalPolicy, Policy};
use portal_agent::decide::reconcile::{self, PacketFacts};
use portal_agent::decide::rules::record::FileState;
use portal_agent::decide::verdict::{HaltCode, Stage};
use portal_agent::evidence::readings::{APPROVALS_SCHEMA, ApprovalReading, ApprovalsDocument};
use portal_agent::mask::masked::{MaskGate, Permissions};
use portal_agent::model::calendar::Blackout;
use portal_agent::model::digest::Digest;
use portal_agent::model::form::FormPlan;
use portal_agent::model::freeze_policy::{BlackoutPolicy, FreezePolicy};
use portal_agent::model::freeze_terms::{FreezeMode, FreezeTerms, SetBy, StateReading};
use portal_agent::model::gates::{Gates, SignaturePolicy};
use portal_agent::model::ids::{BlackoutId, PersonId, RunId};
use portal_agent::model::packet::packet_digest;
use portal_agent::model::private::Private;
use portal_agent::model::record::ChangeRecord;
use portal_agent::reference_portal::example::{ExampleTimes, approved, exception};
use portal_agent::rejudge::bundle::{OtherPolicy, judge};
use portal_agent::selectors::plan::plan;
use portal_agent::selectors::read::read;
use serde_json::{Value, json};

/// A record as it was read, judged, and kept.
pub struct Packet {
    record: ChangeRecord,
    plan: FormPlan,
    gates: Gates,
    operator: PersonId,
    gate: MaskGate,
}

impl Packet {
    pub fn new(shown: bool, change: impl FnOnce(&mut Value)) -> Self {
        let times = ExampleTimes::around(at(NOW).timestamp());
        let mut exception = exception(&times);
        let digest = Digest::of(b"plan");
        exception["attachments"] = json!([{
            "role": "rollback-plan", "name": "plan.pdf", "path": "plan.pdf", "size": 4, "sha256": digest,
        }]);
        let portal = "https://portal.example.test/".parse().unwrap();
        let mut record = approved(exception, &portal, &times).unwrap();
        change(&mut record);
        let record: ChangeRecord = serde_json::from_value(record).unwrap();
        let map = read("map.toml".as_ref(), include_str!("../../../selectors/reference.toml")).unwrap();
        let plan = plan(&map, &record).unwrap_or_default();
        let all = plan.tabs.iter().flat_map(|tab| &tab.fields);
        let all = all.chain(plan.review.iter().chain(&plan.recheck).chain(&plan.submitted));
        let fields = if shown { all.map(|field| field.id.clone()).collect() } else { BTreeSet::new() };
        // What a map hides is a canary of every document.
        let hidden = [record.exception.title.as_str(), record.exception.scope.as_str()];
        let canaries = if shown { Vec::new() } else { hidden.map(|text| Private::new(text.into())).into() };
        let gate = MaskGate::new(Permissions { fields, wording: true, messages: true }, [7; 32], canaries);
        let state = FreezeTerms { frozen: false, set_by: SetBy::Human, set_at: None, tier: None };
        let freeze_mode = FreezeMode { state: StateReading::Read(state), release_override: StateReading::Absent };
        let gates = Gates { calendar: times.calendar(), freeze_mode, ..Gates::default() };
        Self { record, plan, gates, operator: PersonId::parse("op.night").unwrap(), gate }
    }

    /// The run's own readings: at the start and, read again, while the commit is at stake.
    pub fn kept(&self) -> (Vec<ApprovalReading>, BTreeSet<HaltCode>) {
        let roles = ["service-owner", "incident-commander", "change-authority"];
        let file = &self.record.exception.attachments[0];
        let files = [FileState { role: file.role.clone(), sha256: Digest::of(b"plan"), size: file.size }];
        let facts = PacketFacts {
            record: &self.record,
            packet: packet_digest(&self.record).unwrap(),
            files: &files,
            operator: &self.operator,
            account: "portal.robot",
            resumed_by: None,
            portal: &"https://portal.example.test/".parse().unwrap(),
            gates: &self.gates,
            policy: &Policy {
                approvals: ApprovalPolicy {
                    required_roles: roles.map(|role| role.parse_role()).into(),
                    max_age_s: 72 * 3600,
                    signatures: SignaturePolicy::Optional,
                },
                freeze: FreezePolicy::default(),
            },
            now: at(NOW),
        };
        let first = reconcile::packet(Stage::Packet, &facts);
        let second = reconcile::packet_again(&facts, &self.record.manifest, facts.packet);
        let mut readings = vec![ApprovalReading::of(Stage::Packet, &facts, &self.plan, &first, &self.gate)];
        let again = ApprovalReading::of(Stage::Recheck, &facts, &self.plan, &second, &self.gate);
        readings.push(again.after(&readings));
        (readings, set(&first.codes()))
    }
}

trait ParseRole {
    fn parse_role(&self) -> portal_agent::model::ids::Role;
}

impl ParseRole for str {
    fn parse_role(&self) -> portal_agent::model::ids::Role {
        portal_agent::model::ids::Role::parse(self).unwrap()
    }
}

#[test]
fn every_judgement_of_record_and_approvals_comes_out_as_it_was() {
    use HaltCode::*;
    type Change = fn(&mut Value);
    let cases: [(Change, &[HaltCode]); 16] = [
        (|_| {}, &[]),
        (|r| r["exception"]["title"] = "Another".into(), &[RevisionNotApproved, ApprovalForOtherRevision]),
        (|r| r["remediation"]["environment"] = "staging".into(), &[ScopeMismatch]),
        (|r| r["remediation"]["scope"] = "less".into(), &[ScopeMismatch]),
        (|r| r["remediation"]["category"] = "regulatory".into(), &[CategoryMismatch]),
        (|r| r["manifest"]["boundary"]["category"] = "regulatory".into(), &[CategoryMismatch]),
        (|r| r["remediation"]["rollback"]["plan"] = "RBK-1".into(), &[RollbackVersionMismatch]),
        (|r| r["remediation"]["incident"] = "INC1".into(), &[IncidentMismatch]),
        (|r| r["ownership"]["service"] = "search-api".into(), &[OwnerMismatch]),
        (|r| drop(r["approvals"].as_array_mut().unwrap().pop()), &[ApprovalMissing]),
        (|r| r["approvals"][0]["decision"] = "revoked".into(), &[ApprovalRevoked]),
        (|r| r["manifest"]["expires_at"] = NOW.into(), &[ApprovalStale]),
        (|r| r["approvals"][0]["approver"] = "someone.else".into(), &[ApproverMismatch]),
        (|r| r["remediation"]["window"]["end"] = "2026-11-22T08:59:59Z".into(), &[WindowMismatch]),
        (
            |r| r["exception"]["excepts"][0]["end"] = "2027-02-01T00:00:00Z".into(),
            &[RevisionNotApproved, ApprovalForOtherRevision, FreezeWindowChanged],
        ),
        (
            |r| r["exception"]["requester"] = "Tom.Okafor".into(),
            &[RevisionNotApproved, ApprovalForOtherRevision, SegregationOfDuties],
        ),
    ];
    for (change, expected) in cases {
        for shown in [true, false] {
            let packet = Packet::new(shown, change);
            let (readings, codes) = packet.kept();
            assert_eq!(codes, set(expected));
            assert!(readings[1].facts.is_none() && readings[1].facts_of == Some(0));
            let document = ApprovalsDocument {
                schema: APPROVALS_SCHEMA,
                run_id: RunId::parse("r1").unwrap(),
                readings,
                unlocked_by: None,
            };
            // Whatever the map hides, the document may be kept.
            let document = packet.gate.document(document).unwrap();
            let mut kept = serde_json::to_value(&document).unwrap();
            let same = judge(None, kept.to_string().as_bytes(), &OtherPolicy::default()).unwrap();
            assert_eq!((same.decisions, same.carried, same.changes), (2, 0, Vec::new()), "{expected:?}, {shown}");
            kept["readings"][0]["verdict"] = json!(["interrupted"]);
            let changes = judge(None, kept.to_string().as_bytes(), &OtherPolicy::default()).unwrap().changes;
            assert_eq!(set(&changes[0].now), codes);
        }
    }
}

#[test]
fn another_policy_flips_a_verdict_and_names_the_approval() {
    let (readings, codes) = Packet::new(false, |_| {}).kept();
    assert!(codes.is_empty());
    let approvals = approvals(readings);
    let strict = OtherPolicy { max_age_s: Some(1800), ..OtherPolicy::default() };
    let rejudged = judge(None, &approvals, &strict).unwrap();
    assert_eq!(rejudged.changes.len(), 2);
    let change = &rejudged.changes[0];
    assert_eq!((change.was.as_slice(), change.stage), (&[][..], Stage::Packet));
    assert_eq!(set(&change.now), set(&[HaltCode::ApprovalStale]));
    assert_eq!(change.reasons[0].subject, "approvals.service-owner");
    let more = OtherPolicy { required_roles: Some(vec!["mascot".parse_role()]), ..OtherPolicy::default() };
    let change = &judge(None, &approvals, &more).unwrap().changes[0];
    assert_eq!(change.reasons[0].subject, "manifest.signers.mascot");
    assert_eq!(change.reasons.len(), 1, "the age is as it was");
}

#[test]
fn an_environment_in_other_capitals_is_judged_as_it_was() {
    for shown in [true, false] {
        let mut packet = Packet::new(shown, |_| {});
        let overlapping = |environment: &str| Blackout {
            id: BlackoutId::parse("QUARTER-END").unwrap(),
            environments: vec![environment.to_owned()],
            ..packet.gates.calendar.blackouts[0].clone()
        };
        let (same, other) = (overlapping("PRODUCTION "), overlapping("staging"));
        for (blackout, expected) in [(same, &[HaltCode::BlackoutOverlap][..]), (other, &[])] {
            packet.gates.calendar.blackouts.truncate(1);
            packet.gates.calendar.blackouts.push(blackout);
            let (readings, codes) = packet.kept();
            assert_eq!(codes, set(expected));
            let rejudged = judge(None, &approvals(readings), &OtherPolicy::default()).unwrap();
            assert_eq!(rejudged.changes, Vec::new(), "{shown}");
        }
    }
}

#[test]
fn another_freeze_policy_is_not_asked_about_what_was_hidden() {
    let rule = |kind: Option<&str>, admits: &[&str], environments: &[&str]| FreezePolicy {
        blackouts: vec![BlackoutPolicy {
            id: Some("YEAR-END-COMMERCE".to_owned()),
            kind: kind.map(str::to_owned),
            admits: admits.iter().map(|text| (*text).to_owned()).collect(),
            environments: environments.iter().map(|text| (*text).to_owned()).collect(),
        }],
        ..FreezePolicy::default()
    };
    let judged = |shown: bool, freeze: FreezePolicy| {
        let mut packet = Packet::new(shown, |_| {});
        packet.gates.calendar.blackouts[0].kinds = vec!["moratorium".to_owned()];
        let other = OtherPolicy { freeze: Some(freeze), ..OtherPolicy::default() };
        judge(None, &approvals(packet.kept().0), &other).map(|judged| judged.changes.len()).map_err(|no| no.to_string())
    };
    assert_eq!(judged(false, FreezePolicy::default()), Ok(0));
    assert_eq!(judged(true, rule(None, &["emergency-fix"], &["production"])), Ok(0));
    for (shown, policy, hidden) in [
        (false, rule(None, &["emergency-fix"], &[]), "exception.category"),
        (false, rule(None, &[], &["production"]), "exception.environment"),
        (true, rule(Some("moratorium"), &[], &[]), "blackouts.kinds"),
    ] {
        let told = judged(shown, policy).unwrap_err();
        assert!(told.contains(hidden) && told.contains("is hidden"), "{told}");
    }
}

#[test]
fn a_category_that_is_hidden_is_hidden_in_the_manifest_too() {
    let kept = |shown| String::from_utf8(approvals(Packet::new(shown, |_| {}).kept().0)).unwrap();
    let manifest = |text: &str| serde_json::from_str::<Value>(text).unwrap()["readings"][0]["manifest"].to_string();
    assert!(manifest(&kept(true)).contains("emergency-fix"));
    assert!(manifest(&kept(false)).contains("[hidden") && !kept(false).contains("emergency-fix"));
}

#[test]
fn a_packet_or_manifest_that_changed_in_between_is_still_seen() {
    let (mut readings, _) = Packet::new(true, |_| {}).kept();
    let later = |manifest: &mut portal_agent::model::record::ApprovalManifest| {
        manifest.expires_at = at("2026-11-22T13:00:00Z");
    };
    later(&mut readings[1].manifest);
    readings[1].verdict = vec![HaltCode::RevisionNotApproved];
    assert_eq!(judge(None, &approvals(readings), &OtherPolicy::default()).unwrap().changes, Vec::new());
}
