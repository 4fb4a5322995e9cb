//! What the settings give: each value, or what to do where it is missing.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use secrecy::SecretString;

use super::{PASSWORD, SECRET, Settings, SettingsError, zone_named};
use crate::cli::secret::secret;
use crate::decide::policy::{ApprovalPolicy, Policy};
use crate::diagnostic::Diagnostic;
use crate::evidence::shared::{SharedStore, StoreError};
use crate::model::browser::BrowserNetwork;
use crate::model::freeze_policy::FreezePolicy;
use crate::model::ids::PersonId;
use crate::portal::network::NetworkOrder;
use crate::run::session::BrowserOrder;
use crate::seal::key::{KeyError, SigningKey, VerifyingKey};
use crate::seal::sealer::Sealer;
use crate::sources::freeze_policy_file;

/// Reads a key from a file.
pub(crate) fn key_file<T>(
    key: &str,
    path: &Path,
    read: impl FnOnce(&[u8]) -> Result<T, KeyError>,
) -> Result<T, SettingsError> {
    let wrong = |what: String| SettingsError::File(Diagnostic::whole(path, what, format!("name a key file for {key}")));
    let bytes = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    read(&bytes).map_err(|error| wrong(error.to_string()))
}

impl Settings {
    /// Who runs the agent.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Missing`].
    pub fn operator(&self) -> Result<&PersonId, SettingsError> {
        let help =
            "set `operator` in portal-agent.toml, or PORTAL_AGENT_OPERATOR, to the account of whoever runs the agent";
        self.operator.as_ref().ok_or(SettingsError::Missing { key: "operator", help })
    }

    /// The selector map's file.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Missing`].
    pub fn map(&self) -> Result<&Path, SettingsError> {
        let help = "name one with --map, or set `map` in portal-agent.toml";
        self.map.as_deref().ok_or(SettingsError::Missing { key: "map", help })
    }

    /// The freeze calendars.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Missing`] when there is none.
    pub fn calendars(&self) -> Result<&[PathBuf], SettingsError> {
        let help = "name one with --calendar, or set `calendar` in portal-agent.toml";
        match self.calendar.as_slice() {
            [] => Err(SettingsError::Missing { key: "calendar", help }),
            places => Ok(places),
        }
    }

    /// The account at the portal.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Missing`].
    pub fn user(&self) -> Result<&str, SettingsError> {
        let help = "set `user` in portal-agent.toml, or PORTAL_AGENT_USER, to the account at the portal";
        self.user.as_deref().ok_or(SettingsError::Missing { key: "user", help })
    }

    /// The password, from the environment or from a program; never from a file or an argument.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Password`].
    pub fn password(&self) -> Result<SecretString, SettingsError> {
        secret(PASSWORD, self.password_command.as_deref()).map_err(SettingsError::Password)
    }

    /// The secret for change management, from the environment or from a program.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Secret`].
    pub(crate) fn change_management_secret(&self) -> Result<SecretString, SettingsError> {
        secret(SECRET, self.change_management_command.as_deref()).map_err(SettingsError::Secret)
    }

    /// What is shared with other hosts.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the address is none of a store.
    pub(crate) fn shared_store(&self) -> Result<SharedStore, StoreError> {
        match &self.evidence_store {
            Some(address) => SharedStore::at(address),
            None => Ok(SharedStore::folder(&self.evidence)),
        }
    }

    /// What all evidence of a run may have together, in bytes.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Value`] outside 4 to 4096 MiB.
    pub fn evidence_limit(&self) -> Result<u64, SettingsError> {
        if (4..=4096).contains(&self.evidence_mib) {
            return Ok(self.evidence_mib << 20);
        }
        Err(SettingsError::Value(format!("evidence_mib: {} is not from 4 to 4096", self.evidence_mib)))
    }

    /// What evidence is sealed with; nothing where nothing is set.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when a key cannot be read, others may read it, or what is set does not go together.
    pub(crate) fn sealer(&self) -> Result<Option<Sealer>, SettingsError> {
        let wrong = |told: &str| SettingsError::Value(told.to_owned());
        match (&self.seal_key, &self.seal_command) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(wrong("seal_key and seal_command: set one of them")),
            (Some(path), None) => {
                let others = std::fs::metadata(path).is_ok_and(|found| found.mode() & 0o077 != 0);
                if others {
                    let path = path.display();
                    return Err(SettingsError::Value(format!(
                        "seal_key: others may read {path}: `chmod go-rwx {path}`"
                    )));
                }
                key_file("seal_key", path, SigningKey::from_pem).map(|key| Some(Sealer::Key(key)))
            }
            (None, Some(command)) => {
                let key = self.seal_public_key()?.ok_or_else(|| {
                    wrong("seal_command: set seal_public_key too, so that what it signs can be verified")
                })?;
                Ok(Some(Sealer::Command { command: command.clone(), key }))
            }
        }
    }

    /// The public key of whoever seals evidence.
    ///
    /// # Errors
    ///
    /// [`SettingsError::File`] when it cannot be read.
    pub(crate) fn seal_public_key(&self) -> Result<Option<VerifyingKey>, SettingsError> {
        let read = |path: &PathBuf| key_file("seal_public_key", path, VerifyingKey::from_pem);
        self.seal_public_key.as_ref().map(read).transpose()
    }

    /// Zone of whoever reads what is printed.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Value`] when there is no such zone.
    pub fn zone(&self) -> Result<TimeZone, SettingsError> {
        match &self.zone {
            None => Ok(TimeZone::system()),
            Some(name) => zone_named("zone", name),
        }
    }

    /// What the organisation demands.
    ///
    /// # Errors
    ///
    /// [`SettingsError::File`] when the freeze policy cannot be read.
    pub fn policy(&self) -> Result<Policy, SettingsError> {
        let freeze = match &self.freeze_policy {
            Some(path) => freeze_policy_file::read(path).map_err(SettingsError::File)?,
            None => FreezePolicy::default(),
        };
        let approvals = ApprovalPolicy {
            required_roles: self.approval_roles.clone(),
            max_age_s: i64::from(self.approval_max_age_hours) * 3600,
            signatures: self.signatures,
        };
        Ok(Policy { approvals, freeze })
    }

    /// Which browser is started, and how; `headed` shows its window.
    pub fn browser_order(&self, headed: bool) -> BrowserOrder {
        let (kind, profile, webdriver) = (self.browser, self.browser_profile, self.webdriver.clone());
        // A display that another host shows, as by ssh -X, is reached by the machine's network alone.
        let shown_elsewhere = headed && std::env::var("DISPLAY").is_ok_and(|display| !display.starts_with(':'));
        let network = match self.browser_network {
            BrowserNetwork::Auto if shown_elsewhere => BrowserNetwork::Shared,
            network @ (BrowserNetwork::Auto | BrowserNetwork::Own | BrowserNetwork::Shared) => network,
        };
        let network = NetworkOrder::of_this_program(network);
        BrowserOrder { kind, profile, network, headed, webdriver, pace: std::time::Duration::ZERO }
    }
}
