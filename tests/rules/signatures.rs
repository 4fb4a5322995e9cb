//! Signatures of approvals against the installed `ssh-keygen`: what it signs verifies here, what is signed here verifies
//! there, and over a matrix of allowed-signers files both give the same verdict.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use portal_agent::model::digest::Digest;
use portal_agent::model::gates::{SignatureFault, SignatureFinding};
use portal_agent::model::ids::PersonId;
use portal_agent::model::packet::packet_digest;
use portal_agent::model::record::ChangeRecord;
use portal_agent::model::time::Instant;
use portal_agent::signatures::{
    AllowedSigners, NAMESPACE, RevokedKeys, SignedBy, SignerKeys, findings, statement, verify,
};
use proptest::prelude::*;
use serde_json::json;

use crate::ssh::{self, Desk, Key};

const KINDS: [&[&str]; 6] = [
    &["-t", "ed25519"],
    &["-t", "ecdsa", "-b", "256"],
    &["-t", "ecdsa", "-b", "384"],
    &["-t", "ecdsa", "-b", "521"],
    &["-t", "rsa", "-b", "3072"],
    &["-t", "rsa", "-b", "2048"],
];
const WHO: &str = "maria.chen";
const DECIDED: &str = "2026-12-01T12:00:00Z";

fn record(revision: u32) -> ChangeRecord {
    let window = json!({ "start": "2026-12-04T07:00:00Z", "end": "2026-12-04T09:00:00Z" });
    let rollback = json!({ "plan": "RBK-2210", "version": "3.2" });
    let build = |packet: Digest| -> ChangeRecord {
        let signers = [("service-owner", WHO), ("change-authority", "ines.duarte")];
        serde_json::from_value(json!({
            "schema": "portal-agent/record/1",
            "exception": {
                "change_id": "CHG0041877", "revision": revision, "title": "Raise the pool limit",
                "requester": "dana.reyes", "service": { "id": "checkout-api", "owner": WHO },
                "environment": "production", "category": "emergency-fix", "incident": "INC0098123",
                "scope": "Pool settings only.", "rollback": rollback, "window": window, "excepts": [],
                "attachments": [],
            },
            "remediation": {
                "service": "checkout-api", "environment": "production", "category": "emergency-fix",
                "incident": "INC0098123", "scope": "Pool settings only.", "rollback": rollback, "window": window,
            },
            "ownership": { "service": "checkout-api", "owner": WHO },
            "manifest": {
                "packet": packet,
                "boundary": { "portal": "https://portal.example/", "category": "emergency-fix" },
                "window": window,
                "signers": signers.map(|(role, who)| json!({ "role": role, "approver": who })),
                "expires_at": "2026-12-05T00:00:00Z",
            },
            "approvals": signers.map(|(role, who)| json!({
                "role": role, "approver": who, "decision": "approved", "decided_at": DECIDED, "packet": packet,
            })),
        }))
        .unwrap()
    };
    let packet = packet_digest(&build(Digest::of(b""))).unwrap();
    build(packet)
}

fn text(revision: u32) -> String {
    let record = record(revision);
    statement(&record.exception.change_id, revision, &record.manifest, &record.approvals[0])
}

fn person(name: &str) -> PersonId {
    PersonId::parse(name).unwrap()
}

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn signers(text: &str, zone: &TimeZone) -> AllowedSigners {
    AllowedSigners::parse(Path::new("allowed"), text, zone).unwrap()
}

/// Our verdict over the files of `desk`, as text alike.
fn ours(allowed: &str, revoked: &[u8], signature: &str, said: &str, when: &str) -> Result<SignedBy, String> {
    let allowed = AllowedSigners::parse(Path::new("allowed"), allowed, &TimeZone::UTC).map_err(|e| e.to_string())?;
    let revoked = RevokedKeys::parse(Path::new("revoked"), revoked).map_err(|e| e.to_string())?;
    verify(said, signature, &person(WHO), at(when), &allowed, &revoked).map_err(|fault| fault.to_string())
}

