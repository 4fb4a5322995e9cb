//! The shapes of a seal, strictly: what is not exactly as it was written is not the seal that was written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::model::digest::Digest;
use crate::model::ids::{ChangeId, RunId};

/// What an envelope carries.
pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// What a statement says of its subjects: that they are the evidence of one run.
const PREDICATE_TYPE: &str = "urn:portal-agent:run:v1";

/// Why a text is no seal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not an envelope of this shape.
    #[error("is no DSSE envelope: {0}")]
    Envelope(String),
    /// Another kind of content.
    #[error("carries {0:?}, and not {PAYLOAD_TYPE:?}")]
    PayloadType(String),
    /// The content is no statement about a run.
    #[error("carries no statement about a run: {0}")]
    Statement(String),
    /// Bytes that nobody wrote so.
    #[error("is not written as a seal is")]
    Otherwise,
}

/// An in-toto statement: these files are the evidence of this run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    /// Every file, in order of name.
    pub subject: Vec<Subject>,
    predicate_type: String,
    /// Which run.
    pub predicate: Predicate,
}

/// A file and its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Path below the run's folder.
    pub name: String,
    digest: HexDigest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HexDigest {
    sha256: String,
}

/// Which run a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    pub run: RunId,
    pub change: ChangeId,
}

impl Subject {
    /// The digest; none where it is not one.
    pub fn digest(&self) -> Option<Digest> {
        Digest::parse_hex(&self.digest.sha256).ok()
    }
}

impl Statement {
    /// That these are the files of this run.
    pub fn of(run: &RunId, change: &ChangeId, files: impl IntoIterator<Item = (String, Digest)>) -> Self {
        let subject = |(name, digest): (String, Digest)| Subject { name, digest: HexDigest { sha256: digest.hex() } };
        Self {
            kind: STATEMENT_TYPE.to_owned(),
            subject: files.into_iter().map(subject).collect(),
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: Predicate { run: run.clone(), change: change.clone() },
        }
    }
}

/// A DSSE envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Envelope {
    payload: String,
    payload_type: String,
    /// Signatures over [`Self::signed_bytes`].
    pub signatures: Vec<Signature>,
}

/// A signature and which key made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Name of the key.
    pub keyid: String,
    sig: String,
}

impl Signature {
    /// Of the key with this name.
    pub fn new(keyid: &str, bytes: &[u8]) -> Self {
        Self { keyid: keyid.to_owned(), sig: STANDARD.encode(bytes) }
    }

    /// Its bytes; none where they are not base64.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.sig).ok()
    }
}

impl Envelope {
    /// An envelope around a statement, not signed yet.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::Statement`] when it cannot be written as JSON.
    pub fn around(statement: &Statement) -> Result<Self, EnvelopeError> {
        let payload = serde_json::to_vec(statement).map_err(|error| EnvelopeError::Statement(error.to_string()))?;
        let payload = STANDARD.encode(payload);
        Ok(Self { payload, payload_type: PAYLOAD_TYPE.to_owned(), signatures: Vec::new() })
    }

    /// Reads an envelope, byte for byte as [`Self::written`] writes it, and its statement.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`].
    pub fn read(bytes: &[u8]) -> Result<(Self, Statement), EnvelopeError> {
        let envelope: Self =
            serde_json::from_slice(bytes).map_err(|error| EnvelopeError::Envelope(error.to_string()))?;
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(EnvelopeError::PayloadType(envelope.payload_type));
        }
        let statement = |error: &dyn std::fmt::Display| EnvelopeError::Statement(error.to_string());
        let payload = STANDARD.decode(&envelope.payload).map_err(|error| statement(&error))?;
        let said: Statement = serde_json::from_slice(&payload).map_err(|error| statement(&error))?;
        if said.kind != STATEMENT_TYPE || said.predicate_type != PREDICATE_TYPE {
            return Err(EnvelopeError::Statement(format!("it is of type {:?}", said.predicate_type)));
        }
        let same = envelope.written().as_deref() == Ok(bytes) && serde_json::to_vec(&said).ok() == Some(payload);
        if same { Ok((envelope, said)) } else { Err(EnvelopeError::Otherwise) }
    }

    /// As it stands in its file.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::Envelope`] when it cannot be written as JSON.
    pub fn written(&self) -> Result<Vec<u8>, EnvelopeError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| EnvelopeError::Envelope(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// What is signed: DSSE's pre-authentication encoding of type and payload.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::Envelope`] when the payload is not base64.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, EnvelopeError> {
        let payload = STANDARD.decode(&self.payload).map_err(|error| EnvelopeError::Envelope(error.to_string()))?;
        let kind = &self.payload_type;
        let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
        bytes.extend(payload);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        let files = [("journal.jsonl".to_owned(), Digest::of(b"1")), ("run.json".to_owned(), Digest::of(b"2"))];
        Statement::of(&RunId::parse("r1").unwrap(), &ChangeId::parse("CHG1").unwrap(), files)
    }

    #[test]
    fn a_seal_survives_its_own_text() {
        let envelope = Envelope::around(&statement()).unwrap();
        let (read, said) = Envelope::read(&envelope.written().unwrap()).unwrap();
        assert_eq!((read, said), (envelope, statement()));
    }

    #[test]
    fn what_is_signed_is_encoded_as_dsse_says() {
        // The example of the specification.
        let envelope = Envelope {
            payload: STANDARD.encode("hello world"),
            payload_type: "http://example.com/HelloWorld".to_owned(),
            signatures: Vec::new(),
        };
        let bytes = envelope.signed_bytes().unwrap();
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn every_single_byte_of_a_seal_counts() {
        let mut envelope = Envelope::around(&statement()).unwrap();
        envelope.signatures.push(Signature::new("k", b"signature"));
        let written = envelope.written().unwrap();
        let whole = Envelope::read(&written).unwrap();
        for at in 0..written.len() {
            let mut other = written.clone();
            other[at] ^= 1;
            assert_ne!(Envelope::read(&other).ok().as_ref(), Some(&whole), "byte {at}");
            other.remove(at);
            assert!(Envelope::read(&other).ok().as_ref() != Some(&whole), "byte {at} removed");
        }
    }
}
