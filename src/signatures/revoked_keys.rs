//! Keys that were withdrawn: a list of public keys or fingerprints, or a key revocation list of OpenSSH (PROTOCOL.krl).
//!
//! A file that cannot be read to its end is an error, and never means that nothing was withdrawn.

use std::collections::BTreeSet;
use std::path::Path;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::public_key::{KeyBlob, digest_of_fingerprint};
use super::wire::{Damaged, Wire};
use crate::diagnostic::Diagnostic;

/// Keys that no longer count, whenever they signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevokedKeys {
    keys: BTreeSet<Vec<u8>>,
    sha256: BTreeSet<Vec<u8>>,
    sha1: BTreeSet<Vec<u8>>,
}

const MAGIC: &[u8] = b"SSHKRL\n\0";

/// Sections of a key revocation list.
mod section {
    pub(super) const CERTIFICATES: u8 = 1;
    pub(super) const EXPLICIT_KEY: u8 = 2;
    pub(super) const FINGERPRINT_SHA1: u8 = 3;
    pub(super) const FINGERPRINT_SHA256: u8 = 5;
    pub(super) const EXTENSION: u8 = 255;
}

impl RevokedKeys {
    /// Reads the content of the file at `path`: text, or what `ssh-keygen -k` writes.
    ///
    /// A line of text is a public key, or a fingerprint `SHA256:...`; `key:`, `sha256:` and `hash:` may stand before them as in
    /// the specification of a revocation list. Lines that revoke certificates have no use here and are refused.
    ///
    /// # Errors
    ///
    /// A [`Diagnostic`]: a line that is neither, a list that is damaged or signed, or says what this reader does not know.
    pub fn parse(path: &Path, content: &[u8]) -> Result<Self, Diagnostic> {
        if let Some(body) = content.strip_prefix(MAGIC) {
            return Self::read_list(body).map_err(|Damaged| {
                Diagnostic::whole(
                    path,
                    "this key revocation list is damaged, signed, or of a kind that is not known here",
                    "`ssh-keygen -Ql -f FILE` shows what it holds: name a file with those public keys, one a line",
                )
            });
        }
        let text = std::str::from_utf8(content).map_err(|error| {
            let at = error.valid_up_to();
            Diagnostic::whole(path, format!("is not UTF-8 text (byte {at})"), "name a list of public keys, one a line")
        })?;
        Self::read_text(path, text)
    }

    fn read_text(path: &Path, text: &str) -> Result<Self, Diagnostic> {
        let mut revoked = Self::default();
        let mut start = 0;
        for whole in text.split_inclusive('\n') {
            let line = whole.trim();
            let at = start + (whole.len() - whole.trim_start().len());
            start += whole.len();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let named = ["key:", "sha256:", "hash:"].iter().find_map(|name| line.strip_prefix(name));
            let named = named.map_or(line, str::trim_start);
            if let Some(key) = KeyBlob::from_text(named) {
                revoked.keys.insert(key.bytes().to_owned());
            } else if let Some(digest) = named.split([' ', '\t']).next().and_then(digest_of_fingerprint) {
                revoked.sha256.insert(digest.to_vec());
            } else {
                let message = "this is neither a public key nor a fingerprint, so nothing can be taken as not revoked";
                let help = "write a key as the .pub file has it, or SHA256:... as `ssh-keygen -l` prints it";
                return Err(Diagnostic::at(path, text, at..at + line.len(), None, message, help));
            }
        }
        Ok(revoked)
    }

    fn read_list(body: &[u8]) -> Result<Self, Damaged> {
        let mut revoked = Self::default();
        let mut wire = Wire::new(body);
        if wire.number()? != 1 {
            return Err(Damaged);
        }
        // Version of the list, when it was made, flags: eight bytes each.
        wire.take(24)?;
        // Reserved, and a comment.
        wire.string()?;
        wire.string()?;
        while !wire.is_empty() {
            let kind = wire.byte()?;
            let mut inside = Wire::new(wire.string()?);
            match kind {
                // A certificate never counts here, revoked or not.
                section::CERTIFICATES => continue,
                section::EXPLICIT_KEY => revoked.keys.extend(strings(inside, None)?),
                section::FINGERPRINT_SHA1 => revoked.sha1.extend(strings(inside, Some(20))?),
                section::FINGERPRINT_SHA256 => revoked.sha256.extend(strings(inside, Some(32))?),
                section::EXTENSION => {
                    inside.string()?;
                    if inside.byte()? != 0 {
                        return Err(Damaged);
                    }
                }
                _ => return Err(Damaged),
            }
        }
        Ok(revoked)
    }

