//! The proof that a held commit may go: what it carries was compared with the record, and after that every source was read and
//! judged once more.
//!
//! Only a proof makes a token that releases ([`ReleaseToken`]), each proof makes one, and each token releases once. With the
//! recheck this compiles:
//!
//! ```
//! use portal_agent::decide::recheck::{Compared, recheck};
//! use portal_agent::decide::reconcile::PacketFacts;
//! use portal_agent::decide::verdict::{HaltReason, NonEmpty};
//! use portal_agent::gateway::interlock::{AttemptId, ReleaseToken};
//! use portal_agent::model::{digest::Digest, record::ApprovalManifest, time::Instant};
//!
//! fn permit(
//!     held: AttemptId, compared: Compared, facts: &PacketFacts<'_>, first: (&ApprovalManifest, Digest), until: Instant,
//! ) -> Result<ReleaseToken, NonEmpty<HaltReason>> {
//!     let proof = recheck(compared, facts, first.0, first.1).into_result()?;
//!     Ok(ReleaseToken::new(held, proof, until))
//! }
//! ```
//!
//! Without it, it does not:
//!
//! ```compile_fail,E0308
//! use portal_agent::decide::recheck::{Compared, recheck};
//! use portal_agent::decide::reconcile::PacketFacts;
//! use portal_agent::decide::verdict::{HaltReason, NonEmpty};
//! use portal_agent::gateway::interlock::{AttemptId, ReleaseToken};
//! use portal_agent::model::{digest::Digest, record::ApprovalManifest, time::Instant};
//!
//! fn permit(
//!     held: AttemptId, compared: Compared, facts: &PacketFacts<'_>, first: (&ApprovalManifest, Digest), until: Instant,
//! ) -> Result<ReleaseToken, NonEmpty<HaltReason>> {
//!     let proof = compared;
//!     Ok(ReleaseToken::new(held, proof, until))
//! }
//! ```
//!
//! [`ReleaseToken`]: crate::gateway::interlock::ReleaseToken

use super::reconcile::{PacketFacts, packet_again};
use super::rules::commit::commit_payload_differs;
use super::verdict::Verdict;
use crate::model::digest::Digest;
use crate::model::form::PlannedParameter;
use crate::model::ids::DraftReference;
use crate::model::portal_facts::CommitContent;
use crate::model::record::ApprovalManifest;

/// What a held request carries is what the record says. Made by [`compare`] alone.
#[derive(Debug)]
#[must_use]
pub struct Compared {
    content: Digest,
}

/// The sources were read and judged again after the held request had been compared. Made by [`recheck`] alone.
#[derive(Debug)]
#[must_use]
pub struct Rechecked {
    content: Digest,
}

impl Rechecked {
    /// Digest of the content that was compared. The proof is used up by that.
    pub(crate) fn into_content(self) -> Digest {
        self.content
    }
}

/// Compares what a held request carries with what the map plans for it: `commit-payload-differs` where it carries anything else.
pub fn compare(planned: &[PlannedParameter], draft: &DraftReference, held: &CommitContent) -> Verdict<Compared> {
    Verdict::of(commit_payload_differs(planned, draft, held)).map(|()| Compared { content: held.digest })
}

/// Judges what was read while the request was held; `first` is what the run began with.
pub fn recheck(
    compared: Compared,
    facts: &PacketFacts<'_>,
    first: &ApprovalManifest,
    first_packet: Digest,
) -> Verdict<Rechecked> {
    packet_again(facts, first, first_packet).map(|()| Rechecked { content: compared.content })
}
