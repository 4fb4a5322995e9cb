//! Settings: flags over `PORTAL_AGENT_*` over `portal-agent.toml` over defaults. An unknown key names the nearest known one.

mod given;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::args::Common;
use crate::decide::policy::{ApprovalPolicy, USUAL_MAX_AGE_HOURS};
use crate::diagnostic::Diagnostic;
use crate::model::browser::{BrowserKind, BrowserProfile};
use crate::model::gates::SignaturePolicy;
use crate::model::ids::{PersonId, Role};
use crate::sources::configured::WITHIN;

const FILE: &str = "portal-agent.toml";
const PREFIX: &str = "PORTAL_AGENT_";
/// Holds the password; never a key of the file.
const PASSWORD: &str = "PORTAL_AGENT_PASSWORD";

/// Holds the secret for change management; never a key of the file.
const SECRET: &str = "PORTAL_AGENT_CHANGE_MANAGEMENT_SECRET";

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
    /// What is shared with other hosts, `s3://BUCKET/PREFIX`; the evidence folder itself otherwise.
    pub evidence_store: Option<url::Url>,
    /// Freeze calendars: files, or addresses.
    #[serde(default)]
    pub calendar: Places,
    /// Freeze policy.
    pub freeze_policy: Option<PathBuf>,
    /// Delegate mapping.
    pub delegates: Option<PathBuf>,
    /// Hold register.
    pub holds: Option<PathBuf>,
    /// Service ownership record.
    pub ownership: Option<PathBuf>,
    /// Freeze state.
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
    /// Browser.
    #[serde(default = "browser")]
    pub browser: BrowserKind,
    /// Confinement of the browser.
    #[serde(default)]
    pub browser_profile: BrowserProfile,
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
    /// Several.
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

const KEYS: [&str; 30] = [
    "operator",
    "map",
    "base_url",
    "evidence",
    "evidence_store",
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
        /// The key.
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

/// Refuses keys that nobody knows, naming the nearest that is known.
pub(super) fn check_keys(path: &Path, text: &str, known: &[&'static str]) -> Result<(), SettingsError> {
    let table: HashMap<toml::Spanned<String>, toml::Value> = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        SettingsError::File(Diagnostic::at(path, text, span, None, error.message(), "settings are TOML: key = value"))
    })?;
    let mut unknown: Vec<_> = table.keys().filter(|key| !known.contains(&key.get_ref().as_str())).collect();
    unknown.sort_by_key(|key| key.span().start);
    match unknown.first() {
        None => Ok(()),
        Some(key) => {
            let name = key.get_ref();
            let help = if name.contains("password") {
                "a password never stands in this file: set PORTAL_AGENT_PASSWORD, or `password_command`".to_owned()
            } else {
                format!("did you mean `{}`?", nearest(name, known))
            };
            let field = Some(name.clone());
            Err(SettingsError::File(Diagnostic::at(path, text, key.span(), field, "no such setting", help)))
        }
    }
}

