//! What holds whatever comes together: a conflict more never unlocks, any closed gate blocks at the release, and neither the order
//! in which facts are listed nor the zone in which times are written matters.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::decide_table::{NOW, at, calm, codes, demanded, file};
use portal_agent::decide::policy::Policy;
use portal_agent::decide::reconcile::{PacketFacts, packet, packet_again};
use portal_agent::decide::rules::record::FileState;
use portal_agent::decide::verdict::{HaltCode, Stage};
use portal_agent::model::calendar::Blackout;
use portal_agent::model::digest::Digest;
use portal_agent::model::freeze_policy::BlackoutPolicy;
use portal_agent::model::freeze_terms::{FreezeTerms, SetBy, StateReading};
use portal_agent::model::gates::{
    Delegation, Gates, Hold, RegisteredOwner, SignatureFault, SignatureFinding, SignaturePolicy,
};
use portal_agent::model::ids::{BlackoutId, ChangeId, HoldId, PersonId, Role};
use portal_agent::model::packet::packet_digest;
use portal_agent::model::record::ChangeRecord;
use portal_agent::model::time::{ChangeWindow, Instant};
use portal_agent::reference_portal::example::{ExampleTimes, approved, exception};
use serde_json::{Value, json};

/// Everything that is judged, still to be changed.
#[derive(Clone)]
struct World {
    record: Value,
    gates: Gates,
    policy: Policy,
    operator: &'static str,
    now: Instant,
}

fn blackout(id: &str, start: Instant, end: Instant) -> Blackout {
    Blackout {
        id: BlackoutId::parse(id).unwrap(),
        window: ChangeWindow { start, end },
        admits: vec!["emergency-fix".into()],
        kinds: Vec::new(),
        environments: Vec::new(),
    }
}

fn person(name: &str) -> PersonId {
    PersonId::parse(name).unwrap()
}

/// Two blackouts that are excepted, two change authorities, one of whom has a delegate, settled holds: everything open.
fn open() -> World {
    let times = ExampleTimes::around(at(NOW).timestamp());
    let mut exception = exception(&times);
    exception["attachments"] = json!([file("rollback-plan", b"plan"), file("test-evidence", b"tests")]);
    let inner = (at("2026-11-22T00:00:00Z"), at("2026-11-23T00:00:00Z"));
    exception["excepts"].as_array_mut().unwrap().push(json!({ "id": "PAYROLL", "start": inner.0, "end": inner.1 }));
    let portal = "https://portal.example.test/".parse().unwrap();
    let mut record = approved(exception, &portal, &times).unwrap();
    let mut signer = record["manifest"]["signers"][2].clone();
    signer["approver"] = "omar.haddad".into();
    record["manifest"]["signers"].as_array_mut().unwrap().push(signer);
    let mut approval = record["approvals"][2].clone();
    approval["approver"] = "li.novak".into();
    approval["on_behalf_of"] = "omar.haddad".into();
    record["approvals"].as_array_mut().unwrap().push(approval);
    let day = (at("2026-11-21T00:00:00Z"), at("2026-11-22T00:00:00Z"));
    let mapping =
        |from: &str, to: &str| Delegation { from: person(from), to: person(to), role: None, start: day.0, end: day.1 };
    let mut gates = calm();
    gates.calendar.blackouts = vec![
        blackout("YEAR-END-COMMERCE", times.blackout.0.into(), times.blackout.1.into()),
        blackout("PAYROLL", inner.0, inner.1),
        blackout("LATER", at("2026-12-24T00:00:00Z"), at("2026-12-27T00:00:00Z")),
    ];
    gates.delegations = vec![mapping("omar.haddad", "li.novak"), mapping("maria.chen", "someone.else")];
    let mut policy = demanded();
    policy.approvals.required_roles.push(Role::parse("change-authority").unwrap());
    World { record, gates, policy, operator: "op.night", now: at(NOW) }
}

