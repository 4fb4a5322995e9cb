//! A live portal to look at without a run: nothing can be committed there.

use std::path::Path;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use url::Url;

use super::args::Common;
use super::exit::Exit;
use super::run::map_from;
use super::settings::{self, Settings};
use super::terminal::warn_line;
use crate::gateway::proxy::Gateway;
use crate::mask::masked::{MaskGate, Permissions};
use crate::model::private::Private;
use crate::portal::Portal as _;
use crate::portal::driver::Driver;
use crate::portal::webdriver::{Credentials, WebPortal, WebPortalConfig};
use crate::run::interrupt::Interrupt;
use crate::run::order::check_origin;
use crate::run::private::PrivateFolder;
use crate::run::session::{Session, Target};
use crate::selectors::read::SelectorMap;

/// Which portal, by which map.
pub(super) struct LiveOrder {
    settings: Settings,
    pub map: Arc<SelectorMap>,
    base: Url,
    credentials: Credentials,
}

/// A browser at the portal. Dropping it ends what it started, the browser first.
pub(super) struct Live {
    pub portal: WebPortal,
    pub gate: Arc<MaskGate>,
    driver: Option<Driver>,
    pub gateway: Gateway,
    _folder: PrivateFolder,
}

impl LiveOrder {
    /// Reads settings and map.
    ///
    /// # Errors
    ///
    /// What is wrong with them, for people.
    pub(super) fn read(common: &Common, map: &Path) -> Result<Self, String> {
        let settings = settings::read(common).map_err(|error| error.to_string())?;
        let map = map_from(map).map_err(|error| error.to_string())?;
        let base = settings.base_url.clone().unwrap_or_else(|| map.file.base_url.get_ref().clone());
        check_origin(&map, &base).map_err(|error| error.to_string())?;
        let credentials = credentials(&settings)?;
        Ok(Self::of(settings, map, base, credentials))
    }

    /// The portal at `base`.
    pub(super) fn of(settings: Settings, map: SelectorMap, base: Url, credentials: Credentials) -> Self {
        Self { settings, map: Arc::new(map), base, credentials }
    }

    /// Starts a browser for the portal. What `permissions` do not show stays hidden.
    ///
    /// # Errors
    ///
    /// What did not start, for people.
    pub(super) async fn open(&self, permissions: Permissions, headed: bool) -> Result<Live, String> {
        let folder = PrivateFolder::new().map_err(|error| error.to_string())?;
        let secret = Private::new(self.credentials.password.expose_secret().to_owned());
        let gate = Arc::new(MaskGate::new(permissions, rand::random(), vec![secret]));
        let browser = self.settings.browser_order(headed);
        let portal_ca = self.settings.portal_ca.as_deref();
        let target = Target { browser: &browser, map: &self.map, base: &self.base, portal_ca, upstream: None };
        let (session, answers) = tokio::join!(target.start(&folder), target.answers());
        let Session { driver, wire, gateway } = session?;
        answers?;
        let config = WebPortalConfig {
            map: Arc::clone(&self.map),
            base: self.base.clone(),
            control: gateway.control().clone(),
            gate: Arc::clone(&gate),
            browser: browser.kind,
            credentials: self.credentials.clone(),
            service: String::new(),
            change: String::new(),
        };
        Ok(Live { portal: WebPortal::new(wire, config), gate, driver, gateway, _folder: folder })
    }
}

/// Account and password, as the settings have them.
///
/// # Errors
///
/// One of them is not set.
pub(super) fn credentials(settings: &Settings) -> Result<Credentials, String> {
    let user = settings.user().map_err(|error| error.to_string())?.to_owned();
    let password = settings.password().map_err(|error| error.to_string())?;
    Ok(Credentials { user, password })
}

impl Live {
    /// Ends the session, then the browser.
    pub(super) async fn close(mut self) {
        self.portal.close().await;
        drop(self.driver);
    }
}

/// Does `work`, unless Ctrl-C comes first; what it started is ended then.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, Exit> {
    let Ok(interrupt) = Interrupt::by_signals() else { return Err(Exit::Environment) };
    let done = tokio::select! {
        done = work => done,
        () = interrupt.pressed() => Err("interrupted".to_owned()),
    };
    done.map_err(|what| {
        warn_line(&format!("error: {what}"));
        Exit::Environment
    })
}