#[test]
fn what_ssh_keygen_signs_with_any_key_type_verifies_here_and_there() {
    let desk = Desk::new();
    let said = text(4);
    for (kind, hash) in KINDS.iter().flat_map(|kind| [(kind, "sha512"), (kind, "sha256")]) {
        let key = desk.key("key", kind);
        let allowed = format!("{WHO} {}\n", key.public);
        let signature = desk.sign(&key, NAMESPACE, &said, &[&format!("hashalg={hash}")]);
        let by = ours(&allowed, b"", &signature, &said, DECIDED).unwrap();
        assert_eq!(by.fingerprint, desk.fingerprint(&key), "{kind:?}");
        assert_eq!(by.key_type, key.public.split(' ').next().unwrap());
        assert!(desk.verifies(&allowed, None, WHO, NAMESPACE, &signature, &said, DECIDED, "UTC"), "{kind:?}");
        assert_eq!(desk.principals(&allowed, &signature), WHO);
    }
}

#[test]
fn what_is_encoded_and_signed_here_verifies_there() {
    let desk = Desk::new();
    let said = text(4);
    for kind in &KINDS[..4] {
        // The library that signs here does not read a private key whose number begins with zeros, as one in some hundred does.
        let drawn = |_| {
            let key = desk.key("key", kind);
            ssh_key::PrivateKey::read_openssh_file(&key.path).ok().map(|private| (key, private))
        };
        let (key, private) = (0..5).find_map(drawn).unwrap();
        for hash in [ssh_key::HashAlg::Sha256, ssh_key::HashAlg::Sha512] {
            let signature = private.sign(NAMESPACE, hash, said.as_bytes()).unwrap();
            let signature = signature.to_pem(ssh_key::LineEnding::LF).unwrap();
            let allowed = format!("{WHO} {}\n", key.public);
            assert!(desk.verifies(&allowed, None, WHO, NAMESPACE, &signature, &said, DECIDED, "UTC"), "{kind:?}");
            assert!(ours(&allowed, b"", &signature, &said, DECIDED).is_ok(), "{kind:?}");
        }
    }
}

#[test]
fn a_hardware_key_counts_when_it_was_touched_and_not_otherwise() {
    let desk = Desk::new();
    let said = text(4);
    for kind in [ssh::Hardware::Ed25519, ssh::Hardware::EcdsaP256] {
        for (flags, expected) in
            [(1, Ok(())), (5, Ok(())), (0, Err(SignatureFault::NotPresent)), (4, Err(SignatureFault::NotPresent))]
        {
            let (public, signature) = ssh::hardware(kind, NAMESPACE, &said, flags);
            let allowed = format!("{WHO} {public}\n");
            // OpenSSH leaves the touch to whoever asks; that the signature is genuine, both say.
            assert!(desk.verifies(&allowed, None, WHO, NAMESPACE, &signature, &said, DECIDED, "UTC"), "{kind:?}");
            let verdict = verify(
                &said,
                &signature,
                &person(WHO),
                at(DECIDED),
                &signers(&allowed, &TimeZone::UTC),
                &RevokedKeys::default(),
            );
            assert_eq!(verdict.map(|_| ()), expected, "{kind:?} with flags {flags}");
            let other = text(5);
            assert!(ours(&allowed, b"", &signature, &other, DECIDED).is_err());
            assert!(!desk.verifies(&allowed, None, WHO, NAMESPACE, &signature, &other, DECIDED, "UTC"));
        }
    }
}

