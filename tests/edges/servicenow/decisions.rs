//! Whose decisions count, and about which packet.

use portal_agent::model::digest::Digest;
use portal_agent::model::ids::PersonId;
use portal_agent::model::record::Decision;
use portal_agent::sources::record_file;

use crate::servicenow::instance::Instance;
use crate::servicenow::scene::{MAPPING, approval, delegate, expected, instance, packet};
use crate::servicenow::{WITHIN, record};

#[tokio::test]
async fn accounts_that_differ_in_case_alone_are_one_person_spelt_as_the_manifest_does() {
    let instance = instance().await;
    instance.set("sysapproval_approver", "a1", "approver.user_name", "Maria.Chen");
    instance.set("sysapproval_approver", "a2", "approver.user_name", "TOM.OKAFOR");
    let wanted = record_file::from_text("r".as_ref(), &expected().to_string(), ".".as_ref()).unwrap();
    assert_eq!(record(&instance).await.unwrap().record, wanted.record);
}

#[tokio::test]
async fn what_a_signer_took_back_is_theirs_however_their_account_is_written() {
    let instance = instance().await;
    let digest = packet().to_string();
    instance.row("sysapproval_approver", &approval("b1", "Maria.Chen", "cancelled", 9, &digest));
    instance.row("sysapproval_approver", &approval("b2", "Tom.Okafor", "rejected", 9, &digest));
    let approvals = record(&instance).await.unwrap().record.approvals;
    let taken_back: Vec<_> = approvals[3..].iter().map(|one| (one.approver.as_str(), one.decision)).collect();
    assert_eq!(taken_back, [("maria.chen", Decision::Revoked), ("tom.okafor", Decision::Rejected)]);
}

#[tokio::test]
async fn nobody_is_their_own_delegate_however_their_account_is_written() {
    for column in ["decided_by", "on_behalf_of"] {
        let mut instance = instance().await;
        instance.more = MAPPING.replace("[approvals]", &format!("[approvals]\n{column} = \"u_other\""));
        instance.set("sysapproval_approver", "a", "u_other", "");
        for (key, other) in [("a1", "MARIA.CHEN"), ("a2", "Tom.Okafor"), ("a3", "ines.duarte")] {
            instance.set("sysapproval_approver", key, "u_other", other);
        }
        let approvals = record(&instance).await.unwrap().record.approvals;
        let people: Vec<_> = approvals.iter().map(|one| (one.approver.as_str(), one.on_behalf_of.clone())).collect();
        assert_eq!(people, [("maria.chen", None), ("tom.okafor", None), ("ines.duarte", None)], "{column}");
    }
}

#[tokio::test]
async fn the_delegates_of_a_signer_are_known_however_their_account_is_written() {
    let instance = instance().await;
    instance.set("sys_user_delegate", "d1", "user.user_name", "Maria.Chen");
    instance.row("sys_user_delegate", &delegate("d3", "tom.okafor", "MARIA.chen"));
    let people = ["maria.chen", "tom.okafor"].map(|name| PersonId::parse(name).unwrap());
    let found = instance.client().delegations(&people, WITHIN).await.unwrap();
    let found: Vec<_> = found.iter().map(|one| (one.from.as_str(), one.to.as_str())).collect();
    assert_eq!(found, [("maria.chen", "li.novak"), ("tom.okafor", "maria.chen")]);
    // Whom nobody asked about is refused as before.
    instance.on_rows(|_, rows, _| rows[0]["user.user_name"]["value"] = "sam.roe".into());
    assert!(instance.client().delegations(&people, WITHIN).await.is_err());
}

/// Before the three approvals of the scene, which are of the seconds 1, 2 and 3.
const BEFORE: u32 = 0;
const AFTER: u32 = 9;

fn earlier_packet() -> String {
    Digest::of(b"an earlier packet").to_string()
}

/// The decisions beside those that approve this packet.
async fn beside(instance: &Instance) -> Vec<(String, Decision)> {
    let approvals = record(instance).await.unwrap().record.approvals;
    let beside = approvals.iter().filter(|one| one.decision != Decision::Approved || one.packet != packet());
    beside.map(|one| (one.approver.to_string(), one.decision)).collect()
}