/// Reads all layers; `environment` is the process's own in production.
///
/// # Errors
///
/// [`SettingsError`] naming the file and line, or the variable.
pub fn read(flags: &Common, environment: HashMap<String, String>) -> Result<Settings, SettingsError> {
    let mut builder = Config::builder();
    let path = flags.settings.clone().unwrap_or_else(|| PathBuf::from(FILE));
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            check_keys(&path, &text, &KEYS)?;
            builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && flags.settings.is_none() => {}
        Err(error) => {
            let help = "name a settings file with --settings, or remove it";
            let message = format!("cannot be read: {error}");
            return Err(SettingsError::File(Diagnostic::whole(&path, message, help)));
        }
    }
    let ours: HashMap<String, String> = environment
        .into_iter()
        .filter(|(name, _)| name.starts_with(PREFIX) && name != PASSWORD && name != SECRET)
        .collect();
    let mut names: Vec<_> = ours.keys().map(|name| name[PREFIX.len()..].to_ascii_lowercase()).collect();
    names.sort();
    if let Some(name) = names.iter().find(|name| !KEYS.contains(&name.as_str())) {
        let upper = nearest(name, &KEYS).to_ascii_uppercase();
        let message = format!("{PREFIX}{} is no setting; did you mean {PREFIX}{upper}?", name.to_ascii_uppercase());
        return Err(SettingsError::Value(message));
    }
    let lists = Environment::with_prefix("PORTAL_AGENT").prefix_separator("_").try_parsing(true).list_separator(",");
    let lists = lists
        .with_list_parse_key("approval_roles")
        .with_list_parse_key("password_command")
        .with_list_parse_key("change_management_command")
        .source(Some(ours));
    let wrong = |error: config::ConfigError| SettingsError::Value(error.to_string());
    let mut settings: Settings = builder.add_source(lists).build().map_err(wrong)?.try_deserialize().map_err(wrong)?;
    // Paths in a settings file are relative to that file.
    if flags.settings.is_some()
        && let Some(folder) = path.parent()
    {
        let all = &mut settings;
        let files = [&mut all.map, &mut all.portal_ca, &mut all.freeze_policy, &mut all.delegates, &mut all.holds];
        let more = [&mut all.ownership, &mut all.freeze_state, &mut all.release_override, &mut all.allowed_signers];
        let paths = files.into_iter().chain(more).chain([&mut all.revoked_keys, &mut all.change_management]).flatten();
        let calendars = all.calendar.as_mut_slice().iter_mut().filter(|place| address(place).is_none());
        for path in paths.chain(calendars).chain([&mut all.evidence]) {
            *path = folder.join(&*path);
        }
    }
    let Common { settings: _, map, base_url, evidence, calendar, browser, webdriver } = flags.clone();
    settings.map = map.or(settings.map);
    settings.base_url = base_url.or(settings.base_url);
    settings.evidence = evidence.unwrap_or(settings.evidence);
    if let Some(calendar) = calendar {
        settings.calendar = Places::One(calendar);
    }
    settings.browser = browser.unwrap_or(settings.browser);
    settings.webdriver = webdriver.or(settings.webdriver);
    Ok(settings)
}

/// The zone of this name.
///
/// # Errors
///
/// [`SettingsError::Value`] naming the setting.
pub fn zone_named(key: &str, name: &str) -> Result<TimeZone, SettingsError> {
    let help = "write an IANA zone such as \"Europe/Berlin\"";
    TimeZone::get(name).map_err(|_| SettingsError::Value(format!("{key}: {name:?} is no zone\n  = help: {help}")))
}

/// The address that a place is, where it is one.
pub fn address(place: &Path) -> Option<url::Url> {
    let text = place.to_str()?;
    let url = text.starts_with("http://") || text.starts_with("https://");
    url.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.toml");
        std::fs::write(&path, text).unwrap();
        let flags = Common { settings: Some(path), ..Common::default() };
        read(&flags, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one_and_its_line() {
        let told = with_file("# mine\noperater = \"x\"\n", &[]).unwrap_err().to_string();
        assert!(told.contains("s.toml:2:1") && told.contains("did you mean `operator`"), "{told}");
        let told = with_file("", &[("PORTAL_AGENT_BROWSR", "firefox")]).unwrap_err().to_string();
        assert!(told.contains("PORTAL_AGENT_BROWSER"), "{told}");
    }

    #[test]
    fn a_password_in_the_file_is_refused_with_the_way_to_give_it() {
        let told = with_file("password = \"x\"\n", &[]).unwrap_err().to_string();
        assert!(told.contains("PORTAL_AGENT_PASSWORD"), "{told}");
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let file = "operator = \"from.file\"\nbrowser = \"chromium\"\n";
        let settings = with_file(file, &[("PORTAL_AGENT_BROWSER", "firefox"), ("OTHER", "x")]).unwrap();
        assert_eq!(settings.browser, BrowserKind::Firefox);
        assert_eq!(settings.operator().unwrap().as_str(), "from.file");
        assert!(with_file("browser = \"netscape\"\n", &[]).is_err());
    }
}
