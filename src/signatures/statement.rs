//! The text that an approver signs: what they read is, byte for byte, what the signature covers.
//!
//! Every line is a fixed name, a colon and one value. No value can hold a line break or look like one, so no value can stand
//! in for another line, and two approvals that differ in anything have two statements.

use std::fmt::Write as _;

use crate::model::ids::ChangeId;
use crate::model::record::{Approval, ApprovalManifest, Decision, Signer};

/// Namespace of the signature, so that one made for another purpose never counts: `ssh-keygen -Y sign -n`.
pub const NAMESPACE: &str = "portal-agent-approval";

/// First line of every statement: format and version.
const VERSION: &str = "portal-agent approval 1";

/// What `approval` says about `manifest`, as text that ends with one line break.
///
/// Signers stand in the order of their roles, whatever their order in the manifest.
pub fn statement(change: &ChangeId, revision: u32, manifest: &ApprovalManifest, approval: &Approval) -> String {
    // Taken apart by name, so that a field added to either cannot be left unsigned unnoticed.
    let ApprovalManifest { packet: manifest_packet, boundary, window, signers, expires_at } = manifest;
    let Approval { role, approver, decision, decided_at, packet, on_behalf_of, signature: _ } = approval;
    let decision = match decision {
        Decision::Approved => "approved",
        Decision::Rejected => "rejected",
        Decision::Revoked => "revoked",
    };
    let mut text = format!("{VERSION}\n");
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}: {value}");
    };
    line("decision", &decision);
    line("role", role);
    line("approver", approver);
    if let Some(person) = on_behalf_of {
        line("on behalf of", person);
    }
    line("decided at", decided_at);
    line("change", change);
    line("revision", &revision);
    line("packet", packet);
    line("packet of the manifest", manifest_packet);
    line("portal", &one_line(boundary.portal.as_str()));
    line("category", &one_line(boundary.category.as_str()));
    line("window starts", &window.start);
    line("window ends", &window.end);
    let mut signers: Vec<&Signer> = signers.iter().collect();
    signers.sort_by_key(|signer| (&signer.role, &signer.approver));
    for Signer { role, approver } in signers {
        line("signer", &format_args!("{approver} as {role}"));
    }
    line("manifest expires", expires_at);
    text
}