/// Allowed-signers files; KEY is the signer's key, OTHER another one.
const FILES: [&str; 39] = [
    "",
    "# maria.chen KEY",
    "maria.chen KEY",
    "  \tmaria.chen   KEY   a comment",
    "maria.chen KEY\r",
    "Maria.Chen KEY",
    "tom.okafor KEY",
    "maria.chen OTHER",
    "maria.* KEY",
    "*chen KEY",
    "m?ria.chen KEY",
    "?maria.chen KEY",
    "* KEY",
    "tom.okafor,maria.chen KEY",
    "tom.okafor, maria.chen KEY",
    "*,!maria.chen KEY",
    "!maria.chen,* KEY",
    "*,!tom.okafor KEY",
    "!tom.okafor KEY",
    "\"maria.chen\" KEY",
    "\"tom okafor,maria.chen\" KEY",
    "\"maria.chen KEY",
    "maria.chen cert-authority KEY",
    "maria.chen namespaces=\"portal-agent-approval\" KEY",
    "maria.chen NAMESPACES=\"git,portal-*\" KEY",
    "maria.chen namespaces=\"file,git\" KEY",
    "maria.chen namespaces=\"*,!portal-*\" KEY",
    "maria.chen namespaces=file KEY",
    "maria.chen namespaces=\"a\\\" b,portal-*\" KEY",
    "maria.chen valid-after=\"20261201\" KEY",
    "maria.chen Valid-After=\"20261201120000Z\",valid-before=\"202612011200Z\" KEY",
    "maria.chen valid-after=\"20261201120000Z\",Valid-Before=\"20261201120001Z\" KEY",
    "maria.chen valid-before=\"202612011159\" KEY",
    "maria.chen valid-after=\"202612011201\" KEY",
    "maria.chen valid-before=\"20200101Z\" KEY\nmaria.chen namespaces=\"file\" KEY",
    "maria.chen valid-before=\"20200101Z\" KEY\nmaria.chen OTHER\n*.chen KEY",
    "maria.chen ,,namespaces=\"*\" KEY",
    "maria.chen no-touch-required KEY",
    "maria.chen cert-authority KEY\nmaria.chen namespaces=\"portal-agent-approva?\",valid-after=\"20260101\" KEY",
];

#[test]
fn over_a_matrix_of_files_and_signatures_both_give_the_same_verdict() {
    let desk = Desk::new();
    let (said, other_revision) = (text(4), text(5));
    let forged = said.replace("emergency-fix", "regulatory");
    let mut counted = [0, 0];
    // The files mean the same to every type of key: the second and third meet some of them.
    for (kind, step) in [(KINDS[0], 1), (KINDS[1], 5), (KINDS[4], 7)] {
        let (key, other) = (desk.key("key", kind), desk.key("other", kind));
        let sign = |key: &Key, namespace: &str| desk.sign(key, namespace, &said, &[]);
        let (good, elsewhere, stranger) = (sign(&key, NAMESPACE), sign(&key, "file"), sign(&other, NAMESPACE));
        let cut = good.replacen('A', "B", 1);
        let krl = desk.revocation_list(&[&key]);
        let spared = desk.revocation_list(&[&other]);
        let (listed, unlisted) = (format!("# gone\n\n{} x\n", key.public), format!("{}\n", other.public));
        type Case<'a> = (&'a str, &'a str, &'a str, &'a str, Option<&'a [u8]>);
        let cases: [Case<'_>; 13] = [
            ("in order", &good, &said, DECIDED, None),
            ("a day before", &good, &said, "2026-11-30T12:00:00Z", None),
            ("a second later", &good, &said, "2026-12-01T12:00:01Z", None),
            ("two seconds later", &good, &said, "2026-12-01T12:00:02Z", None),
            ("other namespace", &elsewhere, &said, DECIDED, None),
            ("other content", &good, &forged, DECIDED, None),
            ("other revision", &good, &other_revision, DECIDED, None),
            ("other key", &stranger, &said, DECIDED, None),
            ("altered", &cut, &said, DECIDED, None),
            ("revoked in a list", &good, &said, DECIDED, Some(listed.as_bytes())),
            ("other one revoked", &good, &said, DECIDED, Some(unlisted.as_bytes())),
            ("revoked in a KRL", &good, &said, DECIDED, Some(&krl)),
            ("other one in a KRL", &good, &said, DECIDED, Some(&spared)),
        ];
        for file in FILES.iter().skip(2).step_by(step).chain(&FILES[..2]) {
            let allowed = format!("{}\n", file.replace("KEY", &key.public).replace("OTHER", &other.public));
            for (name, signature, content, when, revoked) in cases {
                let here = ours(&allowed, revoked.unwrap_or_default(), signature, content, when);
                let there = desk.verifies(&allowed, revoked, WHO, NAMESPACE, signature, content, when, "UTC");
                assert_eq!(here.is_ok(), there, "{name}, {file:?}, {kind:?}: here {here:?}");
                counted[usize::from(there)] += 1;
            }
        }
    }
    let [refused, accepted] = counted;
    println!("{} verdicts alike: {accepted} accepted, {refused} refused", accepted + refused);
    assert!(accepted > 120 && refused > 400, "accepted {accepted}, refused {refused}");
}

