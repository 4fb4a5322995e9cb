//! What comes of good answers.

use std::path::Path;

use portal_agent::model::ids::{ChangeId, PersonId};
use portal_agent::model::record::Decision;
use portal_agent::sources::record_file;
use portal_agent::sources::servicenow::mapping_file;

use crate::servicenow::instance::SECRET;
use crate::servicenow::scene::{CHANGE, KEY, MAPPING, PLAN, approval, delegate, expected, instance, packet};
use crate::servicenow::{WITHIN, record};

#[tokio::test]
async fn a_change_request_becomes_the_record_that_a_file_would_hold() {
    let instance = instance().await;
    let read = record(&instance).await.unwrap();
    let wanted = record_file::from_text(Path::new("r"), &expected().to_string(), Path::new(".")).unwrap();
    assert_eq!(read.record, wanted.record);
    assert_eq!(read.packet, wanted.packet);
    assert_eq!(std::fs::read(read.folder.join("rollback-plan/rollback plan.pdf")).unwrap(), PLAN);
    assert!(read.folder.starts_with(instance.folder.path()));
    instance.only_questions().await;
    // Five rows on pages of two, read twice since there are several pages.
    assert_eq!(instance.asked("sysapproval_approver"), 6);
    let again = record(&instance).await.unwrap();
    assert_eq!((again.packet, again.file), (read.packet, read.file), "reading again gives the same bytes");
    assert_ne!(again.folder, read.folder);
}

#[tokio::test]
async fn attachments_are_this_accounts_own() {
    use std::os::unix::fs::PermissionsExt as _;
    let instance = instance().await;
    let folder = record(&instance).await.unwrap().folder;
    for (path, mode) in [("", 0o700), ("rollback-plan", 0o700), ("rollback-plan/rollback plan.pdf", 0o600)] {
        let found = std::fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path:?}");
    }
}

#[tokio::test]
async fn every_decision_is_kept_and_a_withdrawn_approval_of_this_packet_is_revoked() {
    let instance = instance().await;
    let digest = packet().to_string();
    instance.row("sysapproval_approver", &approval("b1", "maria.chen", "rejected", 9, &digest));
    instance.row("sysapproval_approver", &approval("b2", "tom.okafor", "cancelled", 10, &digest));
    let other = portal_agent::model::digest::Digest::of(b"an earlier packet").to_string();
    instance.row("sysapproval_approver", &approval("b3", "tom.okafor", "cancelled", 11, &other));
    let approvals = record(&instance).await.unwrap().record.approvals;
    let of = |person: &str| {
        let own = approvals.iter().filter(|approval| approval.approver.as_str() == person);
        own.map(|approval| approval.decision).collect::<Vec<_>>()
    };
    assert_eq!(of("maria.chen"), [Decision::Approved, Decision::Rejected]);
    assert_eq!(of("tom.okafor"), [Decision::Approved, Decision::Revoked]);
}

#[tokio::test]
async fn a_delegate_who_decided_is_named_with_the_one_they_decided_for() {
    let mut instance = instance().await;
    instance.more = MAPPING.replace("[approvals]", "[approvals]\ndecided_by = \"u_decided_by\"");
    instance.set("sysapproval_approver", "a", "u_decided_by", "tom.okafor");
    instance.set("sysapproval_approver", "a1", "u_decided_by", "li.novak");
    instance.set("sysapproval_approver", "a3", "u_decided_by", "ines.duarte");
    let approvals = record(&instance).await.unwrap().record.approvals;
    assert_eq!(approvals[0].approver.as_str(), "li.novak");
    assert_eq!(approvals[0].on_behalf_of.as_ref().unwrap().as_str(), "maria.chen");
    assert_eq!(approvals[0].role.as_str(), "service-owner");
    assert_eq!(approvals[1].on_behalf_of, None);
}

#[tokio::test]
async fn a_packet_may_stand_in_the_comments() {
    let mut instance = instance().await;
    instance.more = MAPPING.replace("packet = \"u_packet\"", "packet = \"comments\"");
    let comment = format!("2026-11-20 18:00:00 - Maria (Comments)\npacket: {}", packet());
    instance.set("sysapproval_approver", "a", "comments", &comment);
    assert_eq!(record(&instance).await.unwrap().record.approvals.len(), 3);
}

#[tokio::test]
async fn a_change_without_rollback_is_read_and_left_to_the_rules() {
    let instance = instance().await;
    instance.set("change_request", KEY, "u_rollback_plan", "");
    instance.set("change_request", KEY, "u_rollback_version", "");
    assert_eq!(record(&instance).await.unwrap().record.exception.rollback, None);
}

