//! One signature against one statement, one person and one moment.

use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents};
use ssh_key::public::{KeyData, RsaPublicKey};
use ssh_key::{HashAlg, PublicKey, Signature, SshSig};

use super::allowed_signers::AllowedSigners;
use super::envelope::Envelope;
use super::public_key::KeyBlob;
use super::revoked_keys::RevokedKeys;
use super::statement::NAMESPACE;
use super::wire::Wire;
use crate::model::gates::SignatureFault;
use crate::model::ids::PersonId;
use crate::model::time::Instant;

/// The key that made a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBy {
    /// `SHA256:` and base64, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// For instance `ssh-ed25519`.
    pub key_type: String,
}

/// Hardware keys set this bit when somebody touched them (PROTOCOL.u2f).
const PRESENT: u8 = 1;

/// Checks that `armoured` is a signature of `statement` by a key that may sign as `principal` at `at`.
///
/// The key counts at the time of the decision; a revoked key never does. Hardware keys must have been touched: allowed-signers
/// lines have no way to say otherwise. `ssh-keygen -Y verify` does not ask for that, nor for 2048 bits of an RSA key, and it
/// checks certificates; in all else the two agree.
///
/// # Errors
///
/// The [`SignatureFault`].
pub fn verify(
    statement: &str,
    armoured: &str,
    principal: &PersonId,
    at: Instant,
    allowed: &AllowedSigners,
    revoked: &RevokedKeys,
) -> Result<SignedBy, SignatureFault> {
    let key = genuine(statement, armoured)?;
    if revoked.revokes(&key) {
        return Err(SignatureFault::Revoked);
    }
    allowed.admits(&key, principal, at)?;
    Ok(signed_by(&key))
}

/// Checks that `armoured` is a signature of `statement` by the key that it names. Whose key that is remains open.
///
/// # Errors
///
/// The [`SignatureFault`].
pub fn verify_content(statement: &str, armoured: &str) -> Result<SignedBy, SignatureFault> {
    genuine(statement, armoured).map(|key| signed_by(&key))
}

fn signed_by(key: &KeyBlob) -> SignedBy {
    SignedBy { fingerprint: key.fingerprint(), key_type: key.key_type().to_owned() }
}

fn genuine(statement: &str, armoured: &str) -> Result<KeyBlob, SignatureFault> {
    let Envelope { key, namespace, hash, signature } =
        Envelope::read(armoured).map_err(|_| SignatureFault::Unreadable)?;
    if key.is_certificate() {
        return Err(SignatureFault::Certificate);
    }
    let hash = match hash.as_str() {
        "sha256" => HashAlg::Sha256,
        "sha512" => HashAlg::Sha512,
        _ => return Err(SignatureFault::UnsupportedHash),
    };
    if namespace != NAMESPACE {
        return Err(SignatureFault::OtherNamespace);
    }
    let algorithm = Wire::new(&signature).text().map_err(|_| SignatureFault::Unreadable)?;
    // A key signs with the algorithm of its type alone; but for RSA, whose type says SHA-1.
    let fits = match key.key_type() {
        "ssh-rsa" => matches!(algorithm, "rsa-sha2-256" | "rsa-sha2-512"),
        other => algorithm == other,
    };
    if !fits {
        return Err(SignatureFault::UnsupportedKey);
    }
    let public = PublicKey::from_bytes(key.bytes()).map_err(|_| SignatureFault::UnsupportedKey)?;
    match public.key_data() {
        KeyData::Rsa(rsa) => {
            let message =
                SshSig::signed_data(NAMESPACE, hash, statement.as_bytes()).map_err(|_| SignatureFault::Unreadable)?;
            verify_rsa(rsa, &signature, &message)?;
        }
        KeyData::Ed25519(_) | KeyData::Ecdsa(_) => verify_own(&public, hash, &signature, statement)?,
        KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => {
            verify_own(&public, hash, &signature, statement)?;
            // Covered by the signature that was just checked: flags in one byte, then a counter in four.
            let flags = signature.len().checked_sub(5).map_or(0, |at| signature[at]);
            if flags & PRESENT == 0 {
                return Err(SignatureFault::NotPresent);
            }
        }
        // The type belongs to ssh-key and may grow.
        _ => return Err(SignatureFault::UnsupportedKey),
    }
    Ok(key)
}

/// Key types that `ssh-key` checks itself.
fn verify_own(public: &PublicKey, hash: HashAlg, signature: &[u8], statement: &str) -> Result<(), SignatureFault> {
    // What cannot be a signature of this type was damaged or made up, like one that does not verify.
    let signature = exactly(signature).ok_or(SignatureFault::Forged)?;
    let envelope =
        SshSig::new(public.key_data().clone(), NAMESPACE, hash, signature).map_err(|_| SignatureFault::Unreadable)?;
    public.verify(NAMESPACE, statement.as_bytes(), &envelope).map_err(|_| SignatureFault::Forged)
}

/// Reads a signature that fills its bytes: the reader of `ssh-key` passes over what follows.
fn exactly(bytes: &[u8]) -> Option<Signature> {
    let mut wire = Wire::new(bytes);
    let algorithm = wire.text().ok()?;
    wire.string().ok()?;
    if algorithm.starts_with("sk-") {
        wire.take(5).ok()?;
    }
    wire.end().ok()?;
    Signature::try_from(bytes).ok()
}