#[test]
fn each_kind_of_refusal_has_its_own_fault() {
    let desk = Desk::new();
    let (said, key, other) = (text(4), desk.key("key", KINDS[0]), desk.key("other", KINDS[0]));
    let good = desk.sign(&key, NAMESPACE, &said, &[]);
    let line = format!("{WHO} {}\n", key.public);
    let judge = |allowed: &str, revoked: &str, signature: &str, said: &str| {
        let revoked = RevokedKeys::parse(Path::new("revoked"), revoked.as_bytes()).unwrap();
        verify(said, signature, &person(WHO), at(DECIDED), &signers(allowed, &TimeZone::UTC), &revoked).map(|_| ())
    };
    let with = |options: &str| format!("{WHO} {options} {}\n", key.public);
    use SignatureFault::*;
    assert_eq!(judge(&line, "", &good, &said), Ok(()));
    assert_eq!(judge(&line, "", &good, &text(5)), Err(Forged));
    assert_eq!(judge(&line, "", &desk.sign(&other, NAMESPACE, &said, &[]), &said), Err(NoSuchSigner));
    assert_eq!(judge(&line, "", &desk.sign(&key, "file", &said, &[]), &said), Err(OtherNamespace));
    assert_eq!(judge(&with("namespaces=\"file\""), "", &good, &said), Err(OtherNamespace));
    assert_eq!(judge(&with("valid-before=\"20261201115959Z\""), "", &good, &said), Err(NoLongerValid));
    assert_eq!(judge(&with("valid-after=\"20261201120001Z\""), "", &good, &said), Err(NotYetValid));
    assert_eq!(judge(&line, &key.public, &good, &said), Err(Revoked));
    assert_eq!(judge(&line, &desk.fingerprint(&key), &good, &said), Err(Revoked));
    assert_eq!(judge(&line, "", "", &said), Err(Unreadable));
    assert_eq!(judge(&line, "", &format!("{good}\nmore"), &said), Err(Unreadable));
    let small = desk.key("small", &["-t", "rsa", "-b", "1024"]);
    let weak = desk.sign(&small, NAMESPACE, &said, &[]);
    assert_eq!(judge(&format!("{WHO} {}", small.public), "", &weak, &said), Err(UnsupportedKey));
    // Whatever says SHA-1 for an RSA key, says it in the name of the algorithm.
    let rsa = desk.key("rsa", KINDS[4]);
    let sha1 = ssh::renamed(&desk.sign(&rsa, NAMESPACE, &said, &[]), "rsa-sha2-512", "ssh-rsa");
    assert_eq!(judge(&format!("{WHO} {}", rsa.public), "", &sha1, &said), Err(UnsupportedKey));
    // A key signs with the algorithm of its own type.
    let other_type = ssh::renamed(&good, "ssh-ed25519", "ecdsa-sha2-nistp256");
    assert_eq!(judge(&line, "", &other_type, &said), Err(UnsupportedKey));
    let md5 = ssh::renamed(&good, "sha512", "md5");
    assert_eq!(judge(&line, "", &md5, &said), Err(UnsupportedHash));
}

