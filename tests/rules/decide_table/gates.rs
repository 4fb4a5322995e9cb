//! Delegates, numbers of approvers, holds, the service ownership record, and the freeze policy.

use crate::decide_table::{Case, at};
use portal_agent::decide::verdict::HaltCode;
use portal_agent::model::digest::Digest;
use portal_agent::model::freeze_policy::{BlackoutPolicy, CategoryPolicy, PagesPolicy};
use portal_agent::model::freeze_terms::{
    FreezeMode, FreezeTerms, OverrideTerms, ReleaseMode, SetBy, StateReading, Tier,
};
use portal_agent::model::gates::{
    Delegation, Hold, RegisteredOwner, Resolved, SignatureFault, SignatureFinding, SignaturePolicy,
};
use portal_agent::model::ids::{BlackoutId, ChangeId, HoldId, PersonId, Role};
use portal_agent::model::record::Ownership;
use portal_agent::model::text::Line;
use serde_json::{Value, json};

fn person(name: &str) -> PersonId {
    PersonId::parse(name).unwrap()
}

/// The incident commander's approval, taken at 11:00 by somebody for them.
fn by_delegate(record: &mut Value) {
    record["approvals"][1]["approver"] = "li.novak".into();
    record["approvals"][1]["on_behalf_of"] = "tom.okafor".into();
}

fn mapping(from: &str, to: &str, start: &str, end: &str) -> Delegation {
    Delegation { from: person(from), to: person(to), role: None, start: at(start), end: at(end) }
}

#[test]
fn delegate_not_allowed_unless_a_mapping_was_in_force_when_they_approved() {
    let with = |mapping: Delegation| Case::new().then(by_delegate).gates(|gates| gates.delegations.push(mapping));
    let day = ("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    Case::new().then(by_delegate).halts_with(&[HaltCode::DelegateNotAllowed]);
    with(mapping("tom.okafor", "li.novak", day.0, day.1)).proceeds();
    with(mapping("Tom.Okafor", "LI.Novak", day.0, day.1)).proceeds();
    // Half-open, and at the moment of the decision, not of the judgement at noon.
    with(mapping("tom.okafor", "li.novak", "2026-11-21T11:00:00Z", "2026-11-21T11:00:01Z")).proceeds();
    with(mapping("tom.okafor", "li.novak", "2026-11-21T11:00:01Z", day.1)).halts_with(&[HaltCode::DelegateNotAllowed]);
    with(mapping("tom.okafor", "li.novak", day.0, "2026-11-21T11:00:00Z")).halts_with(&[HaltCode::DelegateNotAllowed]);
    with(mapping("maria.chen", "li.novak", day.0, day.1)).halts_with(&[HaltCode::DelegateNotAllowed]);
    with(mapping("tom.okafor", "another", day.0, day.1)).halts_with(&[HaltCode::DelegateNotAllowed]);
    let for_role = |role: &str| Delegation {
        role: Some(Role::parse(role).unwrap()),
        ..mapping("tom.okafor", "li.novak", day.0, day.1)
    };
    with(for_role("incident-commander")).proceeds();
    with(for_role("service-owner")).halts_with(&[HaltCode::DelegateNotAllowed]);
}

#[test]
fn a_delegate_is_bound_by_segregation_of_duties_and_by_the_manifest() {
    let day = ("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    let with = |from: &'static str, to: &'static str| {
        Case::new()
            .then(move |record| {
                record["approvals"][1]["approver"] = to.into();
                record["approvals"][1]["on_behalf_of"] = from.into();
            })
            .gates(|gates| gates.delegations.push(mapping(from, to, day.0, day.1)))
    };
    with("tom.okafor", "dana.reyes").halts_with(&[HaltCode::SegregationOfDuties]);
    with("tom.okafor", "op.night").halts_with(&[HaltCode::SegregationOfDuties]);
    with("tom.okafor", "maria.chen").halts_with(&[HaltCode::SegregationOfDuties]);
    // Whoever decides for somebody whom the manifest does not name decides for nobody.
    with("someone.else", "li.novak").halts_with(&[HaltCode::ApproverMismatch]);
}

fn second_authority(decides: bool) -> impl FnOnce(&mut Value) + 'static {
    move |record| {
        let mut signer = record["manifest"]["signers"][2].clone();
        signer["approver"] = "omar.haddad".into();
        record["manifest"]["signers"].as_array_mut().unwrap().push(signer);
        if decides {
            let mut approval = record["approvals"][2].clone();
            approval["approver"] = "omar.haddad".into();
            record["approvals"].as_array_mut().unwrap().push(approval);
        }
    }
}

