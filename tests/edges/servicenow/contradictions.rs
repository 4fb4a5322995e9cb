//! Answers that contradict the question, one another or themselves.

use portal_agent::model::ids::ChangeId;
use proptest::prelude::*;
use serde_json::json;

use crate::servicenow::instance::Instance;
use crate::servicenow::scene::{CHANGE, KEY, MAPPING, PLAN, approval, attached, instance, packet};
use crate::servicenow::{WITHIN, check_message, invalid, record, unavailable};

#[tokio::test]
async fn another_change_than_the_one_asked_for_is_refused() {
    for number in ["CHG0041878", "chg0041877", ""] {
        let instance = instance().await;
        instance.on_rows(move |asked, rows, _| {
            if asked.of == "change_request" {
                rows[0]["number"]["value"] = number.into();
            }
        });
        invalid(&instance, "not what was asked for").await;
    }
}

#[tokio::test]
async fn two_changes_of_one_number_are_refused() {
    let instance = instance().await;
    instance.row("change_request", &json!({ "sys_id": "ff", "number": CHANGE }));
    // The second lacks every column: the number alone decides.
    instance.on_rows(|asked, rows, _| {
        if asked.of == "change_request" {
            rows[1] = rows[0].clone();
            rows[1]["sys_id"]["value"] = "ff".into();
        }
    });
    invalid(&instance, "several change requests").await;
}

#[tokio::test]
async fn no_change_of_that_number_is_told_as_such() {
    let instance = instance().await;
    instance.set("change_request", KEY, "number", "CHG1");
    invalid(&instance, "there is no CHG0041877").await;
}

#[tokio::test]
async fn an_approval_of_another_change_is_refused() {
    let instance = instance().await;
    instance.on_rows(|asked, rows, _| {
        if asked.of == "sysapproval_approver" && asked.offset == 2 {
            rows[1]["sysapproval"]["value"] = "dead".into();
        }
    });
    invalid(&instance, "sysapproval: is not what was asked for").await;
}

#[tokio::test]
async fn a_change_that_is_edited_while_it_is_read_is_read_again() {
    let instance = instance().await;
    instance.on_rows(|asked, rows, _| {
        if asked.of == "change_request" && asked.nth == 1 {
            rows[0]["sys_mod_count"]["value"] = "6".into();
        }
    });
    assert!(record(&instance).await.is_ok());
    assert_eq!(instance.asked("change_request"), 4);
    assert_eq!(instance.left(), 1, "the first reading left its attachments");
}

#[tokio::test]
async fn a_change_that_never_rests_is_given_up() {
    let instance = instance().await;
    instance.on_rows(|asked, rows, _| {
        if asked.of == "change_request" {
            rows[0]["sys_mod_count"]["value"] = asked.nth.to_string().into();
        }
    });
    unavailable(&instance, "changes while it is read").await;
    assert_eq!(instance.asked("change_request"), 6);
}

#[tokio::test]
async fn counts_that_differ_between_pages_or_from_the_rows_are_refused() {
    let counted = async |change: fn(usize, &mut usize)| {
        let instance = instance().await;
        instance.on_rows(move |asked, _, total| {
            if asked.of == "sysapproval_approver" {
                change(asked.offset, total);
            }
        });
        instance
    };
    unavailable(&counted(|offset, total| *total += usize::from(offset > 0)).await, "changes while").await;
    unavailable(&counted(|_, total| *total += 1).await, "fewer or more rows").await;
    unavailable(&counted(|_, total| *total -= 2).await, "fewer or more rows").await;
    unavailable(&counted(|_, total| *total = 1_000_000).await, "far more rows").await;
}

#[tokio::test]
async fn a_list_without_its_count_is_refused() {
    let instance = instance().await;
    instance.on_answer(|asked, good| {
        let body = r#"{"result":[]}"#;
        let uncounted = wiremock::ResponseTemplate::new(200).set_body_raw(body, "application/json");
        if asked.of == "sysapproval_approver" { uncounted } else { good }
    });
    unavailable(&instance, "X-Total-Count is missing").await;
}