#[test]
fn a_certificate_is_refused_even_where_openssh_accepts_it() {
    let desk = Desk::new();
    let (said, key, authority) = (text(4), desk.key("key", KINDS[0]), desk.key("authority", KINDS[0]));
    let signature = desk.sign_with_certificate(&key, &authority, WHO, NAMESPACE, &said);
    let allowed = format!("{WHO} cert-authority {}\n{WHO} {}\n", authority.public, key.public);
    assert!(desk.verifies(&allowed, None, WHO, NAMESPACE, &signature, &said, DECIDED, "UTC"));
    let told = verify(
        &said,
        &signature,
        &person(WHO),
        at(DECIDED),
        &signers(&allowed, &TimeZone::UTC),
        &RevokedKeys::default(),
    );
    assert_eq!(told, Err(SignatureFault::Certificate));
    assert!(SignatureFault::Certificate.to_string().contains("certificates are not supported"));
}

#[test]
fn a_file_with_a_line_that_cannot_be_read_is_refused_whole_where_openssh_passes_over_it() {
    let desk = Desk::new();
    let (said, key) = (text(4), desk.key("key", KINDS[0]));
    let signature = desk.sign(&key, NAMESPACE, &said, &[]);
    let allowed = format!("{WHO} nonsense {0}\n{WHO} {0}\n", key.public);
    assert!(desk.verifies(&allowed, None, WHO, NAMESPACE, &signature, &said, DECIDED, "UTC"));
    let told = ours(&allowed, b"", &signature, &said, DECIDED).unwrap_err();
    assert!(told.contains("allowed:1:") && told.contains("known option"), "{told}");
}

#[test]
fn a_revocation_file_that_cannot_be_read_never_means_that_nothing_is_revoked() {
    let desk = Desk::new();
    let (said, key) = (text(4), desk.key("key", KINDS[0]));
    let signature = desk.sign(&key, NAMESPACE, &said, &[]);
    let allowed = format!("{WHO} {}\n", key.public);
    let krl = desk.revocation_list(&[&key]);
    for bad in [&b"nonsense\n"[..], b"ssh-ed25519 AAAA\n", b"\xff", &krl[..krl.len() - 1], &krl[..20]] {
        assert!(ours(&allowed, bad, &signature, &said, DECIDED).is_err());
        assert!(!desk.verifies(&allowed, Some(bad), WHO, NAMESPACE, &signature, &said, DECIDED, "UTC"));
    }
    // Fingerprint sections, as `-k` with a specification writes them.
    for directive in ["sha1", "sha256"] {
        let krl = desk.revocation_specification(&format!("{directive}: {}\n", key.public));
        let told = ours(&allowed, &krl, &signature, &said, DECIDED).unwrap_err();
        assert_eq!(told, SignatureFault::Revoked.to_string());
        assert!(!desk.verifies(&allowed, Some(&krl), WHO, NAMESPACE, &signature, &said, DECIDED, "UTC"));
    }
}

#[test]
fn local_times_in_the_file_mean_the_same_in_both() {
    let desk = Desk::new();
    let (said, key) = (text(4), desk.key("key", KINDS[0]));
    let signature = desk.sign(&key, NAMESPACE, &said, &[]);
    for zone in ["America/New_York", "Asia/Kolkata"] {
        let file = format!("{WHO} valid-after=\"202612011200\",valid-before=\"20261202\" {}\n", key.public);
        let allowed = signers(&file, &TimeZone::get(zone).unwrap());
        let mut seen = [false, false];
        for hour in 0..48 {
            let when = at("2026-12-01T00:30:00Z").timestamp() + jiff::SignedDuration::from_hours(hour);
            let here = verify(&said, &signature, &person(WHO), when.into(), &allowed, &RevokedKeys::default()).is_ok();
            let there = desk.verifies(&file, None, WHO, NAMESPACE, &signature, &said, &when.to_string(), zone);
            assert_eq!(here, there, "{zone} at {when}");
            seen[usize::from(here)] = true;
        }
        assert_eq!(seen, [true, true], "{zone}");
    }
}