#[test]
fn approval_missing_when_a_role_needs_more_people_than_have_approved() {
    let two = |case: Case| {
        case.policy(|policy| policy.approvals.required_roles.push(Role::parse("change-authority").unwrap()))
    };
    two(Case::new()).halts_with(&[HaltCode::ApprovalMissing]);
    two(Case::new().then(second_authority(true))).proceeds();
    two(Case::new().then(second_authority(false))).halts_with(&[HaltCode::ApprovalMissing]);
    // One person is one person, however often they approve and however their account is written.
    let twice = |record: &mut Value| {
        second_authority(true)(record);
        record["manifest"]["signers"][3]["approver"] = "Ines.Duarte".into();
        record["approvals"][3]["approver"] = "Ines.Duarte".into();
    };
    two(Case::new().then(twice)).halts_with(&[HaltCode::ApprovalMissing]);
    let same_person_decides_twice = |record: &mut Value| {
        second_authority(true)(record);
        record["approvals"][3]["approver"] = "ines.duarte".into();
    };
    two(Case::new().then(same_person_decides_twice)).halts_with(&[HaltCode::ApprovalMissing]);
    // Whoever signs must decide, whether or not the policy asks for so many.
    Case::new().then(second_authority(false)).halts_with(&[HaltCode::ApprovalMissing]);
}

#[test]
fn segregation_of_duties_when_one_person_decides_for_two_signers_of_one_role() {
    let day = (at("2026-11-21T00:00:00Z"), at("2026-11-22T00:00:00Z"));
    let may =
        |from: &str, to: &str| Delegation { from: person(from), to: person(to), role: None, start: day.0, end: day.1 };
    let two = |case: Case| {
        case.policy(|policy| policy.approvals.required_roles.push(Role::parse("change-authority").unwrap()))
    };
    // Omar's part is decided by a colleague in the same role, or both parts by one delegate.
    let by_colleague = |record: &mut Value| {
        second_authority(true)(record);
        record["approvals"][3]["approver"] = "ines.duarte".into();
        record["approvals"][3]["on_behalf_of"] = "omar.haddad".into();
    };
    let mapped = move |case: Case| {
        case.gates(move |gates| gates.delegations.push(may("omar.haddad", "ines.duarte")))
            .gates(move |gates| gates.delegations.push(may("omar.haddad", "zoe.k")))
            .gates(move |gates| gates.delegations.push(may("ines.duarte", "zoe.k")))
    };
    two(mapped(Case::new().then(by_colleague))).halts_with(&[HaltCode::SegregationOfDuties]);
    let by_one_delegate = |record: &mut Value| {
        second_authority(true)(record);
        for (place, signer) in [(2, "ines.duarte"), (3, "omar.haddad")] {
            record["approvals"][place]["approver"] = "zoe.k".into();
            record["approvals"][place]["on_behalf_of"] = signer.into();
        }
    };
    two(mapped(Case::new().then(by_one_delegate))).halts_with(&[HaltCode::SegregationOfDuties]);
    let by_own_delegate = |record: &mut Value| {
        second_authority(true)(record);
        record["approvals"][3]["approver"] = "zoe.k".into();
        record["approvals"][3]["on_behalf_of"] = "omar.haddad".into();
    };
    two(mapped(Case::new().then(by_own_delegate))).proceeds();
}

#[test]
fn segregation_of_duties_whatever_a_role_is_called() {
    for name in ["operator", "requester", "portal account", "who resumes"] {
        let Ok(role) = Role::parse(name) else { continue };
        let signs = move |record: &mut Value| {
            let mut signer = record["manifest"]["signers"][0].clone();
            signer["role"] = name.into();
            signer["approver"] = "op.night".into();
            record["manifest"]["signers"].as_array_mut().unwrap().push(signer);
            let mut approval = record["approvals"][0].clone();
            approval["role"] = name.into();
            approval["approver"] = "op.night".into();
            record["approvals"].as_array_mut().unwrap().push(approval);
        };
        let case = Case::new().then(signs).policy(move |policy| policy.approvals.required_roles.push(role));
        case.halts_with(&[HaltCode::SegregationOfDuties]);
    }
}

