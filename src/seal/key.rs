//! Keys that sign seals: Ed25519 and ECDSA P-256, in PEM as OpenSSL writes them. Names of keys and forms of signatures are those of
//! `securesystemslib`, so that it verifies a seal with nothing but the public key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// What stands before the 32 bytes of an Ed25519 key in its `SubjectPublicKeyInfo` (RFC 8410).
const ED25519_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The same before the 65 bytes of an uncompressed point on P-256 (RFC 5480).
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Why a text is no key, or a key does not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No public key in PEM.
    #[error("is no public key in PEM (`openssl pkey -in seal.pem -pubout -out seal.pub.pem`)")]
    NotPublic,
    /// No private key in PEM.
    #[error("is no private key in PKCS #8 PEM (`openssl genpkey -algorithm ed25519 -out seal.pem`)")]
    NotPrivate,
    /// Another kind of key.
    #[error("is neither an Ed25519 key nor an ECDSA key on P-256")]
    Kind,
    /// The system gave no randomness.
    #[error("could not sign")]
    Unsigned,
}

/// The public half of a key that signs seals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyingKey {
    /// 32 bytes.
    Ed25519(Vec<u8>),
    /// 65 bytes: an uncompressed point.
    P256(Vec<u8>),
}

impl VerifyingKey {
    /// Reads `-----BEGIN PUBLIC KEY-----`.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(text).map_err(|_| KeyError::NotPublic)?;
        match (der.strip_prefix(&ED25519_HEAD[..]), der.strip_prefix(&P256_HEAD[..])) {
            (Some(key), _) if key.len() == 32 => Ok(Self::Ed25519(key.to_vec())),
            (_, Some(key)) if key.len() == 65 && key.first() == Some(&4) => Ok(Self::P256(key.to_vec())),
            (_, _) => Err(KeyError::Kind),
        }
    }

    /// As `securesystemslib` names it: the digest of its description in canonical JSON.
    pub fn id(&self) -> String {
        let description = match self {
            Self::Ed25519(key) => {
                let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
                json!({"keytype": "ed25519", "keyval": {"public": hex}, "scheme": "ed25519"}).to_string()
            }
            // A line feed in such a text is written as it is.
            Self::P256(key) => format!(
                r#"{{"keytype":"ecdsa","keyval":{{"public":"{}"}},"scheme":"ecdsa-sha2-nistp256"}}"#,
                pem(&[&P256_HEAD[..], key].concat())
            ),
        };
        Sha256::digest(description).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether `signature` is this key's over `bytes`.
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(bytes, signature).is_ok(),
            Self::P256(key) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key).verify(bytes, signature).is_ok(),
        }
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = String::from("-----BEGIN PUBLIC KEY-----\n");
    for line in text.as_bytes().chunks(64) {
        lines.extend(line.iter().map(|byte| char::from(*byte)));
        lines.push('\n');
    }
    lines + "-----END PUBLIC KEY-----\n"
}

/// A key that signs seals.
pub enum SigningKey {
    /// Signs with 64 bytes.
    Ed25519(Ed25519KeyPair),
    /// Signs with ASN.1.
    P256(EcdsaKeyPair),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[private]")
    }
}

impl SigningKey {
    /// Reads `-----BEGIN PRIVATE KEY-----`.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(text).map_err(|_| KeyError::NotPrivate)?;
        let der = der.secret_pkcs8_der();
        let curve = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &SystemRandom::new());
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
            .map(Self::Ed25519)
            .or_else(|_| curve().map(Self::P256))
            .map_err(|_| KeyError::Kind)
    }

    /// The public half.
    pub fn public(&self) -> VerifyingKey {
        match self {
            Self::Ed25519(pair) => VerifyingKey::Ed25519(pair.public_key().as_ref().to_vec()),
            Self::P256(pair) => VerifyingKey::P256(pair.public_key().as_ref().to_vec()),
        }
    }

    /// Its signature over `bytes`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unsigned`].
    pub fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::Ed25519(pair) => Ok(pair.sign(bytes).as_ref().to_vec()),
            Self::P256(pair) => {
                let signed = pair.sign(&SystemRandom::new(), bytes).map_err(|_| KeyError::Unsigned)?;
                Ok(signed.as_ref().to_vec())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [(&str, &str); 2] = [
        (
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n",
            "63d00ee3cf4f5c61ad94efa696c68f13b608fe56ecea13fb144a6fd18e9235b9",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\n\
             MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAAAAAAAAAAAAAAAA\n\
             AAAAAAAAAAAAAAAAq1SpjOsfCtKhRANCAAQ+16KOxkjtzl1bfiUvayqvu0SDURSi\n\
             Szyqj3EPZJk7wlcRo0zckikIC2OfCZd/63ypHszhZJv+qK2Fxysgat5+\n-----END PRIVATE KEY-----\n",
            "a6b9b3693826c1e55cd10bb20df11a1a0e9116204737140057db65ca26d848c4",
        ),
    ];

    #[test]
    fn a_key_signs_and_verifies_and_is_named_as_other_tools_name_it() {
        for (private, id) in KEYS {
            let key = SigningKey::from_pem(private.as_bytes()).unwrap();
            let public = key.public();
            assert_eq!(public.id(), id);
            let signed = key.sign(b"text").unwrap();
            assert!(public.verifies(b"text", &signed) && !public.verifies(b"test", &signed));
        }
    }

    #[test]
    fn a_public_key_is_read_as_it_is_written() {
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n-----END PUBLIC KEY-----\n";
        assert_eq!(VerifyingKey::from_pem(public.as_bytes()).unwrap().id(), KEYS[0].1);
        let curve = SigningKey::from_pem(KEYS[1].0.as_bytes()).unwrap().public();
        let VerifyingKey::P256(point) = &curve else { panic!("{curve:?}") };
        assert_eq!(VerifyingKey::from_pem(pem(&[&P256_HEAD[..], point].concat()).as_bytes()).unwrap(), curve);
    }

    #[test]
    fn what_is_no_key_of_these_is_refused() {
        assert_eq!(VerifyingKey::from_pem(KEYS[0].0.as_bytes()), Err(KeyError::NotPublic));
        assert_eq!(SigningKey::from_pem(b"ssh-ed25519 AAAA").unwrap_err(), KeyError::NotPrivate);
        let rsa = "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n";
        assert_eq!(VerifyingKey::from_pem(rsa.as_bytes()), Err(KeyError::Kind));
    }
}