#[test]
fn every_approval_of_a_record_has_its_finding() {
    let desk = Desk::new();
    let (key, mut signed) = (desk.key("key", KINDS[0]), record(4));
    signed.approvals[0].signature = Some(desk.sign(&key, NAMESPACE, &text(4), &[]));
    let allowed = signers(&format!("* {}\n", key.public), &TimeZone::UTC);
    let keys = SignerKeys { allowed, revoked: RevokedKeys::default() };
    let valid = SignatureFinding::Valid { key: desk.fingerprint(&key) };
    let forged = SignatureFinding::Invalid { fault: SignatureFault::Forged };
    assert_eq!(findings(&signed, Some(&keys)), [valid.clone(), SignatureFinding::Absent]);
    assert_eq!(findings(&signed, None), [SignatureFinding::NotChecked, SignatureFinding::Absent]);
    // Signed by one approver, it does not stand for another, nor for the same one on somebody's behalf.
    signed.approvals[1].signature = signed.approvals[0].signature.clone();
    assert_eq!(findings(&signed, Some(&keys)), [valid, forged.clone()]);
    signed.approvals[0].on_behalf_of = Some(person("tom.okafor"));
    assert_eq!(findings(&signed, Some(&keys)), [forged.clone(), forged.clone()]);
    // Nor for another revision whose packet says otherwise the same.
    let mut other = record(5);
    other.approvals[0].signature = signed.approvals[0].signature.clone();
    assert_eq!(findings(&other, Some(&keys))[0], forged);
    let written = serde_json::to_string(&findings(&other, Some(&keys))).unwrap();
    assert_eq!(written, r#"[{"invalid":{"fault":"forged"}},"absent"]"#);
}

#[test]
fn no_flipped_bit_of_signature_or_statement_verifies() {
    let desk = Desk::new();
    let said = text(4);
    for kind in KINDS {
        let key = desk.key("key", kind);
        let signature = desk.sign(&key, NAMESPACE, &said, &[]);
        let binary = ssh::binary(&signature);
        // The curves are slow without optimisation.
        let cases = if kind.contains(&"ecdsa") { 40 } else { 200 };
        let (allowed, who, when) = (signers(&format!("* {}\n", key.public), &TimeZone::UTC), person(WHO), at(DECIDED));
        let passes = |said: &str, signature: &str| {
            verify(said, signature, &who, when, &allowed, &RevokedKeys::default()).is_ok()
        };
        assert!(passes(&said, &signature) && passes(&said, &ssh::armour(&binary)));
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(cases));
        let flips =
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u32..7);
        runner
            .run(&flips, |(in_binary, in_text, in_said, bit)| {
                let mut altered = binary.clone();
                altered[in_binary.index(binary.len())] ^= 1 << bit;
                prop_assert!(!passes(&said, &ssh::armour(&altered)));
                let mut letters = signature.clone().into_bytes();
                let place = in_text.index(signature.trim_end().len());
                letters[place] ^= 1 << bit;
                // Where the armour breaks its lines is no part of the signature.
                if !(letters[place].is_ascii_whitespace() && signature.as_bytes()[place].is_ascii_whitespace()) {
                    prop_assert!(!passes(&said, &String::from_utf8(letters).unwrap()));
                }
                let mut words = said.clone().into_bytes();
                words[in_said.index(said.len())] ^= 1 << bit;
                prop_assert!(!passes(&String::from_utf8(words).unwrap(), &signature));
                Ok(())
            })
            .unwrap();
        // Nor one with something behind it, inside or out.
        assert!(!passes(&said, &ssh::lengthened(&signature)));
        assert!(!passes(&said, &ssh::armour(&[&binary[..], &[0]].concat())));
        assert!(!passes(&said, &signature.replace("-----END", &format!("{}\n-----END", STANDARD.encode("x")))));
    }
}
