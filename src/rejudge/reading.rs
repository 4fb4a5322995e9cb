//! One reading of `approvals.json`: whose facts it was judged by, and today's verdict on them.

use serde::Deserialize;

use super::packet::{Built, Packet};
use super::text::Text;
use crate::decide::verdict::{HaltCode, Stage, Verdict};
use crate::model::digest::Digest;
use crate::model::freeze_policy::FreezePolicy;
use crate::model::gates::SignaturePolicy;
use crate::model::ids::Role;
use crate::model::record::{Approval, ApprovalManifest};
use crate::model::time::Instant;

/// Another policy; what it does not say is as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OtherPolicy {
    /// Roles that must have approved.
    pub required_roles: Option<Vec<Role>>,
    /// Oldest approval that still counts, in seconds.
    pub max_age_s: Option<i64>,
    /// Whether approvals must be signed.
    pub signatures: Option<SignaturePolicy>,
    /// The freeze policy.
    pub freeze: Option<FreezePolicy>,
}

/// The file as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document<'a> {
    /// Version.
    #[serde(borrow)]
    pub schema: Text<'a>,
    #[serde(borrow)]
    pub run_id: Text<'a>,
    /// Readings, in order of time.
    #[serde(borrow)]
    pub readings: Vec<Reading<'a>>,
    #[serde(rename = "unlocked_by")]
    _unlocked_by: Option<usize>,
}

/// A reading as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reading<'a> {
    /// When it was judged.
    pub at: Instant,
    /// At which stage.
    pub stage: Stage,
    /// Digest of the packet.
    pub packet: Digest,
    pub manifest: ApprovalManifest,
    /// Decisions.
    pub approvals: Vec<Approval>,
    #[serde(borrow, default)]
    facts: Option<Packet<'a>>,
    #[serde(default)]
    facts_of: Option<usize>,
    /// What was decided.
    pub verdict: Vec<HaltCode>,
}

/// Why a reading cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadingError {
    /// A value that the place cannot hold.
    #[error("`{0}` cannot be read")]
    Value(&'static str),
    /// Another policy speaks of what was hidden.
    #[error("`{0}` is hidden, and the freeze policy speaks of it: nobody can tell what it says of this run")]
    Hidden(&'static str),
}

/// What readings of one run have in common, kept from one to the next.
pub(crate) struct Judge<'r, 'a> {
    readings: &'r [Reading<'a>],
    other: &'r OtherPolicy,
    /// Readings mostly repeat the facts of the first: what was built of them, and whose facts they are.
    built: Option<(usize, Built)>,
}

impl<'r, 'a> Judge<'r, 'a> {
    /// Judges under the policy of the time unless `other` says otherwise.
    pub fn new(readings: &'r [Reading<'a>], other: &'r OtherPolicy) -> Self {
        Self { readings, other, built: None }
    }

    /// What today's rules say about the reading at `place`; none where its facts were withheld.
    ///
    /// # Errors
    ///
    /// [`ReadingError`].
    pub fn judge(&mut self, place: usize) -> Result<Option<Verdict>, ReadingError> {
        let (Some(reading), Some(first)) = (self.readings.get(place), self.readings.first()) else { return Ok(None) };
        let of = match (&reading.facts, reading.facts_of) {
            (Some(_), None) => place,
            (None, None) => return Ok(None),
            (None, Some(of)) if of < place => of,
            (_, Some(_)) => return Err(ReadingError::Value("facts_of")),
        };
        let facts = self.readings.get(of).and_then(|reading| reading.facts.as_ref());
        let facts = facts.ok_or(ReadingError::Value("facts_of"))?;
        let built = match self.built.take() {
            Some((known, mut built)) if known == of => {
                built.read_again(facts, reading)?;
                built
            }
            Some(_) | None => Built::of(facts, reading, self.other)?,
        };
        let verdict = built.judge(facts, reading, first);
        self.built = Some((of, built));
        verdict.map(Some)
    }
}