#[tokio::test]
async fn delegates_for_approvals_alone_are_delegations() {
    let instance = instance().await;
    let people = ["maria.chen", "tom.okafor"].map(|name| PersonId::parse(name).unwrap());
    let found = instance.client().delegations(&people, WITHIN).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].from.as_str(), found[0].to.as_str()), ("maria.chen", "li.novak"));
    assert_eq!(found[0].start.to_string(), "2026-11-19T00:00:00Z");
    assert_eq!(found[0].end.to_string(), "2026-11-27T00:00:00Z");
    assert_eq!(instance.client().delegations(&[], WITHIN).await.unwrap(), []);
    assert_eq!(instance.asked("sys_user_delegate"), 1, "nobody was asked about nobody");
}

#[tokio::test]
async fn a_delegates_row_that_cannot_be_read_permits_nothing_and_stops_nobody() {
    let people = ["maria.chen", "tom.okafor"].map(|name| PersonId::parse(name).unwrap());
    for (column, value) in
        [("ends", ""), ("starts", "whenever"), ("delegate.user_name", "Li Novak"), ("delegate.user_name", "")]
    {
        let instance = instance().await;
        instance.row("sys_user_delegate", &delegate("d3", "tom.okafor", "sam.roe"));
        instance.row("sys_user_delegate", &delegate("d4", "tom.okafor", "ines.duarte"));
        instance.set("sys_user_delegate", "d3", column, value);
        let found = instance.client().delegations(&people, WITHIN).await.unwrap();
        let to: Vec<&str> = found.iter().map(|delegation| delegation.to.as_str()).collect();
        assert_eq!(to, ["li.novak", "ines.duarte"], "{column}: {value:?}");
    }
    let instance = instance().await;
    instance.hide("sys_user_delegate", "ends");
    let error = instance.client().delegations(&people, WITHIN).await.unwrap_err().to_string();
    assert!(error.contains("no column ends"), "{error}");
}

#[tokio::test]
async fn a_change_on_hold_is_held_whoever_put_it_on_hold_and_whenever() {
    let change = ChangeId::parse(CHANGE).unwrap();
    for by in ["System Administrator", "", "müller"] {
        let instance = instance().await;
        instance.set("change_request", KEY, "on_hold", "true");
        instance.set("change_request", KEY, "sys_updated_by", by);
        let holds = instance.client().holds(&change, WITHIN).await.unwrap();
        let raised: Vec<&str> = holds.iter().map(|hold| hold.raised_by.as_str()).collect();
        assert_eq!(raised, ["unknown"], "{by:?}");
    }
    let instance = instance().await;
    instance.set("change_request", KEY, "on_hold", "true");
    instance.hide("change_request", "sys_updated_by");
    instance.hide("change_request", "sys_updated_on");
    let holds = instance.client().holds(&change, WITHIN).await.unwrap();
    assert_eq!(holds[0].raised_at.to_string(), "1970-01-01T00:00:00Z");
    // As long as a number may be: what is written before it no longer fits.
    let long = "C".repeat(80);
    instance.set("change_request", KEY, "number", &long);
    assert_eq!(instance.client().holds(&ChangeId::parse(&long).unwrap(), WITHIN).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_service_has_the_owner_of_now_and_an_unknown_one_has_none() {
    let instance = instance().await;
    let client = instance.client();
    assert_eq!(client.owner("checkout-api", WITHIN).await.unwrap().unwrap().owner.as_str(), "maria.chen");
    instance.set("cmdb_ci_service", "s1", "owned_by.user_name", "li.novak");
    assert_eq!(client.owner("checkout-api", WITHIN).await.unwrap().unwrap().owner.as_str(), "li.novak");
    assert_eq!(client.owner("billing", WITHIN).await.unwrap(), None);
    assert!(client.owner("x^ORnameISNOTEMPTY", WITHIN).await.is_err());
    assert!(client.owner("javascript:gs.print(1)", WITHIN).await.is_err());
    assert_eq!(instance.asked("cmdb_ci_service"), 3);
}

#[tokio::test]
async fn a_change_on_hold_is_held_and_another_is_not() {
    let instance = instance().await;
    let change = ChangeId::parse(CHANGE).unwrap();
    assert_eq!(instance.client().holds(&change, WITHIN).await.unwrap(), []);
    instance.set("change_request", KEY, "on_hold", "true");
    let holds = instance.client().holds(&change, WITHIN).await.unwrap();
    assert_eq!(holds.len(), 1);
    assert_eq!((holds[0].id.as_str(), holds[0].raised_by.as_str()), ("on-hold-CHG0041877", "dana.reyes"));
    assert_eq!(holds[0].raised_at.to_string(), "2026-11-20T18:05:00Z");
    instance.set("change_request", KEY, "on_hold", "maybe");
    assert!(instance.client().holds(&change, WITHIN).await.is_err());
}

#[test]
fn the_example_of_the_documentation_is_a_mapping() {
    let text = include_str!("../../../src/sources/servicenow/example.toml");
    let read = mapping_file::parse(Path::new("example.toml"), text).unwrap();
    assert_eq!(read.url.as_str(), "https://example.service-now.com/");
    assert_eq!(read.change.details.len(), 5);
    assert!(!format!("{read:?}").contains(SECRET));
}
