//! A signature file taken apart: the armour, and the envelope inside it (PROTOCOL.sshsig of OpenSSH).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::public_key::KeyBlob;
use super::wire::{Damaged, Wire};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// Longest signature file in bytes: an RSA key of 16384 bits fits several times.
const LONGEST: usize = 32 << 10;

/// What a signature file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) key: KeyBlob,
    pub(super) namespace: String,
    /// Name of the digest of what was signed.
    pub(super) hash: String,
    /// Algorithm and signature, as the key's type defines them.
    pub(super) signature: Vec<u8>,
}

impl Envelope {
    /// Reads an armoured signature.
    pub(super) fn read(armoured: &str) -> Result<Self, Damaged> {
        if armoured.len() > LONGEST {
            return Err(Damaged);
        }
        let body = armoured.strip_prefix(BEGIN).ok_or(Damaged)?;
        let (body, rest) = body.split_once(END).ok_or(Damaged)?;
        // OpenSSH passes over whatever follows; it would be in nobody's sight here.
        if !body.starts_with(['\n', '\r']) || !rest.trim_ascii().is_empty() {
            return Err(Damaged);
        }
        let encoded: String = body.chars().filter(|character| !character.is_ascii_whitespace()).collect();
        Self::read_binary(&STANDARD.decode(encoded).map_err(|_| Damaged)?)
    }

    fn read_binary(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut wire = Wire::new(bytes);
        if wire.take(6)? != b"SSHSIG" || wire.number()? != 1 {
            return Err(Damaged);
        }
        let key = KeyBlob::from_bytes(wire.string()?).ok_or(Damaged)?;
        let namespace = wire.text()?.to_owned();
        // Not covered by the signature, so nothing may hide in it.
        if !wire.string()?.is_empty() {
            return Err(Damaged);
        }
        let hash = wire.text()?.to_owned();
        let signature = wire.string()?.to_owned();
        wire.end()?;
        Ok(Self { key, namespace, hash, signature })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
    }

    fn binary(version: u8, reserved: &[u8]) -> Vec<u8> {
        let parts = [b"\0\0\0\x05new-1key", &b"somewhere"[..], reserved, b"sha512", b"a signature"];
        [b"SSHSIG\0\0\0".to_vec(), vec![version], parts.map(string).concat()].concat()
    }

    fn armour(binary: &[u8]) -> String {
        let encoded = STANDARD.encode(binary);
        let (first, second) = encoded.split_at(30);
        format!("{BEGIN}\n{first}\r\n{second}\n{END}\n")
    }

    #[test]
    fn an_envelope_is_read_whole() {
        let read = Envelope::read(&armour(&binary(1, b""))).unwrap();
        assert_eq!((read.namespace.as_str(), read.hash.as_str()), ("somewhere", "sha512"));
        assert_eq!((read.key.key_type(), read.signature.as_slice()), ("new-1", &b"a signature"[..]));
    }

    #[test]
    fn another_version_or_anything_that_the_signature_does_not_cover_is_damage() {
        let good = armour(&binary(1, b""));
        for bad in [
            armour(&binary(0, b"")),
            armour(&binary(2, b"")),
            armour(&binary(1, b"hidden")),
            armour(&[&binary(1, b"")[..], b"x"].concat()),
            armour(&binary(1, b"")[..60]),
            good.replace(BEGIN, "-----BEGIN SSH SIGNATURES-----"),
            good.replace(END, ""),
            good.replace("\r\n", "-"),
            format!("words before\n{good}"),
            format!("{good}words behind\n"),
            format!("{good}{good}"),
            format!("{BEGIN}\n{}{END}\n", "A\n".repeat(LONGEST)),
        ] {
            assert_eq!(Envelope::read(&bad), Err(Damaged), "{bad}");
        }
    }
}
