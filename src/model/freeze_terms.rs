//! Freeze mode as far as rules look at it: no free text, so that it can be kept in evidence and judged again.

use serde::{Deserialize, Serialize};

use super::time::Instant;

/// What kind of release is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseMode {
    /// General availability.
    Ga,
    /// A release candidate.
    Rc,
    /// Publishing pages.
    Pages,
    /// An emergency fix.
    Hotfix,
}
