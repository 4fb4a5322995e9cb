//! Settings: flags over `PORTAL_AGENT_*` over `portal-agent.toml` over defaults. An unknown key names the nearest known one.
//!
#![doc = include_str!("README.md")]

mod given;
mod layers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::decide::policy::{ApprovalPolicy, USUAL_MAX_AGE_HOURS};
use crate::diagnostic::Diagnostic;
use crate::evidence::store::USUAL_LIMIT;
use crate::model::browser::{BrowserKind, BrowserNetwork, BrowserProfile};
use crate::model::gates::SignaturePolicy;
use crate::model::ids::{PersonId, Role};
use crate::sources::configured::WITHIN;

pub(super) use given::key_file;
pub use layers::read;
pub(super) use layers::{check_keys, read_with};

const FILE: &str = "portal-agent.toml";
const PREFIX: &str = "PORTAL_AGENT_";
/// Holds the password; never a key of the file.
pub(super) const PASSWORD: &str = "PORTAL_AGENT_PASSWORD";

/// Holds the secret for change management; never a key of the file.
pub(super) const SECRET: &str = "PORTAL_AGENT_CHANGE_MANAGEMENT_SECRET";

/// Whether runs may commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommitPolicy {
    /// They may.
    #[default]
    Allowed,
    /// Every run stops at a verified draft.
    Never,
}

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who runs the agent; segregation of duties applies.
    pub operator: Option<PersonId>,
    /// Selector map.
    pub map: Option<PathBuf>,
    /// Base URL of the portal; the map's own otherwise.
    pub base_url: Option<url::Url>,
    /// Evidence folder.
    #[serde(default = "evidence")]
    pub evidence: PathBuf,
    /// What all evidence of a run may have together, in MiB.
    #[serde(default = "evidence_mib")]
    pub evidence_mib: u64,
    /// A program and its arguments that are told of every halt.
    pub notify_command: Option<Vec<String>>,
    /// Private key (PEM) that the evidence is sealed with.
    pub seal_key: Option<PathBuf>,
    /// A program and its arguments that sign what they read, in place of that.
    pub seal_command: Option<Vec<String>>,
    /// Public key (PEM) of whoever seals.
    pub seal_public_key: Option<PathBuf>,
    /// What is shared with other hosts, `s3://BUCKET/PREFIX`; the evidence folder itself otherwise.
    pub evidence_store: Option<url::Url>,
    /// Freeze calendars: files, or addresses.
    #[serde(default)]
    pub calendar: Places,
    pub freeze_policy: Option<PathBuf>,
    /// Delegate mapping.
    pub delegates: Option<PathBuf>,
    /// Hold register.
    pub holds: Option<PathBuf>,
    /// Service ownership record.
    pub ownership: Option<PathBuf>,
    pub freeze_state: Option<PathBuf>,
    /// Override of the freeze; beside the state otherwise.
    pub release_override: Option<PathBuf>,
    /// Who may sign approvals with which key, as OpenSSH's allowed signers.
    pub allowed_signers: Option<PathBuf>,
    /// Keys that were withdrawn.
    pub revoked_keys: Option<PathBuf>,
    /// IANA zone of whoever reads what is printed, and of times that carry none; this computer's otherwise.
    pub zone: Option<String>,
    /// IANA zone of times in calendars that carry none.
    pub calendar_zone: Option<String>,
    /// What calendars call zones by names of their own, with the IANA zone each means.
    #[serde(default)]
    pub zone_names: BTreeMap<String, String>,
    /// How change management is asked: a mapping file.
    pub change_management: Option<PathBuf>,
    /// A program and its arguments that print the secret for change management.
    pub change_management_command: Option<Vec<String>>,
    /// How long reading all sources may take, in seconds.
    #[serde(default = "sources_s")]
    pub sources_s: u64,
    #[serde(default = "browser")]
    pub browser: BrowserKind,
    /// Confinement of the browser.
    #[serde(default)]
    pub browser_profile: BrowserProfile,
    /// Which network the browser is in.
    #[serde(default)]
    pub browser_network: BrowserNetwork,
    /// A driver that runs already.
    pub webdriver: Option<url::Url>,
    /// Certificate authorities (PEM) for the portal, beside the system's.
    pub portal_ca: Option<PathBuf>,
    /// Account at the portal.
    pub user: Option<String>,
    /// A program and its arguments that print the password.
    pub password_command: Option<Vec<String>>,
    /// Whether runs may commit.
    #[serde(default)]
    pub commit: CommitPolicy,
    /// Roles that must have approved.
    #[serde(default = "ApprovalPolicy::usual_roles")]
    pub approval_roles: Vec<Role>,
    /// Oldest approval that still counts, in hours.
    #[serde(default = "approval_max_age_hours")]
    pub approval_max_age_hours: u32,
    /// Whether approvals must be signed.
    #[serde(default)]
    pub signatures: SignaturePolicy,
}

