//! What the wording of a banner means, as the selector map declares it.

use regex::Regex;

/// What a known banner means for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BannerMeaning {
    /// Expected; no reason to stop.
    Harmless,
    /// The submission would authorise more than was approved.
    ScopeBroadening,
    /// The portal refused a value.
    ValidationRejected,
    /// The session is over.
    SessionLost,
    /// The portal failed.
    PortalError,
}

/// A wording and its meaning. Any warning that matches counts, before anything harmless does.
#[derive(Debug, Clone)]
pub struct BannerRule {
    /// Matched anywhere in the banner's text.
    pub pattern: Regex,
    pub meaning: BannerMeaning,
}