fn verify_rsa(key: &RsaPublicKey, signature: &[u8], message: &[u8]) -> Result<(), SignatureFault> {
    let forged = |_| SignatureFault::Forged;
    let (Some(n), Some(e)) = (key.n.as_positive_bytes(), key.e.as_positive_bytes()) else {
        return Err(SignatureFault::UnsupportedKey);
    };
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2_048..=8_192).contains(&bits) {
        return Err(SignatureFault::UnsupportedKey);
    }
    let mut wire = Wire::new(signature);
    let parameters = match wire.text().map_err(forged)? {
        "rsa-sha2-256" => &RSA_PKCS1_2048_8192_SHA256,
        "rsa-sha2-512" => &RSA_PKCS1_2048_8192_SHA512,
        _ => return Err(SignatureFault::UnsupportedKey),
    };
    let number = wire.string().map_err(forged)?;
    wire.end().map_err(forged)?;
    // Some signers leave zeros out at the front, and OpenSSH puts them back.
    let missing = n.len().checked_sub(number.len()).ok_or(SignatureFault::Forged)?;
    let padded = [&vec![0; missing], number].concat();
    RsaPublicKeyComponents { n, e }.verify(parameters, message, &padded).map_err(|_| SignatureFault::Forged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    /// By an RSA key of 2048 bits over `83` and a line break; its number begins with a zero, which was left out, and
    /// `ssh-keygen -Y verify` accepts it.
    const SHORT: &str = "\
        -----BEGIN SSH SIGNATURE-----\n\
        U1NIU0lHAAAAAQAAARcAAAAHc3NoLXJzYQAAAAMBAAEAAAEBALG0+2CoGMhvbtrdf9K8lH\n\
        B6r0t1UpPFMC+5PGduU+afxqAGj51WL6GMCTnz+iMfo2m5XU1aqISixBeXFagOnivwT1+G\n\
        mlAi1Z5OssTcUgJiZ3UIFfJjo1cvGrqgc79dbR0Jn3DfQIK+i7rUYZnTdEYQs5A7AIYC/G\n\
        TKxXisLLaYjyZVnNgalP3HxD4hKA89ZZm5sBIsB59QAF4L+0hs/e9MJB5OgIbWKE91X7LB\n\
        z927pdbS2mihsTvFgBz31GFl1aX3xve+1pjjyzeFWoJzqCIvofvYKumOjh2G+OadrC9dwg\n\
        LGVytGFJgA+tRDvQj/Gth8NyRY1aPWwLE1zJAI1HEAAAAVcG9ydGFsLWFnZW50LWFwcHJv\n\
        dmFsAAAAAAAAAAZzaGE1MTIAAAETAAAADHJzYS1zaGEyLTUxMgAAAP9AQRfuErCYgD6che\n\
        CO8z5FRl8BRpgJSJEGOx20mQ4zz1UbVDsVkeHLWR3MUWGDd2SFYC2WEhs7o9tUOjIQyof3\n\
        8IPVgcW2bSveOFz1dzFNdwu8P6MyZfmRnPeJfRerjyWf0igIr8PDzYkU5NmVUMpnfni3ge\n\
        yZkSDoizxP26UT8DwJ4qrkPuRhLORNFOZiYuF2mMtUyqLex/bfM5hO7EiCnNhZgoQoPubf\n\
        86ZrAaOHYur5wErmckYF7kkY/3nBcnMqWBnsUn4oYF2azjAji1JgiJWr2lgv2LZ2GVJfby\n\
        I04q62HwseD9Kv2kytGjo2/jEW2okq8yrxxm9674UlDLg=\n\
        -----END SSH SIGNATURE-----\n\
    ";

    /// The same with `zeros` more at the front of the number.
    fn lengthened(zeros: usize) -> String {
        let body: String = SHORT.lines().filter(|line| !line.starts_with("-----")).collect();
        let bytes = STANDARD.decode(body).unwrap();
        let (before, number) = bytes.split_at(bytes.len() - 255);
        // The last two lengths, of the number and of what holds it, count the zeros as well.
        let (envelope, tail) = before.split_at(before.len() - 24);
        let length = |length: usize| (length as u32).to_be_bytes();
        let tail = [&length(4 + 12 + 4 + 255 + zeros)[..], &tail[4..20], &length(255 + zeros)].concat();
        let encoded = STANDARD.encode([envelope, &tail, &vec![0; zeros], number].concat());
        format!("-----BEGIN SSH SIGNATURE-----\n{encoded}\n-----END SSH SIGNATURE-----\n")
    }

    #[test]
    fn an_rsa_signature_without_its_leading_zero_is_the_same_number() {
        assert_eq!(verify_content("83\n", SHORT).unwrap().key_type, "ssh-rsa");
        assert_eq!(verify_content("84\n", SHORT), Err(SignatureFault::Forged));
        for (zeros, expected) in [(0, true), (1, true), (2, false)] {
            assert_eq!(verify_content("83\n", &lengthened(zeros)).is_ok(), expected, "{zeros} more");
        }
    }
}