fn judged<T>(world: &World, judge: impl FnOnce(&PacketFacts<'_>) -> T) -> T {
    let record: ChangeRecord = serde_json::from_value(world.record.clone()).unwrap();
    let files: Vec<FileState> = record
        .exception
        .attachments
        .iter()
        .map(|file| FileState { role: file.role.clone(), sha256: file.sha256, size: file.size })
        .collect();
    judge(&PacketFacts {
        record: &record,
        packet: packet_digest(&record).unwrap(),
        files: &files,
        operator: &person(world.operator),
        account: "portal.robot",
        resumed_by: None,
        portal: &"https://portal.example.test/".parse().unwrap(),
        gates: &world.gates,
        policy: &world.policy,
        now: world.now,
    })
}

fn halts(world: &World) -> BTreeSet<HaltCode> {
    codes(judged(world, |facts| packet(Stage::Packet, facts)))
}

/// Each closes one gate, whatever else is closed.
type Conflict = (&'static str, fn(&mut World));

fn pop(list: &mut Value) {
    list.as_array_mut().unwrap().pop();
}

const CONFLICTS: [Conflict; 34] = [
    ("the packet changed", |w| w.record["exception"]["revision"] = 5.into()),
    ("another remediation scope", |w| w.record["remediation"]["scope"] = "more".into()),
    ("another remediation service", |w| w.record["remediation"]["service"] = "search-api".into()),
    ("another portal", |w| w.record["manifest"]["boundary"]["portal"] = "https://other.example.test/".into()),
    ("another category", |w| w.record["manifest"]["boundary"]["category"] = "regulatory".into()),
    ("another rollback version", |w| w.record["remediation"]["rollback"]["version"] = "9".into()),
    ("no rollback plan", |w| w.record["exception"]["rollback"] = Value::Null),
    ("another incident", |w| w.record["remediation"]["incident"] = "INC1".into()),
    ("another owner", |w| w.record["ownership"]["owner"] = "someone.else".into()),
    ("another registered owner", |w| w.gates.owner = RegisteredOwner::Unknown),
    ("an approval taken away", |w| pop(&mut w.record["approvals"])),
    ("an approval revoked", |w| w.record["approvals"][0]["decision"] = "revoked".into()),
    ("an approval rejected", |w| w.record["approvals"][1]["decision"] = "rejected".into()),
    ("an approval of another revision", |w| w.record["approvals"][0]["packet"] = json!(Digest::of(b"other"))),
    ("an approver of nobody", |w| w.record["approvals"][1]["approver"] = "felix".into()),
    ("an old approval", |w| w.record["approvals"][0]["decided_at"] = "2026-11-01T00:00:00Z".into()),
    ("an approval from the future", |w| w.record["approvals"][0]["decided_at"] = "2027-11-01T00:00:00Z".into()),
    ("a manifest that is over", |w| w.record["manifest"]["expires_at"] = NOW.into()),
    ("a further role", |w| w.policy.approvals.required_roles.push(Role::parse("mascot").unwrap())),
    ("a delegate withdrawn", |w| w.gates.delegations.retain(|mapping| mapping.from != person("omar.haddad"))),
    ("a hold", |w| {
        w.gates.holds.push(Hold {
            id: HoldId::parse("H1").unwrap(),
            change_id: ChangeId::parse("CHG0041877").unwrap(),
            packet: None,
            raised_by: person("q"),
            raised_at: at(NOW),
            resolved: None,
        });
    }),
    ("an operator who approved", |w| w.operator = "tom.okafor"),
    ("another window", |w| w.record["remediation"]["window"]["end"] = "2026-11-22T08:59:59Z".into()),
    ("a window that is over", |w| w.now = at("2026-11-23T00:00:00Z")),
    ("a blackout imposed", |w| {
        let (start, end) = (at("2026-11-22T08:00:00Z"), at("2026-11-22T08:30:00Z"));
        w.gates.calendar.blackouts.push(blackout("IMPOSED", start, end));
    }),
    ("a blackout moved", |w| {
        if let Some(first) = w.gates.calendar.blackouts.first_mut() {
            first.window.end = at("2027-03-01T00:00:00Z");
        }
    }),
    ("a blackout gone", |w| w.gates.calendar.blackouts.retain(|known| known.id.as_str() != "PAYROLL")),
    ("a category no longer admitted", |w| w.gates.calendar.blackouts.iter_mut().for_each(|known| known.admits.clear())),
    ("a longer lead time", |w| w.policy.freeze.lead_hours = 100),
    ("releases frozen", |w| {
        let terms = FreezeTerms { frozen: true, set_by: SetBy::Automation, set_at: Some(at(NOW)), tier: None };
        w.gates.freeze_mode.state = StateReading::Read(terms);
    }),
    ("a freeze state that cannot be read", |w| w.gates.freeze_mode.state = StateReading::Unreadable),
    ("signatures demanded", |w| w.policy.approvals.signatures = SignaturePolicy::Required),
    ("a forged signature", |w| {
        w.gates.signatures = vec![SignatureFinding::Invalid { fault: SignatureFault::Forged }];
    }),
    ("a shorter longest window", |w| w.policy.freeze.longest_window_hours = Some(1)),
];

#[test]
fn the_world_to_which_conflicts_are_added_is_open() {
    assert_eq!(halts(&open()), BTreeSet::new());
}

#[test]
fn every_gate_that_is_closed_at_the_release_blocks_alone() {
    let first: ChangeRecord = serde_json::from_value(open().record).unwrap();
    let digest = packet_digest(&first).unwrap();
    for (what, conflict) in CONFLICTS {
        let mut world = open();
        conflict(&mut world);
        let again = codes(judged(&world, |facts| packet_again(facts, &first.manifest, digest)));
        assert!(!again.is_empty(), "{what}");
        assert_eq!(again, halts(&world), "{what}: another cause at the recheck than at the packet");
    }
}

#[test]
fn a_manifest_that_is_another_than_at_first_blocks_though_it_is_valid_in_itself() {
    let first: ChangeRecord = serde_json::from_value(open().record).unwrap();
    let digest = packet_digest(&first).unwrap();
    let mut world = open();
    world.record["manifest"]["expires_at"] = "2026-11-22T11:00:00Z".into();
    assert_eq!(halts(&world), BTreeSet::new());
    let again = codes(judged(&world, |facts| packet_again(facts, &first.manifest, digest)));
    assert_eq!(again, BTreeSet::from([HaltCode::RevisionNotApproved]));
}

proptest! {
    #[test]
    fn adding_a_conflict_never_unlocks(picked in proptest::collection::btree_set(0..CONFLICTS.len(), 1..6), more in 0..CONFLICTS.len(), at_first: bool) {
        let mut world = open();
        if at_first {
            CONFLICTS[more].1(&mut world);
        }
        for place in &picked {
            CONFLICTS[*place].1(&mut world);
        }
        let before = halts(&world);
        prop_assert!(!before.is_empty(), "{:?}", picked);
        if !at_first {
            CONFLICTS[more].1(&mut world);
            prop_assert!(!halts(&world).is_empty(), "{} unlocked {:?}", CONFLICTS[more].0, picked);
        }
    }

    #[test]
    fn facts_beside_never_unlock(picked in 0..CONFLICTS.len(), extra in 0..5_usize) {
        // What looks like good news about something else is no reason to go on.
        let mut world = open();
        CONFLICTS[picked].1(&mut world);
        match extra {
            0 => {
                let more = world.record["approvals"][0].clone();
                world.record["approvals"].as_array_mut().unwrap().push(more);
            }
            1 => world.gates.delegations.push(world.gates.delegations[0].clone()),
            2 => {
                let (start, end) = (at("2027-01-01T00:00:00Z"), at("2027-01-02T00:00:00Z"));
                world.gates.calendar.blackouts.push(blackout("FAR", start, end));
            }
            3 => world.gates.freeze_mode.release_override = StateReading::Absent,
            _ => world.policy.freeze.blackouts.push(BlackoutPolicy {
                id: Some("FAR".into()), kind: None, admits: vec!["emergency-fix".into()], environments: Vec::new(),
            }),
        }
        prop_assert!(!halts(&world).is_empty());
    }

    #[test]
    fn the_order_of_what_is_listed_does_not_matter(picked in proptest::collection::btree_set(0..CONFLICTS.len(), 0..4), turn in 0..7_usize) {
        let mut world = open();
        for place in &picked {
            CONFLICTS[*place].1(&mut world);
        }
        let before = halts(&world);
        fn turned<T>(list: &mut [T], turn: usize) {
            let by = turn % list.len().max(1);
            list.rotate_left(by);
            if turn % 2 == 1 {
                list.reverse();
            }
        }
        turned(world.record["approvals"].as_array_mut().unwrap(), turn);
        turned(world.record["manifest"]["signers"].as_array_mut().unwrap(), turn);
        turned(&mut world.gates.calendar.blackouts, turn);
        turned(&mut world.gates.delegations, turn);
        turned(&mut world.gates.holds, turn);
        turned(&mut world.policy.approvals.required_roles, turn);
        prop_assert_eq!(halts(&world), before);
    }

    #[test]
    fn the_zone_in_which_times_are_written_does_not_matter(picked in proptest::collection::btree_set(0..CONFLICTS.len(), 0..4), hours in -12_i32..=14) {
        let mut world = open();
        for place in &picked {
            CONFLICTS[*place].1(&mut world);
        }
        let before = halts(&world);
        elsewhere(&mut world.record, hours);
        prop_assert_eq!(halts(&world), before);
    }
}

/// Writes every time with another offset: the same moments, on other clocks.
fn elsewhere(value: &mut Value, hours: i32) {
    match value {
        Value::String(text) => {
            if let Ok(moment) = text.parse::<jiff::Timestamp>() {
                let zone =
                    jiff::tz::TimeZone::fixed(jiff::tz::Offset::from_hours(i8::try_from(hours).unwrap()).unwrap());
                *text = moment.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|one| elsewhere(one, hours)),
        Value::Object(members) => members.values_mut().for_each(|one| elsewhere(one, hours)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