#[tokio::test]
async fn what_was_decided_about_another_packet_gives_way_to_the_signers_later_approval_of_this_one() {
    let instance = instance().await;
    for (key, who, state) in [
        ("b1", "maria.chen", "rejected"),
        ("b2", "tom.okafor", "approved"),
        ("b3", "Ines.Duarte", "rejected"),
        ("b4", "maria.chen", "approved"),
    ] {
        instance.row("sysapproval_approver", &approval(key, who, state, BEFORE, &earlier_packet()));
    }
    assert_eq!(beside(&instance).await, []);
    assert_eq!(record(&instance).await.unwrap().record.approvals.len(), 3);
}

#[tokio::test]
async fn what_was_decided_about_another_packet_stands_until_the_signer_approves_this_one_later() {
    let instance = instance().await;
    let rejected = |second| approval("b1", "maria.chen", "rejected", second, &earlier_packet());
    instance.row("sysapproval_approver", &rejected(AFTER));
    let stands = [("maria.chen".to_owned(), Decision::Rejected)];
    assert_eq!(beside(&instance).await, stands, "decided after the approval");
    instance.set("sysapproval_approver", "b1", "sys_updated_on", "2026-11-20 18:00:01");
    assert_eq!(beside(&instance).await, stands, "decided in the same second");
    instance.set("sysapproval_approver", "b1", "sys_updated_on", "2026-11-20 18:00:00");
    assert_eq!(beside(&instance).await, []);
    for state in ["requested", "not_required"] {
        instance.set("sysapproval_approver", "a1", "state", state);
        assert!(beside(&instance).await.contains(&stands[0]), "others have approved, and she has not: {state}");
    }
    instance.set("sysapproval_approver", "a1", "state", "rejected");
    assert_eq!(beside(&instance).await.len(), 2, "what she decided later was no approval");
    instance.set("sysapproval_approver", "a1", "state", "approved");
    instance.set("sysapproval_approver", "a1", "u_packet", &Digest::of(b"a third packet").to_string());
    assert_eq!(beside(&instance).await.len(), 2, "what she approved later is another packet yet");
}

#[tokio::test]
async fn an_approval_in_one_role_leaves_what_was_decided_in_another() {
    let mut instance = instance().await;
    instance.more = MAPPING.replace("[approvals]", "[approvals]\nrole = \"u_role\"");
    instance.row("sysapproval_approver", &approval("b1", "maria.chen", "rejected", BEFORE, &earlier_packet()));
    for (key, role) in [
        ("a", ""),
        ("a1", "service-owner"),
        ("a2", "incident-commander"),
        ("a3", "change-authority"),
        ("b1", "change-authority"),
    ] {
        instance.set("sysapproval_approver", key, "u_role", role);
    }
    assert_eq!(beside(&instance).await, [("maria.chen".to_owned(), Decision::Rejected)]);
}

#[tokio::test]
async fn a_refusal_of_this_packet_counts_whatever_is_approved_later() {
    for (state, decision) in [("rejected", Decision::Rejected), ("cancelled", Decision::Revoked)] {
        let instance = instance().await;
        let refused = approval("b1", "maria.chen", state, BEFORE, &packet().to_string());
        instance.row("sysapproval_approver", &refused);
        assert_eq!(beside(&instance).await, [("maria.chen".to_owned(), decision)]);
    }
}

#[tokio::test]
async fn a_delegates_later_approval_is_the_signers() {
    let mut instance = instance().await;
    instance.more = MAPPING.replace("[approvals]", "[approvals]\ndecided_by = \"u_decided_by\"");
    instance.row("sysapproval_approver", &approval("b1", "maria.chen", "rejected", BEFORE, &earlier_packet()));
    for (key, by) in [("a1", "li.novak"), ("a2", "tom.okafor"), ("a3", "ines.duarte"), ("b1", "maria.chen")] {
        instance.set("sysapproval_approver", key, "u_decided_by", by);
    }
    instance.set("sysapproval_approver", "a4", "u_decided_by", "");
    instance.set("sysapproval_approver", "a5", "u_decided_by", "");
    assert_eq!(beside(&instance).await, []);
    // What she does for one signer is nothing for another.
    instance.set("sysapproval_approver", "a2", "state", "requested");
    instance.row("sysapproval_approver", &approval("b2", "tom.okafor", "rejected", BEFORE, &earlier_packet()));
    instance.set("sysapproval_approver", "b2", "u_decided_by", "li.novak");
    assert_eq!(beside(&instance).await, [("li.novak".to_owned(), Decision::Rejected)]);
}
