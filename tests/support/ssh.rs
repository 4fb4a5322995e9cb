//! The installed `ssh-keygen`, and a signer that stands in for hardware keys.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256, Sha512};
use tempfile::TempDir;

/// A folder with keys and signatures.
pub struct Desk(TempDir);

/// A key made by `ssh-keygen`.
pub struct Key {
    pub path: PathBuf,
    /// Type and key, without comment.
    pub public: String,
}

impl Desk {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn keygen(&self, arguments: &[&str], input: &str, zone: &str) -> Output {
        let mut command = Command::new("ssh-keygen");
        command.args(arguments).current_dir(self.0.path()).env("TZ", zone).env_remove("SSH_AUTH_SOCK");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("ssh-keygen does not start ({error}): `apt-get install openssh-client` brings it")
        });
        // It may end before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn succeed(&self, arguments: &[&str], input: &str) -> String {
        let output = self.keygen(arguments, input, "UTC");
        assert!(output.status.success(), "ssh-keygen {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A new key in place of one of the same name.
    pub fn key(&self, name: &str, kind: &[&str]) -> Key {
        let path = self.0.path().join(name);
        let _ = std::fs::remove_file(&path);
        let target = path.to_str().unwrap();
        self.succeed(&[kind, &["-q", "-N", "", "-C", "", "-f", target]].concat(), "");
        let public = std::fs::read_to_string(format!("{target}.pub")).unwrap();
        Key { path, public: public.trim().to_owned() }
    }

    pub fn fingerprint(&self, key: &Key) -> String {
        let told = self.succeed(&["-l", "-f", key.path.to_str().unwrap()], "");
        told.split(' ').nth(1).unwrap().to_owned()
    }

    pub fn sign(&self, key: &Key, namespace: &str, text: &str, options: &[&str]) -> String {
        let mut arguments = vec!["-q", "-Y", "sign", "-f", key.path.to_str().unwrap(), "-n", namespace];
        arguments.extend(options.iter().flat_map(|option| ["-O", option]));
        self.succeed(&arguments, text)
    }

    /// Whether `ssh-keygen -Y verify` accepts, with `zone` for its clocks.
    #[expect(clippy::too_many_arguments, reason = "ssh-keygen has as many")]
    pub fn verifies(
        &self,
        allowed: &str,
        revoked: Option<&[u8]>,
        who: &str,
        namespace: &str,
        signature: &str,
        text: &str,
        at: &str,
        zone: &str,
    ) -> bool {
        let (allowed, signature) = (self.put("allowed", allowed), self.put("signature", signature));
        let revoked = revoked.map(|content| self.put("revoked", content));
        let at: String = at.chars().filter(char::is_ascii_digit).collect();
        let time = format!("verify-time={at}Z");
        let mut arguments =
            vec!["-Y", "verify", "-f", &allowed, "-I", who, "-n", namespace, "-s", &signature, "-O", &time];
        if let Some(revoked) = &revoked {
            arguments.extend(["-r", revoked]);
        }
        self.keygen(&arguments, text, zone).status.success()
    }

    /// Whom `ssh-keygen -Y find-principals` finds.
    pub fn principals(&self, allowed: &str, signature: &str) -> String {
        let (allowed, signature) = (self.put("allowed", allowed), self.put("signature", signature));
        self.succeed(&["-Y", "find-principals", "-f", &allowed, "-s", &signature], "").trim().to_owned()
    }

    pub fn revocation_list(&self, keys: &[&Key]) -> Vec<u8> {
        let lines: Vec<_> = keys.iter().map(|key| key.public.as_str()).collect();
        self.revocation_specification(&lines.join("\n"))
    }

    pub fn revocation_specification(&self, lines: &str) -> Vec<u8> {
        let specification = self.put("specification", lines);
        let list = self.put("list", "");
        self.succeed(&["-k", "-f", &list, &specification], "");
        std::fs::read(list).unwrap()
    }

    /// Signs with a certificate for `who`: the same signature, with the certificate where the key would stand.
    pub fn sign_with_certificate(&self, key: &Key, authority: &Key, who: &str, namespace: &str, text: &str) -> String {
        let (path, signer) = (key.path.to_str().unwrap(), authority.path.to_str().unwrap());
        self.succeed(&["-q", "-s", signer, "-I", "test", "-n", who, &format!("{path}.pub")], "");
        let certificate = std::fs::read_to_string(format!("{path}-cert.pub")).unwrap();
        let certificate = STANDARD.decode(certificate.split(' ').nth(1).unwrap()).unwrap();
        let plain = binary(&self.sign(key, namespace, text, &[]));
        let length = u32::from_be_bytes(plain[10..14].try_into().unwrap()) as usize;
        armour(&[&plain[..10], &string(&certificate), &plain[14 + length..]].concat())
    }
}

