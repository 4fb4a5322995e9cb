//! Whose decisions count, and about which packet.

use portal_agent::model::ids::PersonId;
use portal_agent::model::record::Decision;
use portal_agent::sources::record_file;

use crate::scene::{MAPPING, approval, delegate, expected, instance, packet};
use crate::{WITHIN, record};

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