    /// Whether `key` was withdrawn.
    pub(crate) fn revokes(&self, key: &KeyBlob) -> bool {
        self.keys.contains(key.bytes())
            || self.sha256.contains(&key.digest()[..])
            || self.sha1.contains(digest(&SHA1_FOR_LEGACY_USE_ONLY, key.bytes()).as_ref())
    }
}

/// All that `wire` holds: strings, of `length` bytes each where one is given.
fn strings(mut wire: Wire<'_>, length: Option<usize>) -> Result<Vec<Vec<u8>>, Damaged> {
    let mut all = Vec::new();
    while !wire.is_empty() {
        let one = wire.string()?;
        if length.is_some_and(|length| one.len() != length) {
            return Err(Damaged);
        }
        all.push(one.to_owned());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUzbwGmPMcUxRBvRKM3S6TMoXl8bVbAZ0sxs9OhQLgk";

    fn key() -> KeyBlob {
        KeyBlob::from_text(KEY).unwrap()
    }

    fn read(content: &[u8]) -> Result<RevokedKeys, String> {
        RevokedKeys::parse(Path::new("revoked"), content).map_err(|error| error.to_string())
    }

    fn string(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
    }

    /// A list with one section.
    fn list(kind: u8, inside: &[u8]) -> Vec<u8> {
        [MAGIC, &[0, 0, 0, 1], &[0; 24], &string(b""), &string(b"a comment"), &[kind], &string(inside)].concat()
    }

    #[test]
    fn a_key_is_withdrawn_by_itself_or_by_its_fingerprint() {
        let fingerprint = key().fingerprint();
        for text in [
            KEY.to_owned(),
            format!("# left\r\n\r\n\t{KEY} maria\r\n"),
            fingerprint.clone(),
            format!("hash: {fingerprint} maria"),
            format!("key: {KEY}"),
        ] {
            assert!(read(text.as_bytes()).unwrap().revokes(&key()), "{text}");
        }
        assert!(!read(b"# nobody\n").unwrap().revokes(&key()));
    }

    #[test]
    fn a_list_withdraws_by_key_and_by_either_fingerprint() {
        let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, key().bytes());
        for (kind, inside) in [(2, key().bytes()), (3, sha1.as_ref()), (5, &key().digest()[..])] {
            assert!(read(&list(kind, &string(inside))).unwrap().revokes(&key()), "section {kind}");
        }
        assert!(!read(&list(1, b"certificates")).unwrap().revokes(&key()));
        let harmless = [string(b"new"), vec![0], string(b"")].concat();
        assert!(!read(&list(255, &harmless)).unwrap().revokes(&key()));
    }

    #[test]
    fn a_list_that_is_not_understood_to_its_end_is_refused() {
        let critical = [string(b"new"), vec![1], string(b"")].concat();
        let whole = list(2, &string(key().bytes()));
        let mut later = whole.clone();
        later[11] = 2;
        for bad in [list(4, b"signed"), list(9, b"?"), list(255, &critical), list(5, &string(b"short")), later] {
            assert!(read(&bad).unwrap_err().contains("ssh-keygen -Ql"), "{bad:?}");
        }
        // Cut right behind the header it is a list of nothing; anywhere else it is damaged.
        let header = whole.len() - 1 - 4 - string(key().bytes()).len();
        for length in (MAGIC.len()..whole.len()).filter(|length| *length != header) {
            assert!(read(&whole[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        for bad in ["maria.chen", "serial: 7", "SHA256:short", "MD5:00:11", "ssh-ed25519 AAAA"] {
            let told = read(format!("{KEY}\n{bad}\n").as_bytes()).unwrap_err();
            assert!(told.contains("revoked:2:1"), "{bad}: {told}");
        }
        assert!(read(b"\xff\xfe").is_err());
    }
}