/// The bytes inside the armour.
pub fn binary(signature: &str) -> Vec<u8> {
    let lines: String = signature.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(lines).unwrap()
}

/// Armour around bytes, in lines of 70 as `ssh-keygen` breaks them.
pub fn armour(bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    let lines: Vec<&str> = encoded.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// A signature in which one name, digest or algorithm, is replaced; the lengths around it are made to fit.
pub fn renamed(signature: &str, old: &str, new: &str) -> String {
    let bytes = binary(signature);
    let mut rest = &bytes[10..];
    let mut next = || {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let (taken, after) = rest[4..].split_at(length);
        rest = after;
        taken.to_vec()
    };
    let mut parts: Vec<Vec<u8>> = (0..5).map(|_| next()).collect();
    for part in &mut parts[3..] {
        if part == old.as_bytes() {
            *part = new.into();
        } else if let Some(after) = part.strip_prefix(&string(old.as_bytes())[..]) {
            *part = [string(new.as_bytes()), after.to_vec()].concat();
        }
    }
    let altered = [bytes[..10].to_vec(), parts.iter().flat_map(|part| string(part)).collect()].concat();
    assert_ne!(altered, bytes, "{old} is not in it");
    armour(&altered)
}

/// A signature with one more byte behind the number, inside of the length that holds it.
pub fn lengthened(signature: &str) -> String {
    let bytes = binary(signature);
    // Magic and version, then key, namespace, reserved and digest.
    let mut at = 10;
    let length = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    for _ in 0..4 {
        at += 4 + length(at);
    }
    armour(&[&bytes[..at], &string(&[&bytes[at + 4..], &[0]].concat())].concat())
}

/// Kinds of hardware keys.
#[derive(Debug, Clone, Copy)]
pub enum Hardware {
    Ed25519,
    EcdsaP256,
}

/// A number as SSH writes it: no zeros at the front but one where the first bit is set.
fn mpint(bytes: &[u8]) -> Vec<u8> {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let bytes = &bytes[first..];
    let zero: &[u8] = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { &[0] } else { &[] };
    string(&[zero, bytes].concat())
}

/// Public key and signature as a hardware key makes them (PROTOCOL.u2f), from a key in memory.
pub fn hardware(kind: Hardware, namespace: &str, text: &str, flags: u8) -> (String, String) {
    let hash = Sha512::digest(text.as_bytes());
    let message =
        [b"SSHSIG".to_vec(), string(namespace.as_bytes()), string(b""), string(b"sha512"), string(&hash)].concat();
    let trailer = [flags, 0, 0, 0, 9];
    let signed = [&Sha256::digest(b"ssh:")[..], &trailer, &Sha256::digest(&message)[..]].concat();
    let random = SystemRandom::new();
    let (name, public, signature) = match kind {
        Hardware::Ed25519 => {
            let document = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
            let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
            ("sk-ssh-ed25519@openssh.com", string(pair.public_key().as_ref()), pair.sign(&signed).as_ref().to_vec())
        }
        Hardware::EcdsaP256 => {
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
            let signature = pair.sign(&random, &signed).unwrap();
            let (r, s) = signature.as_ref().split_at(32);
            let public = [string(b"nistp256"), string(pair.public_key().as_ref())].concat();
            ("sk-ecdsa-sha2-nistp256@openssh.com", public, [mpint(r), mpint(s)].concat())
        }
    };
    let public = [string(name.as_bytes()), public, string(b"ssh:")].concat();
    let signature = [string(name.as_bytes()), string(&signature), trailer.to_vec()].concat();
    let envelope = [
        b"SSHSIG\0\0\0\x01".to_vec(),
        string(&public),
        string(namespace.as_bytes()),
        string(b""),
        string(b"sha512"),
        string(&signature),
    ];
    (format!("{name} {}", STANDARD.encode(&public)), armour(&envelope.concat()))
}