#[test]
fn segregation_of_duties_when_one_key_signs_for_two_people() {
    let signed = |keys: [&str; 3]| {
        let findings = keys.map(|key| SignatureFinding::Valid { key: key.to_owned() }).to_vec();
        Case::new().gates(move |gates| gates.signatures = findings)
    };
    signed(["SHA256:a", "SHA256:b", "SHA256:c"]).proceeds();
    signed(["SHA256:a", "SHA256:b", "SHA256:a"]).halts_with(&[HaltCode::SegregationOfDuties]);
}

fn hold(change: &str) -> Hold {
    Hold {
        id: HoldId::parse("HOLD-7").unwrap(),
        change_id: ChangeId::parse(change).unwrap(),
        packet: None,
        raised_by: person("quality.desk"),
        raised_at: at("2026-11-20T08:00:00Z"),
        resolved: None,
    }
}

#[test]
fn hold_open_until_it_is_resolved() {
    let with = |hold: Hold| Case::new().gates(|gates| gates.holds.push(hold));
    let resolved = |when: &str| Some(Resolved { by: person("quality.desk"), at: at(when) });
    with(hold("CHG0041877")).halts_with(&[HaltCode::HoldOpen]);
    with(Hold { resolved: resolved("2026-11-21T12:00:00Z"), ..hold("CHG0041877") }).proceeds();
    with(Hold { resolved: resolved("2026-11-21T12:00:01Z"), ..hold("CHG0041877") }).halts_with(&[HaltCode::HoldOpen]);
    with(hold("CHG0000001")).proceeds();
    // Whoever raises a hold writes the number by hand.
    with(hold("chg0041877")).halts_with(&[HaltCode::HoldOpen]);
    // A hold on one packet holds no other; a resolved one beside an open one changes nothing.
    with(Hold { packet: Some(Digest::of(b"another")), ..hold("CHG0041877") }).proceeds();
    with(hold("CHG0041877"))
        .gates(|gates| gates.holds.push(Hold { resolved: resolved("2026-11-20T09:00:00Z"), ..hold("CHG0041877") }))
        .halts_with(&[HaltCode::HoldOpen]);
}

#[test]
fn owner_mismatch_when_the_ownership_record_says_otherwise_than_the_change_record() {
    let with = |owner: RegisteredOwner| Case::new().gates(|gates| gates.owner = owner);
    let entry = |service: &str, owner: &str| {
        RegisteredOwner::Entry(Ownership { service: Line::parse(service).unwrap(), owner: person(owner) })
    };
    with(entry("checkout-api", "maria.chen")).proceeds();
    with(entry("checkout-api", "Maria.Chen")).proceeds();
    with(entry("checkout-api", "someone.else")).halts_with(&[HaltCode::OwnerMismatch]);
    with(entry("search-api", "maria.chen")).halts_with(&[HaltCode::OwnerMismatch]);
    with(RegisteredOwner::Unknown).halts_with(&[HaltCode::OwnerMismatch]);
}

#[test]
fn owner_mismatch_unless_the_owner_of_record_is_among_those_who_sign_as_service_owner() {
    let with_second_owner = |first: &'static str| {
        Case::new().then(move |record| {
            record["manifest"]["signers"][0]["approver"] = first.into();
            record["approvals"][0]["approver"] = first.into();
            let mut signer = record["manifest"]["signers"][0].clone();
            signer["approver"] = "li.novak".into();
            record["manifest"]["signers"].as_array_mut().unwrap().push(signer);
            let mut approval = record["approvals"][0].clone();
            approval["approver"] = "li.novak".into();
            record["approvals"].as_array_mut().unwrap().push(approval);
        })
    };
    with_second_owner("maria.chen").proceeds();
    with_second_owner("someone.else").halts_with(&[HaltCode::OwnerMismatch]);
}

fn category(name: &str) -> CategoryPolicy {
    CategoryPolicy { name: name.into(), mode: None, lead_hours: None, longest_window_hours: None }
}

