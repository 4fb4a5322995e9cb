//! Starts what a run works with: the gateway, a driver, a browser that knows no other way out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::private::PrivateFolder;
use crate::gateway::doorway::Doorway;
use crate::gateway::policy::GatewayPolicy;
use crate::gateway::proxy::Gateway;
use crate::gateway::upstream::{PortalLink, Upstream};
use crate::model::browser::{BrowserKind, BrowserProfile};
use crate::portal::browser::{SessionOptions, capabilities, find};
use crate::portal::driver::Driver;
use crate::portal::network::{Network, NetworkOrder};
use crate::portal::webdriver::wire::Wire;
use crate::selectors::read::SelectorMap;

/// Which browser, and how.
#[derive(Debug, Clone)]
pub struct BrowserOrder {
    pub kind: BrowserKind,
    /// Confinement.
    pub profile: BrowserProfile,
    /// Which network it is in.
    pub network: NetworkOrder,
    /// With a window.
    pub headed: bool,
    /// A driver that runs already.
    pub webdriver: Option<url::Url>,
    /// How long to rest before everything that a person could do; nothing, unless a person watches.
    pub pace: Duration,
}

/// What a session is opened for.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub browser: &'a BrowserOrder,
    /// Selector map: what may pass, and how long things may take.
    pub map: &'a SelectorMap,
    /// Base URL in effect.
    pub base: &'a url::Url,
    /// Certificate authorities for the portal.
    pub portal_ca: Option<&'a Path>,
    /// What stands in the portal's place, where something does.
    pub upstream: Option<&'a Arc<dyn Upstream>>,
}

/// A gateway, and a browser behind it. Dropping it ends both, the browser first.
pub struct Session {
    /// The driver, and with it every browser process. First, so that no page outlives its gateway.
    pub driver: Option<Driver>,
    /// The session.
    pub wire: Arc<Wire>,
    pub gateway: Gateway,
}

/// How often a portal is asked for that takes no connection, with [`PAUSE`] between: one that is being restarted comes back.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

impl Target<'_> {
    /// Whether the portal answers at its address, before a browser waits for it in vain. A recording of one always does.
    ///
    /// # Errors
    ///
    /// Why not, in words, with the address.
    pub(crate) async fn answers(&self) -> Result<(), String> {
        if self.upstream.is_some() {
            return Ok(());
        }
        let link = PortalLink::new(self.portal_ca).map_err(|error| with_causes(&error))?;
        let address: http::Uri = self.base.as_str().parse().map_err(|_| "the base URL is no address".to_owned())?;
        let tried = async {
            let mut last = link.reach(address.clone()).await;
            for _ in 1..ATTEMPTS {
                if last.is_ok() {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
                last = link.reach(address.clone()).await;
            }
            last
        };
        let limit = Duration::from_secs(self.map.file.limits.ready_s);
        match tokio::time::timeout(limit, tried).await {
            Ok(answered) => answered.map_err(|error| {
                let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), with_causes);
                format!("no portal answers at {}: {why}", self.base)
            }),
            Err(_) => Err(format!("no portal answered at {} within {} s", self.base, limit.as_secs())),
        }
    }

    /// Starts gateway, driver and browser; profiles go into the private folder.
    ///
    /// # Errors
    ///
    /// What did not start and how to mend it, in words.
    pub async fn start(&self, private: &PrivateFolder) -> Result<Session, String> {
        let order = self;
        // A folder for this browser alone: a second one of the same run must not find the first one's profile.
        let folder = &private.browser_folder().map_err(|error| error.to_string())?;
        let policy = GatewayPolicy::new(order.map, order.base).ok_or("the base URL is no address of a web server")?;
        let upstream: Arc<dyn Upstream> = match order.upstream {
            Some(upstream) => Arc::clone(upstream),
            None => Arc::new(PortalLink::new(order.portal_ca).map_err(|error| with_causes(&error))?),
        };
        let (driver, installed) = match &order.browser.webdriver {
            Some(_) => (None, None),
            None => {
                let advise = |error: crate::portal::browser::BrowserError| {
                    format!("{}; mend it with: {}", with_causes(&error), error.advice())
                };
                let installed = find(order.browser.kind).map_err(advise)?;
                let driver = Driver::start(&installed, folder, &order.browser.network).await.map_err(advise)?;
                if let Some(group) = driver.group() {
                    // Before the browser is there: whatever dies from here on can be swept.
                    private.remember_driver(group).map_err(|error| error.to_string())?;
                }
                (Some(driver), Some(installed))
            }
        };
        let doorway = driver.as_ref().map_or_else(Doorway::of_this_machine, Driver::doorway);
        let doorway = doorway.map_err(|error| format!("the gateway cannot listen: {error}"))?;
        let gateway = Gateway::start(policy, upstream, doorway).map_err(|error| with_causes(&error))?;
        let address = gateway.address().to_string();
        let network = driver.as_ref().map_or(&Network::Shared(None), Driver::network);
        let options = SessionOptions {
            kind: order.browser.kind,
            program: installed.as_ref().map(|installed| installed.browser.as_path()),
            gateway: &address,
            folder,
            headed: order.browser.headed,
            profile: order.browser.profile,
        };
        let url = match (&driver, &order.browser.webdriver) {
            (Some(driver), _) => driver.url().to_owned(),
            (None, Some(url)) => url.to_string(),
            (None, None) => return Err("no driver".to_owned()),
        };
        let limit = Duration::from_secs(order.map.file.limits.ready_s + 10);
        let wire = Wire::open(&url, capabilities(&options), limit, network).await.map_err(|error| {
            let told = error.to_string();
            let sandbox = told.contains("sandbox")
                || told.contains("instance exited")
                || told.contains("crashed")
                || told.contains("DevToolsActivePort");
            let advice = "in a container, or as root, set browser_profile = \"container\"";
            if sandbox { format!("{told}; {advice}") } else { told }
        })?;
        Ok(Session { driver, wire: Arc::new(wire.paced(order.browser.pace)), gateway })
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::model::browser::BrowserNetwork;
    use crate::selectors::read::read;

    #[tokio::test]
    async fn a_portal_that_is_down_is_named() {
        let map = read("map".as_ref(), include_str!("../../selectors/reference.toml")).unwrap();
        let browser = BrowserOrder {
            kind: BrowserKind::Chromium,
            profile: BrowserProfile::Desktop,
            network: NetworkOrder::of_this_program(BrowserNetwork::Shared),
            headed: false,
            webdriver: None,
            pace: Duration::ZERO,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base: url::Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let target = Target { browser: &browser, map: &map, base: &base, portal_ca: None, upstream: None };
        target.answers().await.unwrap();
        drop(listener);
        let told = target.answers().await.unwrap_err();
        assert!(told.starts_with(&format!("no portal answers at {base}: ")) && told.contains("refused"), "{told}");
    }
}
