//! A change request with everything that belongs to it, as an instance holds it and as the record should be.

use portal_agent::model::digest::Digest;
use serde_json::{Value, json};

use crate::servicenow::instance::Instance;

pub const CHANGE: &str = "CHG0041877";
/// Key of the change request.
pub const KEY: &str = "c0ffee00000000000000000000000001";
pub const PLAN: &[u8] = b"%PDF rollback plan";

pub const MAPPING: &str = r#"
[change]
environment = { column = "u_environment", take = "display_value", values = { "Production" = "production" } }
[change.details]
impact = "u_impact"
affected = { column = "u_affected", as = "number" }
customer_facing = { column = "u_customer_facing", as = "flag" }
regions = { column = "u_regions", as = "list" }
empty = "u_empty"
[approvals]
packet = "u_packet"
decided_at = "sys_updated_on"
signature_files = true
[attachments.roles]
"rollback*.pdf" = "rollback-plan"
"#;

/// The packet that was approved, whatever it holds.
pub fn packet() -> Digest {
    Digest::of(b"the packet")
}

fn window() -> Value {
    json!({ "start": "2026-12-04T07:00:00Z", "end": "2026-12-04T09:00:00Z" })
}

/// What is attached beside the columns: manifest, remediation and the excepted blackouts.
pub fn attached() -> Value {
    let signer = |role: &str, approver: &str| json!({ "role": role, "approver": approver });
    json!({
        "manifest": {
            "packet": packet(),
            "boundary": { "portal": "https://portal.example/", "category": "emergency-fix" },
            "window": window(),
            "signers": [
                signer("service-owner", "maria.chen"),
                signer("incident-commander", "tom.okafor"),
                signer("change-authority", "ines.duarte"),
            ],
            "expires_at": "2026-12-05T00:00:00Z",
        },
        "remediation": {
            "service": "checkout-api", "environment": "production", "category": "emergency-fix",
            "incident": "INC0098123", "scope": "Replace 7.14.2 by 7.14.3.\nNo schema change.",
            "rollback": { "plan": "RBK-2210", "version": "3.2" }, "window": window(),
        },
        "excepts": [{ "id": "YEAR-END", "start": "2026-11-30T00:00:00Z", "end": "2027-01-04T00:00:00Z" }],
    })
}

/// The record that the scene should give.
pub fn expected() -> Value {
    let attached = attached();
    let decision = |role: &str, approver: &str, at: &str| json!({ "role": role, "approver": approver, "decision": "approved", "decided_at": at, "packet": packet() });
    let mut owner = decision("service-owner", "maria.chen", "2026-11-20T18:00:01Z");
    owner["signature"] = "-----BEGIN SSH SIGNATURE-----".into();
    json!({
        "schema": "portal-agent/record/1",
        "exception": {
            "change_id": CHANGE, "revision": 4, "title": "Raise the connection pool limit",
            "requester": "dana.reyes", "service": { "id": "checkout-api", "owner": "maria.chen" },
            "environment": "production", "category": "emergency-fix", "incident": "INC0098123",
            "scope": "Replace 7.14.2 by 7.14.3.\nNo schema change.",
            "rollback": { "plan": "RBK-2210", "version": "3.2" },
            "window": window(),
            "excepts": attached["excepts"],
            "attachments": [{
                "role": "rollback-plan", "name": "rollback plan.pdf", "path": "rollback-plan/rollback plan.pdf",
                "size": PLAN.len(), "sha256": Digest::of(PLAN),
            }],
            "details": {
                "impact": "Payments fail at peak.", "affected": 1840, "customer_facing": true,
                "regions": ["eu-central", "us-east"],
            },
        },
        "remediation": attached["remediation"],
        "ownership": { "service": "checkout-api", "owner": "maria.chen" },
        "manifest": attached["manifest"],
        "approvals": [
            owner,
            decision("incident-commander", "tom.okafor", "2026-11-20T18:00:02Z"),
            decision("change-authority", "ines.duarte", "2026-11-20T18:00:03Z"),
        ],
    })
}

/// A row of the approvals.
pub fn approval(key: &str, approver: &str, state: &str, second: u32, packet: &str) -> Value {
    json!({
        "sys_id": key, "sysapproval": KEY, "approver.user_name": approver, "state": state,
        "sys_updated_on": format!("2026-11-20 18:00:{second:02}"), "u_packet": packet,
    })
}

/// A row of the delegates, for approvals.
pub fn delegate(key: &str, user: &str, delegate: &str) -> Value {
    json!({
        "sys_id": key, "user.user_name": user, "delegate.user_name": delegate, "approvals": "true",
        "starts": "2026-11-19 00:00:00", "ends": "2026-11-27 00:00:00",
    })
}

/// An instance with the scene in it: five approvals on three pages, of which three are decisions.
pub async fn instance() -> Instance {
    let mut instance = Instance::new().await;
    instance.more = MAPPING.to_owned();
    let both = |value: &str, display_value: &str| json!({ "value": value, "display_value": display_value });
    let change = json!({
        "sys_id": KEY, "number": CHANGE, "u_revision": "4", "short_description": "Raise the connection pool limit",
        "requested_by.user_name": "dana.reyes", "business_service.name": "checkout-api",
        "business_service.owned_by.user_name": "maria.chen", "u_environment": both("3", "Production"),
        "u_exception_category": "emergency-fix", "u_incident.number": "INC0098123",
        "description": "Replace 7.14.2 by 7.14.3.\r\nNo schema change.",
        "u_rollback_plan": "RBK-2210", "u_rollback_version": "3.2",
        "start_date": both("2026-12-04 07:00:00", "04.12.2026 02:00:00"),
        "end_date": both("2026-12-04 09:00:00", "04.12.2026 04:00:00"),
        "on_hold": "false", "u_impact": "Payments fail at peak.", "u_affected": "1840",
        "u_customer_facing": "true", "u_regions": "eu-central, us-east", "u_empty": "",
        "sys_mod_count": "7", "sys_updated_on": "2026-11-20 18:05:00", "sys_updated_by": "dana.reyes",
    });
    instance.row("change_request", &change);
    let digest = packet().to_string();
    instance.row("sysapproval_approver", &approval("a1", "maria.chen", "approved", 1, &digest));
    instance.row("sysapproval_approver", &approval("a2", "tom.okafor", "approved", 2, &digest));
    instance.row("sysapproval_approver", &approval("a3", "ines.duarte", "approved", 3, &digest));
    instance.row("sysapproval_approver", &approval("a4", "li.novak", "requested", 4, ""));
    instance.row("sysapproval_approver", &approval("a5", "li.novak", "not_required", 5, ""));
    instance
        .row("cmdb_ci_service", &json!({ "sys_id": "s1", "name": "checkout-api", "owned_by.user_name": "maria.chen" }));
    instance.file("change_request", KEY, "f1", "approval-manifest.json", attached().to_string().as_bytes());
    instance.file("change_request", KEY, "f2", "rollback plan.pdf", PLAN);
    instance.file("change_request", KEY, "f3", "../screenshot of the error.png", b"png");
    instance.file("sysapproval_approver", "a1", "f4", "maria.sig", b"-----BEGIN SSH SIGNATURE-----");
    instance.row("sys_user_delegate", &delegate("d1", "maria.chen", "li.novak"));
    instance.row(
        "sys_user_delegate",
        &json!({ "sys_id": "d2", "user.user_name": "maria.chen", "delegate.user_name": "sam.roe", "approvals": "false",
            "starts": "2026-11-19 00:00:00", "ends": "2026-11-27 00:00:00" }),
    );
    instance
}