#[test]
fn window_mismatch_when_it_comes_sooner_or_lasts_longer_than_the_policy_allows() {
    // Judged at noon; the window is 07:00 to 09:00 of the next day: 19 hours away, two hours long.
    let with = |lead: u32, longest: u32| {
        Case::new().policy(|policy| {
            policy.freeze.lead_hours = lead;
            policy.freeze.longest_window_hours = Some(longest);
        })
    };
    with(19, 2).proceeds();
    with(20, 2).halts_with(&[HaltCode::WindowMismatch]);
    with(19, 1).halts_with(&[HaltCode::WindowMismatch]);
    // A category's own rules stand in the place of the general ones.
    let own = CategoryPolicy { lead_hours: Some(0), longest_window_hours: Some(4), ..category("emergency-fix") };
    with(48, 1).policy(|policy| policy.freeze.categories.push(own)).proceeds();
    with(48, 2)
        .policy(|policy| policy.freeze.categories.push(category("regulatory")))
        .halts_with(&[HaltCode::WindowMismatch]);
    // Without a lead time, a window that is open already may still be used.
    Case { now: "2026-11-22T08:00:00Z", ..Case::new() }.proceeds();
}

fn rule(id: &str, admits: &[&str], environments: &[&str]) -> BlackoutPolicy {
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
    BlackoutPolicy { id: Some(id.into()), kind: None, admits: texts(admits), environments: texts(environments) }
}

#[test]
fn category_not_admitted_unless_calendar_or_policy_admit_it() {
    let with = |rule: BlackoutPolicy| {
        Case::new()
            .gates(|gates| gates.calendar.blackouts[0].admits.clear())
            .policy(move |policy| policy.freeze.blackouts.push(rule))
    };
    with(rule("YEAR-END-*", &["emergency-fix"], &[])).proceeds();
    with(rule("YEAR-END-*", &["regulatory"], &[])).halts_with(&[HaltCode::CategoryNotAdmitted]);
    with(rule("PAYROLL", &["emergency-fix"], &[])).halts_with(&[HaltCode::CategoryNotAdmitted]);
    let of_kind = BlackoutPolicy { id: None, kind: Some("commerce".into()), ..rule("", &["emergency-fix"], &[]) };
    with(of_kind.clone()).halts_with(&[HaltCode::CategoryNotAdmitted]);
    with(of_kind).gates(|gates| gates.calendar.blackouts[0].kinds.push("commerce".into())).proceeds();
}

#[test]
fn blackout_overlap_only_in_the_environments_that_it_freezes() {
    let with = |environments: &'static [&'static str]| {
        Case::new().gates(|gates| {
            let mut other = gates.calendar.blackouts[0].clone();
            other.id = BlackoutId::parse("STAGING-ONLY").unwrap();
            other.environments = environments.iter().map(|one| (*one).to_owned()).collect();
            gates.calendar.blackouts.push(other);
        })
    };
    with(&[]).halts_with(&[HaltCode::BlackoutOverlap]);
    with(&["production"]).halts_with(&[HaltCode::BlackoutOverlap]);
    with(&["Production"]).halts_with(&[HaltCode::BlackoutOverlap]);
    with(&["staging"]).proceeds();
    // What the policy adds is added: it does not take an environment away.
    let more = rule("STAGING-ONLY", &[], &["production"]);
    with(&["staging"]).policy(|policy| policy.freeze.blackouts.push(more)).halts_with(&[HaltCode::BlackoutOverlap]);
}

#[test]
fn a_record_with_two_signers_in_one_role_is_read_and_one_signer_twice_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.json");
    let times = portal_agent::reference_portal::example::ExampleTimes::around(at(crate::decide_table::NOW).timestamp());
    let mut exception = portal_agent::reference_portal::example::exception(&times);
    exception["attachments"] = json!([]);
    let portal = "https://portal.example.test/".parse().unwrap();
    let mut record = portal_agent::reference_portal::example::approved(exception, &portal, &times).unwrap();
    second_authority(true)(&mut record);
    std::fs::write(&path, record.to_string()).unwrap();
    portal_agent::sources::record_file::read(&path).unwrap();
    record["manifest"]["signers"][3]["approver"] = "ines.duarte".into();
    std::fs::write(&path, record.to_string()).unwrap();
    let error = portal_agent::sources::record_file::read(&path).unwrap_err().to_string();
    assert!(error.contains("manifest.signers[3].approver") && error.contains("twice"), "{error}");
}