#[tokio::test]
async fn a_next_page_beyond_the_count_is_refused() {
    let instance = instance().await;
    instance.on_answer(|asked, good| {
        let link = "<http://127.0.0.1/x?sysparm_offset=9>;rel=\"next\"";
        if asked.of == "sysapproval_approver" { good.insert_header("Link", link) } else { good }
    });
    unavailable(&instance, "fewer rows than it has pages").await;
}

#[tokio::test]
async fn a_row_that_comes_twice_is_refused() {
    let instance = instance().await;
    instance.on_rows(|asked, rows, _| {
        if asked.of == "sysapproval_approver" && asked.offset == 2 {
            rows[0]["sys_id"]["value"] = "a1".into();
        }
    });
    unavailable(&instance, "came twice").await;
}

#[tokio::test]
async fn rows_that_move_over_the_edge_of_a_page_are_noticed() {
    let instance = instance().await;
    // One row went from the first page and another came at the end, so the count stays: the third row is on neither page.
    instance.on_rows(|asked, rows, _| {
        if asked.of == "sysapproval_approver" && asked.nth == 2 {
            rows[0]["sys_id"]["value"] = "a4".into();
            rows[1]["sys_id"]["value"] = "a5".into();
        }
        if asked.of == "sysapproval_approver" && asked.nth == 3 {
            rows[0]["sys_id"]["value"] = "a6".into();
        }
    });
    unavailable(&instance, "changes while it is read").await;
}

#[tokio::test]
async fn a_decision_that_names_no_packet_says_what_to_fill_in() {
    let instance = instance().await;
    instance.set("sysapproval_approver", "a2", "u_packet", "");
    invalid(&instance, "the decision of tom.okafor names no packet").await;
    instance.set("sysapproval_approver", "a2", "u_packet", "sha256:12");
    invalid(&instance, "approvals.packet: is no digest").await;
}

#[tokio::test]
async fn somebody_whom_the_manifest_does_not_name_may_approve_but_not_reject() {
    let instance = instance().await;
    instance.row("sysapproval_approver", &approval("b1", "sam.roe", "approved", 9, ""));
    assert_eq!(record(&instance).await.unwrap().record.approvals.len(), 3);
    instance.set("sysapproval_approver", "b1", "state", "rejected");
    let error = record(&instance).await.unwrap_err().to_string();
    assert!(error.contains("sam.roe, whom the manifest does not name"), "{error}");
}

#[tokio::test]
async fn a_row_that_can_be_no_signers_stops_the_run_only_as_a_rejection() {
    for (who, packet) in [("Change Advisory Board", ""), ("", "n/a"), ("sam.roe", "n/a"), ("sam.roe", "")] {
        for state in ["approved", "cancelled"] {
            let instance = instance().await;
            instance.row("sysapproval_approver", &approval("b1", who, state, 9, packet));
            assert_eq!(record(&instance).await.unwrap().record.approvals.len(), 3, "{who:?} {state} {packet:?}");
        }
        let instance = instance().await;
        instance.row("sysapproval_approver", &approval("b1", who, "rejected", 9, packet));
        invalid(&instance, "rejected this change").await;
    }
}