/// `text` with everything escaped that could break the line, turn the direction of writing or go unseen. The backslash is
/// escaped as well, so that two texts never look alike.
pub fn one_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => shown.push_str("\\\\"),
            '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}' => shown.extend(character.escape_unicode()),
            other if other.is_control() => shown.extend(other.escape_unicode()),
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::Digest;
    use crate::model::ids::{PersonId, Role};
    use crate::model::record::Boundary;
    use crate::model::text::Line;
    use crate::model::time::{ChangeWindow, Instant};
    use proptest::prelude::*;

    fn at(second: i64) -> Instant {
        Instant::from(jiff::Timestamp::from_second(second).unwrap())
    }

    fn person(text: &str) -> PersonId {
        PersonId::parse(text).unwrap()
    }

    fn role(text: &str) -> Role {
        Role::parse(text).unwrap()
    }

    fn manifest() -> ApprovalManifest {
        let signer = |as_role, who| Signer { role: role(as_role), approver: person(who) };
        ApprovalManifest {
            packet: Digest::of(b"packet"),
            boundary: Boundary {
                portal: "https://portal.example/".parse().unwrap(),
                category: Line::parse("emergency-fix").unwrap(),
            },
            window: ChangeWindow { start: at(1_800_000_000), end: at(1_800_007_200) },
            signers: vec![signer("service-owner", "maria.chen"), signer("change-authority", "ines.duarte")],
            expires_at: at(1_800_100_000),
        }
    }

    fn approval() -> Approval {
        Approval {
            role: role("service-owner"),
            approver: person("maria.chen"),
            decision: Decision::Approved,
            decided_at: at(1_799_990_000),
            packet: Digest::of(b"packet"),
            on_behalf_of: None,
            signature: None,
        }
    }

    fn change() -> ChangeId {
        ChangeId::parse("CHG0041877").unwrap()
    }

    #[test]
    fn a_statement_says_all_that_is_approved_line_by_line() {
        let packet = Digest::of(b"packet");
        let mut delegated = approval();
        delegated.approver = person("li.novak");
        delegated.on_behalf_of = Some(person("maria.chen"));
        assert_eq!(
            statement(&change(), 4, &manifest(), &delegated),
            format!(
                "portal-agent approval 1\ndecision: approved\nrole: service-owner\napprover: li.novak\n\
                 on behalf of: maria.chen\ndecided at: 2027-01-15T05:13:20Z\nchange: CHG0041877\nrevision: 4\n\
                 packet: {packet}\npacket of the manifest: {packet}\nportal: https://portal.example/\n\
                 category: emergency-fix\nwindow starts: 2027-01-15T08:00:00Z\nwindow ends: 2027-01-15T10:00:00Z\n\
                 signer: ines.duarte as change-authority\nsigner: maria.chen as service-owner\n\
                 manifest expires: 2027-01-16T11:46:40Z\n"
            )
        );
    }

    #[test]
    fn the_order_of_signers_in_the_manifest_does_not_matter() {
        let mut turned = manifest();
        turned.signers.reverse();
        assert_eq!(statement(&change(), 4, &manifest(), &approval()), statement(&change(), 4, &turned, &approval()));
    }

    #[test]
    fn the_signature_is_no_part_of_what_it_signs() {
        let signed = Approval { signature: Some("x".into()), ..approval() };
        assert_eq!(statement(&change(), 4, &manifest(), &approval()), statement(&change(), 4, &manifest(), &signed));
    }

    #[test]
    fn no_text_can_break_a_line_or_go_unseen() {
        assert_eq!(one_line("a\nrole: b"), "a\\u{a}role: b");
        assert_eq!(one_line("\u{202E}evil\u{200F}\u{85}\u{AD}"), "\\u{202e}evil\\u{200f}\\u{85}\\u{ad}");
        assert_ne!(one_line("\\u{a}"), one_line("\n"));
        assert_eq!(one_line("Prüfung äöü 変更"), "Prüfung äöü 変更");
    }

    /// All that a statement is made of, in one value that can be compared.
    type Facts = (ChangeId, u32, ApprovalManifest, Approval);

    fn facts() -> impl Strategy<Value = Facts> {
        // Few values each, so that two draws often differ in one place alone.
        let who = || prop::sample::select(vec!["maria.chen", "tom.okafor", "as", "role"]);
        let part = || prop::sample::select(vec!["service-owner", "as", "signer", "b"]);
        let category =
            prop::sample::select(vec!["fix", "fix\\u{a}", "fix x", "role: b", "fix \u{200E}x", "fix \\u{200e}x"]);
        let portal =
            prop::sample::select(vec!["https://a.example/", "https://a.example/x%0Arole", "https://b.example/"]);
        let decision = prop::sample::select(vec![Decision::Approved, Decision::Rejected, Decision::Revoked]);
        let signers = prop::collection::vec((part(), who()), 0..3);
        let times = prop::array::uniform4(0_i64..3);
        let approved = (part(), who(), prop::option::of(who()), decision);
        let packets = (0_u8..2, 0_u8..2);
        let ids = (prop::sample::select(vec!["C1", "C2"]), 1_u32..3);
        (ids, approved, packets, times, signers, category, portal).prop_map(
            |((id, revision), (as_role, by, behalf, decision), (own, bound), times, signers, category, portal)| {
                let mut signers: Vec<Signer> =
                    signers.iter().map(|(r, w)| Signer { role: role(r), approver: person(w) }).collect();
                signers.sort_by(|a, b| (&a.role, &a.approver).cmp(&(&b.role, &b.approver)));
                let manifest = ApprovalManifest {
                    packet: Digest::of(&[bound]),
                    boundary: Boundary { portal: portal.parse().unwrap(), category: Line::parse(category).unwrap() },
                    window: ChangeWindow { start: at(times[0]), end: at(times[1]) },
                    signers,
                    expires_at: at(times[2]),
                };
                let approval = Approval {
                    role: role(as_role),
                    approver: person(by),
                    decision,
                    decided_at: at(times[3]),
                    packet: Digest::of(&[own]),
                    on_behalf_of: behalf.map(person),
                    signature: None,
                };
                (ChangeId::parse(id).unwrap(), revision, manifest, approval)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn two_approvals_have_one_statement_only_if_they_are_equal(a in facts(), b in facts()) {
            let text = |f: &Facts| statement(&f.0, f.1, &f.2, &f.3);
            prop_assert_eq!(text(&a) == text(&b), a == b);
        }
    }

    #[test]
    fn any_one_changed_field_changes_the_statement() {
        let plain = statement(&change(), 4, &manifest(), &approval());
        let changed = |change_it: &dyn Fn(&mut ApprovalManifest, &mut Approval)| {
            let (mut manifest, mut approval) = (manifest(), approval());
            change_it(&mut manifest, &mut approval);
            statement(&change(), 4, &manifest, &approval)
        };
        let all = [
            statement(&ChangeId::parse("CHG0041878").unwrap(), 4, &manifest(), &approval()),
            statement(&change(), 5, &manifest(), &approval()),
            changed(&|m, _| m.packet = Digest::of(b"other")),
            changed(&|m, _| m.boundary.portal = "https://portal.example:8443/".parse().unwrap()),
            changed(&|m, _| m.boundary.category = Line::parse("regulatory").unwrap()),
            changed(&|m, _| m.window.start = at(1)),
            changed(&|m, _| m.window.end = at(1_900_000_000)),
            changed(&|m, _| m.signers.truncate(1)),
            changed(&|m, _| m.signers[1].role = role("deputy")),
            changed(&|m, _| m.signers[1].approver = person("tom.okafor")),
            changed(&|m, _| m.expires_at = at(1)),
            changed(&|_, a| a.role = role("change-authority")),
            changed(&|_, a| a.approver = person("ines.duarte")),
            changed(&|_, a| a.decision = Decision::Revoked),
            changed(&|_, a| a.decided_at = at(1)),
            changed(&|_, a| a.packet = Digest::of(b"other")),
            changed(&|_, a| a.on_behalf_of = Some(person("ines.duarte"))),
        ];
        let mut seen = std::collections::BTreeSet::from([plain]);
        for text in all {
            assert!(seen.insert(text.clone()), "this statement stands for two approvals:\n{text}");
        }
    }
}