fn frozen(over: Option<OverrideTerms>) -> FreezeMode {
    let state = FreezeTerms {
        frozen: true,
        set_by: SetBy::Automation,
        set_at: Some(at("2026-11-21T06:00:00Z")),
        tier: Some(Tier::Red),
    };
    let release_override = over.map_or(StateReading::Absent, StateReading::Read);
    FreezeMode { state: StateReading::Read(state), release_override }
}

fn lifted() -> OverrideTerms {
    OverrideTerms {
        active: true,
        set_at: Some(at("2026-11-21T08:00:00Z")),
        expires_at: Some(at("2026-11-22T08:00:00Z")),
        justification_chars: 60,
        ticket_is_url: true,
        via_environment: true,
        names_approver: true,
    }
}

#[test]
fn freeze_mode_active_unless_the_category_is_a_hotfix_or_an_override_counts() {
    let with = |freeze: FreezeMode| Case::new().gates(move |gates| gates.freeze_mode = freeze);
    let as_mode = |mode: ReleaseMode, freeze: FreezeMode| {
        let rules = CategoryPolicy { mode: Some(mode), ..category("emergency-fix") };
        with(freeze).policy(move |policy| policy.freeze.categories.push(rules))
    };
    with(frozen(None)).halts_with(&[HaltCode::FreezeModeActive]);
    as_mode(ReleaseMode::Ga, frozen(None)).halts_with(&[HaltCode::FreezeModeActive]);
    as_mode(ReleaseMode::Rc, frozen(None)).halts_with(&[HaltCode::FreezeModeActive]);
    as_mode(ReleaseMode::Pages, frozen(None)).halts_with(&[HaltCode::FreezeModeActive]);
    as_mode(ReleaseMode::Hotfix, frozen(None)).proceeds();
    as_mode(ReleaseMode::Pages, frozen(None)).policy(|policy| policy.freeze.pages = PagesPolicy::Allowed).proceeds();
    with(frozen(Some(lifted()))).proceeds();
    with(frozen(Some(OverrideTerms { justification_chars: 49, ..lifted() }))).halts_with(&[HaltCode::FreezeModeActive]);
    let over = Some(at("2026-11-21T12:00:00Z"));
    with(frozen(Some(OverrideTerms { expires_at: over, ..lifted() }))).halts_with(&[HaltCode::FreezeModeActive]);
}

#[test]
fn source_unavailable_where_nobody_can_tell_whether_releases_are_frozen() {
    for state in [StateReading::Unconfigured, StateReading::Absent, StateReading::Missing, StateReading::Unreadable] {
        for mode in [ReleaseMode::Ga, ReleaseMode::Hotfix] {
            let freeze = FreezeMode { state: state.clone(), release_override: StateReading::Absent };
            let rules = CategoryPolicy { mode: Some(mode), ..category("emergency-fix") };
            Case::new()
                .gates(move |gates| gates.freeze_mode = freeze)
                .policy(move |policy| policy.freeze.categories.push(rules))
                .halts_with(&[HaltCode::SourceUnavailable]);
        }
    }
    // An override that cannot be read lifts nothing, and is no reason to think it might.
    let freeze = FreezeMode { release_override: StateReading::Unreadable, ..frozen(None) };
    Case::new().gates(move |gates| gates.freeze_mode = freeze).halts_with(&[HaltCode::SourceUnavailable]);
}

#[test]
fn signature_invalid_when_one_is_demanded_and_missing_or_one_is_there_and_does_not_count() {
    use SignatureFinding::{Absent, Invalid, NotChecked, Valid};
    let required = |case: Case| case.policy(|policy| policy.approvals.signatures = SignaturePolicy::Required);
    let with = |findings: Vec<SignatureFinding>| Case::new().gates(move |gates| gates.signatures = findings);
    let valid = |key: &str| Valid { key: key.into() };
    let forged = || Invalid { fault: SignatureFault::Forged };
    with(vec![Absent, NotChecked, valid("a")]).proceeds();
    with(vec![valid("a"), forged(), valid("c")]).halts_with(&[HaltCode::SignatureInvalid]);
    required(with(vec![valid("a"), valid("b"), valid("c")])).proceeds();
    let two = || vec![valid("a"), valid("b")];
    let and = |last: SignatureFinding| two().into_iter().chain([last]).collect();
    for missing in [and(Absent), and(NotChecked), two(), vec![]] {
        required(with(missing)).halts_with(&[HaltCode::SignatureInvalid]);
    }
}