#[tokio::test]
async fn a_role_that_the_manifest_does_not_name_is_no_signers() {
    let mut instance = instance().await;
    instance.more = MAPPING.replace("[approvals]", "[approvals]\nrole = \"u_role\"");
    let set = |key: &str, role: &str| instance.set("sysapproval_approver", key, "u_role", role);
    instance.row("sysapproval_approver", &approval("b1", "maria.chen", "approved", 9, ""));
    instance.row("sysapproval_approver", &approval("b2", "sam.roe", "approved", 9, ""));
    instance.row("sysapproval_approver", &approval("b3", "maria.chen", "not_required", 9, ""));
    for (key, role) in [
        ("a", ""),
        ("a1", "service-owner"),
        ("a2", "incident-commander"),
        ("a3", "change-authority"),
        ("b1", "technical-lead"),
        ("b2", "no role"),
        ("b3", ""),
    ] {
        set(key, role);
    }
    assert_eq!(record(&instance).await.unwrap().record.approvals.len(), 3);
    // Perhaps meant as the signer's own: somebody has to say.
    set("b1", "");
    let error = record(&instance).await.unwrap_err().to_string();
    assert!(error.contains("column u_role is empty"), "{error}");
    set("b1", "technical-lead");
    // Somebody else in a signer's role is for the rules to tell.
    set("b2", "service-owner");
    instance.set("sysapproval_approver", "b2", "u_packet", &packet().to_string());
    assert_eq!(record(&instance).await.unwrap().record.approvals.len(), 4);
    instance.set("sysapproval_approver", "b1", "state", "rejected");
    let error = record(&instance).await.unwrap_err().to_string();
    assert!(error.contains("maria.chen, as technical-lead, which the manifest does not name, rejected"), "{error}");
}

#[tokio::test]
async fn cells_of_the_wrong_kind_are_refused_with_their_column() {
    for (column, value, told) in [
        ("u_revision", "four", "exception.revision: is no whole number"),
        ("u_revision", "0", "exception.revision"),
        ("start_date", "04.12.2026 07:00:00", "start_date: is not a time in UTC"),
        ("end_date", "2026-12-04 06:00:00", "exception.window.end"),
        ("u_affected", "many", "exception.details.affected"),
        ("u_environment", "Staging", "exception.environment"),
        ("short_description", "", "exception.title: column short_description is empty"),
        ("short_description", "canary\nsecond line", "exception.title"),
        ("requested_by.user_name", "Dana Reyes", "exception.requester"),
        ("u_rollback_version", "", "exception.rollback: is there by half"),
    ] {
        let instance = instance().await;
        instance.set("change_request", KEY, column, value);
        invalid(&instance, told).await;
    }
    let instance = instance().await;
    instance.set("sysapproval_approver", "a2", "state", "canary");
    invalid(&instance, "approvals.state: is a state that is not known").await;
}

#[tokio::test]
async fn rows_of_another_shape_are_refused() {
    let instance = instance().await;
    instance.on_rows(|asked, rows, _| {
        if asked.of == "sysapproval_approver" {
            rows[0]["state"] = "approved".into();
        }
    });
    unavailable(&instance, "not in the form of the Table API").await;
}

/// An instance whose answers about a table say `twice` where they say `once` first.
async fn saying(of: &'static str, once: &'static str, twice: &'static str) -> Instance {
    let instance = instance().await;
    instance.on_text(move |asked, text| {
        if asked.of != of {
            return text;
        }
        assert!(text.contains(once), "{text}");
        text.replacen(once, twice, 1)
    });
    instance
}

