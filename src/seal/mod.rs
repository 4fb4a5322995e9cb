//! The seal over the evidence of a run: an in-toto statement that names every file by its digest, in a DSSE envelope, signed raw.
//!
//! [`envelope`] holds both shapes (<https://in-toto.io/Statement/v1>, <https://github.com/secure-systems-lab/dsse>), [`key`] signs and
//! verifies with Ed25519 or ECDSA P-256, as other tools for these shapes do, [`sealer`] is what a run seals with.
//! Imports only `model`.

pub mod envelope;
pub mod key;
pub mod sealer;
