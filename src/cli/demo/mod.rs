//! The embedded default: the reference portal, its example record and its map, for a first run on a fresh machine.

pub mod serve;

use std::path::PathBuf;

use secrecy::SecretString;
use tempfile::TempDir;

use super::args::Common;
use super::exit::Exit;
use super::terminal::warn_line;
use crate::portal::webdriver::Credentials;
use crate::reference_portal::example::{Example, ExampleTimes, LARGE, world, write};
use crate::reference_portal::faults::FaultPlan;
use crate::reference_portal::{ACCOUNT, PASSWORD, Portal, PortalError, Scheme};

/// The map of the reference portal.
pub const MAP: &str = include_str!("../../../selectors/reference.toml");

/// A running embedded portal and the files that fit it.
pub(crate) struct Demo {
    _portal: Portal,
    _folder: TempDir,
    /// The example's files.
    pub example: Example,
}

/// Why there is no demonstration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error(transparent)]
    Portal(#[from] PortalError),
    #[error(transparent)]
    Files(#[from] std::io::Error),
}

/// The map of the reference portal, with another base URL.
pub(crate) fn map_at(base: &url::Url) -> String {
    MAP.replace("http://127.0.0.1:8480/", base.as_str())
}

impl Demo {
    /// Starts the portal, writes the files, and points `common` at them.
    async fn start(common: &mut Common) -> Result<Self, DemoError> {
        let times = ExampleTimes::around(jiff::Timestamp::now());
        let portal = Portal::start(Scheme::Http, FaultPlan::none(), world(&times)).await?;
        let folder = tempfile::Builder::new().prefix("portal-agent-demo-").tempdir()?;
        let example = write(folder.path(), &portal.url(), &times, LARGE)?;
        let map: PathBuf = folder.path().join("reference.toml");
        std::fs::write(&map, map_at(&portal.url()))?;
        common.map = Some(map);
        common.base_url = Some(portal.url());
        common.calendar = Some(example.calendar.clone());
        Ok(Self { _portal: portal, _folder: folder, example })
    }

    /// Starts it if it is wanted.
    ///
    /// # Errors
    ///
    /// The exit code, said why.
    pub(crate) async fn start_if(wanted: bool, common: &mut Common) -> Result<Option<Self>, Exit> {
        if !wanted {
            return Ok(None);
        }
        Self::start(common).await.map(Some).map_err(|error| {
            warn_line(&format!("error: the embedded portal did not start: {error}"));
            Exit::Environment
        })
    }

    /// Settings that a first run need not make.
    pub fn settings(&self) -> Vec<(String, String)> {
        let set = |name: &str, value: &str| (format!("PORTAL_AGENT_{name}"), value.to_owned());
        let path = |name: &str, path: &std::path::Path| set(name, &path.display().to_string());
        let Example { freeze_state, freeze_policy, .. } = &self.example;
        vec![set("OPERATOR", "you"), path("FREEZE_STATE", freeze_state), path("FREEZE_POLICY", freeze_policy)]
    }

    /// Name and password for the embedded portal.
    pub fn credentials(&self) -> Credentials {
        Credentials { user: ACCOUNT.to_owned(), password: SecretString::from(PASSWORD) }
    }
}