/// One place, or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Places {
    /// One.
    One(PathBuf),
    Several(Vec<PathBuf>),
}

impl Default for Places {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Places {
    /// All of them.
    pub fn as_slice(&self) -> &[PathBuf] {
        match self {
            Self::One(place) => std::slice::from_ref(place),
            Self::Several(places) => places,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [PathBuf] {
        match self {
            Self::One(place) => std::slice::from_mut(place),
            Self::Several(places) => places,
        }
    }
}

/// Every setting.
pub const KEYS: [&str; 36] = [
    "operator",
    "map",
    "base_url",
    "evidence",
    "evidence_mib",
    "evidence_store",
    "notify_command",
    "seal_key",
    "seal_command",
    "seal_public_key",
    "calendar",
    "freeze_policy",
    "delegates",
    "holds",
    "ownership",
    "freeze_state",
    "release_override",
    "allowed_signers",
    "revoked_keys",
    "zone",
    "calendar_zone",
    "zone_names",
    "change_management",
    "change_management_command",
    "sources_s",
    "browser",
    "browser_profile",
    "browser_network",
    "webdriver",
    "portal_ca",
    "user",
    "password_command",
    "commit",
    "approval_roles",
    "approval_max_age_hours",
    "signatures",
];

fn sources_s() -> u64 {
    WITHIN.as_secs()
}

fn evidence_mib() -> u64 {
    USUAL_LIMIT >> 20
}

fn evidence() -> PathBuf {
    PathBuf::from("evidence")
}

fn browser() -> BrowserKind {
    BrowserKind::Chromium
}

fn approval_max_age_hours() -> u32 {
    USUAL_MAX_AGE_HOURS
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A mistake in the file.
    #[error("{0}")]
    File(Diagnostic),
    /// A value of the wrong kind, in file or environment.
    #[error("error: settings: {0}")]
    Value(String),
    /// Something a run needs is not set.
    #[error("error: `{key}` is not set\n  = help: {help}")]
    Missing {
        key: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// The password could not be had.
    #[error("error: the password could not be read: {0}\n  = help: set PORTAL_AGENT_PASSWORD, or `password_command`")]
    Password(String),
    /// The secret for change management could not be had.
    #[error(
        "error: the secret for change management could not be read: {0}\n  = help: set PORTAL_AGENT_CHANGE_MANAGEMENT_SECRET, or `change_management_command`"
    )]
    Secret(String),
}

fn nearest(key: &str, known: &[&'static str]) -> &'static str {
    known.iter().copied().min_by_key(|known| strsim::damerau_levenshtein(known, key)).unwrap_or("operator")
}

/// The zone of this name.
///
/// # Errors
///
/// [`SettingsError::Value`] naming the setting.
pub(crate) fn zone_named(key: &str, name: &str) -> Result<TimeZone, SettingsError> {
    let help = "write an IANA zone such as \"Europe/Berlin\"";
    TimeZone::get(name).map_err(|_| SettingsError::Value(format!("{key}: {name:?} is no zone\n  = help: {help}")))
}

/// What a setting names: a file, or something at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    File,
    Address(url::Url),
    /// What is written like an address, and is none that can be read from.
    NoAddress,
}

/// What `place` names: whatever has a scheme is no file.
pub fn place(place: &Path) -> Location {
    let Some(text) = place.to_str() else { return Location::File };
    let scheme = |scheme: &str| {
        let mut letters = scheme.chars();
        letters.next().is_some_and(|first| first.is_ascii_alphabetic())
            && letters.all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
    };
    if !text.split_once("://").is_some_and(|(before, _)| scheme(before)) {
        return Location::File;
    }
    text.parse().map_or(Location::NoAddress, Location::Address)
}
