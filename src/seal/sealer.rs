//! What a run seals its evidence with: a key in a file, or a program that signs, such as one that asks a token or a service.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::envelope::{Envelope, EnvelopeError, Signature, Statement};
use super::key::{KeyError, SigningKey, VerifyingKey};

/// How long a program may take to sign.
const WITHIN: Duration = Duration::from_secs(60);

/// Why nothing was sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The statement cannot be written.
    #[error("the seal {0}")]
    Envelope(#[from] EnvelopeError),
    /// The key does not sign.
    #[error("the seal's key {0}")]
    Key(#[from] KeyError),
    /// The program did not do what it should.
    #[error("seal_command: {0}")]
    Command(String),
}

/// What a run seals with.
#[derive(Debug)]
pub enum Sealer {
    /// A key in memory.
    Key(SigningKey),
    /// A program that reads the bytes to be signed and prints the raw signature, made with the private half of `key`.
    Command {
        /// The program and its arguments.
        command: Vec<String>,
        /// What its signatures are verified with.
        key: VerifyingKey,
    },
}

impl Sealer {
    /// The public half of the key.
    pub fn public(&self) -> VerifyingKey {
        match self {
            Self::Key(key) => key.public(),
            Self::Command { key, .. } => key.clone(),
        }
    }

    /// The signed envelope around a statement, as it is written. What does not verify is no signature.
    ///
    /// # Errors
    ///
    /// [`SealError`].
    pub async fn seal(&self, statement: &Statement) -> Result<Vec<u8>, SealError> {
        let mut envelope = Envelope::around(statement)?;
        let bytes = envelope.signed_bytes()?;
        let signature = match self {
            Self::Key(key) => key.sign(&bytes)?,
            Self::Command { command, .. } => signed_by(command, &bytes).await?,
        };
        let key = self.public();
        if !key.verifies(&bytes, &signature) {
            let told = "what it printed is no signature of the key in seal_public_key";
            return Err(SealError::Command(told.to_owned()));
        }
        envelope.signatures.push(Signature::new(&key.id(), &signature));
        Ok(envelope.written()?)
    }
}

async fn signed_by(command: &[String], bytes: &[u8]) -> Result<Vec<u8>, SealError> {
    let failed = |what: String| SealError::Command(what);
    let [program, arguments @ ..] = command else { return Err(failed("is empty".to_owned())) };
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = child.map_err(|error| failed(format!("{program} did not start: {error}")))?;
    let mut input = child.stdin.take();
    let answered = async {
        if let Some(input) = &mut input {
            // A program need not read all of it, and says so by how it ends.
            let _ = input.write_all(bytes).await;
        }
        drop(input);
        child.wait_with_output().await
    };
    let ended = tokio::time::timeout(WITHIN, answered).await;
    let ended = ended.map_err(|_| failed(format!("{program} did not sign within {} s", WITHIN.as_secs())))?;
    let ended = ended.map_err(|error| failed(format!("{program}: {error}")))?;
    if ended.status.success() { Ok(ended.stdout) } else { Err(failed(format!("{program} failed ({})", ended.status))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{ChangeId, RunId};

    fn statement() -> Statement {
        Statement::of(&RunId::parse("r1").unwrap(), &ChangeId::parse("CHG1").unwrap(), Vec::new())
    }

    #[tokio::test]
    async fn a_program_that_signs_otherwise_seals_nothing() {
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n-----END PUBLIC KEY-----\n";
        let key = VerifyingKey::from_pem(public.as_bytes()).unwrap();
        for (command, told) in [
            (vec!["cat"], "no signature of the key"),
            (vec!["false"], "failed"),
            (vec!["no-such-program-anywhere"], "did not start"),
            (vec![], "is empty"),
        ] {
            let command = command.into_iter().map(str::to_owned).collect();
            let error = Sealer::Command { command, key: key.clone() }.seal(&statement()).await.unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