#[tokio::test]
async fn a_row_that_says_a_thing_twice_says_nothing() {
    let no_rows = r#"{"result":[],"result":["#;
    for (once, twice) in [
        (r#""state":{"#, r#""state":{"value":"rejected","display_value":"rejected"},"state":{"#),
        (r#""state":{"#, r#""st\u0061te":{"value":"rejected","display_value":"rejected"},"state":{"#),
        (r#""value":"approved""#, r#""value":"rejected","value":"approved""#),
        (r#""display_value":"approved""#, r#""display_value":"approved","display_value":"approved""#),
        (r#"{"result":["#, no_rows),
    ] {
        unavailable(&saying("sysapproval_approver", once, twice).await, "a key twice").await;
    }
}

#[tokio::test]
async fn a_change_that_is_on_hold_and_not_on_hold_is_not_read() {
    let on_hold = r#""on_hold":{"value":"true","display_value":"true"},"on_hold":{"#;
    let within = r#""on_hold":{"value":"true","value":"false","#;
    for (once, twice) in [(r#""on_hold":{"#, on_hold), (r#""on_hold":{"value":"false","#, within)] {
        let instance = saying("change_request", once, twice).await;
        let error = instance.client().holds(&ChangeId::parse(CHANGE).unwrap(), WITHIN).await.unwrap_err();
        check_message(&error);
        assert!(error.to_string().contains("a key twice"), "{error}");
    }
}

#[tokio::test]
async fn a_manifest_that_says_a_thing_twice_is_no_manifest() {
    for (once, twice) in [
        ("{\"manifest\":", "{\"excepts\":[],\"manifest\":"),
        ("\"packet\":", "\"packet\":\"sha256:canary\",\"packet\":"),
        ("\"approver\":\"tom.okafor\"", "\"approver\":\"maria.chen\",\"approver\":\"tom.okafor\""),
    ] {
        let text = attached().to_string();
        assert!(text.contains(once), "{text}");
        let instance = instance().await;
        instance.set("sys_attachment", "f1", "file_name", "manifest.json");
        let text = text.replacen(once, twice, 1);
        instance.file("change_request", KEY, "f8", "approval-manifest.json", text.as_bytes());
        invalid(&instance, "CHG0041877/approval-manifest.json:1:").await;
    }
}

#[tokio::test]
async fn a_file_name_that_would_leave_the_folder_is_refused() {
    for name in ["rollback/../../x.pdf", "rollback\\x.pdf", "rollback\n.pdf"] {
        let instance = instance().await;
        instance.set("sys_attachment", "f2", "file_name", name);
        invalid(&instance, "file_name").await;
    }
}

#[tokio::test]
async fn two_files_of_one_name_or_one_role_are_refused() {
    let instance = instance().await;
    instance.file("change_request", KEY, "f9", "rollback plan.pdf", PLAN);
    invalid(&instance, "two attachments have this one's name").await;
    instance.set("sys_attachment", "f9", "file_name", "rollback plan 2.pdf");
    invalid(&instance, "two attachments have the role rollback-plan").await;
}

#[tokio::test]
async fn a_manifest_that_is_missing_or_wrong_is_named() {
    let instance = instance().await;
    instance.set("sys_attachment", "f1", "file_name", "manifest.json");
    invalid(&instance, "approval-manifest.json is not attached").await;
    instance.file("change_request", KEY, "f8", "approval-manifest.json", br#"{"manifest": {"packet": "canary"}}"#);
    invalid(&instance, "CHG0041877/approval-manifest.json:1:").await;
}

#[tokio::test]
async fn a_service_that_two_rows_describe_has_no_owner() {
    let instance = instance().await;
    let row = json!({ "sys_id": "s2", "name": "checkout-api", "owned_by.user_name": "li.novak" });
    instance.row("cmdb_ci_service", &row);
    invalid(&instance, "several services are called so").await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_row_dropped_from_any_page_is_always_an_error(
        rows in 3_usize..12,
        page_size in 1_usize..6,
        nth in 1_usize..12,
        which in any::<prop::sample::Index>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut instance = instance().await;
            instance.more = format!("[limits]\npage_size = {page_size}\n{MAPPING}");
            for row in 5..rows + 5 {
                let key = format!("b{row:02}");
                let digest = packet().to_string();
                instance.row("sysapproval_approver", &approval(&key, "sam.roe", "approved", 9, &digest));
            }
            let total = rows + 5;
            let pages = total.div_ceil(page_size);
            // Pages are read twice where there are several.
            let questions = if pages > 1 { 2 * pages } else { 1 };
            let drop_at = (nth - 1) % questions + 1;
            instance.on_rows(move |asked, rows, _| {
                if asked.of == "sysapproval_approver" && asked.nth == drop_at {
                    rows.remove(which.index(rows.len()));
                }
            });
            let error = record(&instance).await.expect_err("a shorter list came").to_string();
            assert!(error.contains("fewer or more rows"), "{error}");
            assert_eq!(instance.asked("sysapproval_approver"), drop_at);
        });
    }
}
