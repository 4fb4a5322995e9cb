//! A public key as its file and its signatures carry it: a type and the bytes that stand for it everywhere in SSH.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ssh_key::PublicKey;

use super::wire::Wire;
use crate::model::digest::Digest;

/// A public key of any type, also of one whose signatures are not accepted. Equal bytes, equal key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyBlob(Vec<u8>);

/// Types whose key data is checked when it is read.
const KNOWN: [&str; 7] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];

impl KeyBlob {
    /// Reads a key in its binary form; none when the bytes are no key, or a damaged one of a known type.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = Self(bytes.to_owned());
        let key_type = Wire::new(bytes).text().ok()?;
        let sound = !key_type.is_empty() && (!KNOWN.contains(&key_type) || PublicKey::from_bytes(bytes).is_ok());
        sound.then_some(key)
    }

    /// Reads `TYPE BASE64` and whatever follows as a comment; none unless the bytes are of the type that stands before them.
    pub fn from_text(text: &str) -> Option<Self> {
        let (key_type, rest) = text.split_once([' ', '\t'])?;
        let encoded = rest.trim_start_matches([' ', '\t']).split([' ', '\t']).next()?;
        let bytes = STANDARD.decode(encoded.trim_end_matches(['\r', '\n'])).ok()?;
        Self::from_bytes(&bytes).filter(|key| key.key_type() == key_type)
    }

    /// Type of the key, for instance `ssh-ed25519`.
    pub fn key_type(&self) -> &str {
        // Read once already, when the key was made.
        Wire::new(&self.0).text().unwrap_or_default()
    }

    /// Whether this is a certificate and not a plain key.
    pub(crate) fn is_certificate(&self) -> bool {
        let key_type = self.key_type();
        key_type.ends_with("-cert-v01@openssh.com") || key_type.ends_with("-cert-v00@openssh.com")
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// SHA-256 of the bytes.
    pub fn digest(&self) -> [u8; 32] {
        Digest::of(&self.0).bytes()
    }

    /// The digest as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(self.digest()))
    }
}

/// The digest that a fingerprint `SHA256:...` stands for.
pub(super) fn digest_of_fingerprint(text: &str) -> Option<[u8; 32]> {
    let encoded = text.strip_prefix("SHA256:")?;
    STANDARD_NO_PAD.decode(encoded.trim_end_matches('=')).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUzbwGmPMcUxRBvRKM3S6TMoXl8bVbAZ0sxs9OhQLgk maria";

    #[test]
    fn a_key_is_read_with_its_comment_and_fingerprinted() {
        let key = KeyBlob::from_text(KEY).unwrap();
        assert_eq!(key.key_type(), "ssh-ed25519");
        assert_eq!(digest_of_fingerprint(&key.fingerprint()), Some(key.digest()));
        assert_eq!(KeyBlob::from_text(&KEY.replace(" maria", "\r\n")), Some(key));
    }

    #[test]
    fn a_key_of_another_type_than_it_says_or_a_damaged_one_is_none() {
        assert_eq!(KeyBlob::from_text(&KEY.replace("ssh-ed25519", "ssh-rsa")), None);
        assert_eq!(KeyBlob::from_text(&KEY.replace("QLgk", "QLg")), None);
        assert_eq!(KeyBlob::from_text(&KEY.replace("QLgk", "")), None);
        assert_eq!(KeyBlob::from_text("ssh-ed25519"), None);
        assert_eq!(KeyBlob::from_text("maria maria"), None);
    }

    #[test]
    fn a_key_of_a_type_nobody_knows_is_kept() {
        let key = KeyBlob::from_bytes(b"\0\0\0\x05new-1rest").unwrap();
        assert_eq!(key.key_type(), "new-1");
        assert!(!key.is_certificate());
    }
}
