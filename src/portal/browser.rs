//! Finds an installed browser and its driver, and says with what the browser is to be started.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::model::browser::{BrowserKind, BrowserProfile};

/// Why there is no browser.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// No browser of this kind.
    #[error("no {kind} is installed (looked for {looked_for})")]
    NoBrowser {
        /// Which.
        kind: BrowserKind,
        /// Names that were tried.
        looked_for: String,
    },
    #[error("no {name} is installed")]
    NoDriver {
        /// Which.
        name: &'static str,
    },
    /// The driver did not start.
    #[error("{name} did not start")]
    Start {
        /// Which.
        name: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no network of its own for it.
    #[error("the browser cannot have a network of its own")]
    NoNetwork(#[source] std::io::Error),
    /// The driver did not say where it listens.
    #[error("{name} did not say on which port it listens{}", after_colon(said))]
    NoPort {
        /// Which.
        name: &'static str,
        /// Its last line, before anything was typed; empty if it said nothing.
        said: String,
    },
}

fn after_colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl BrowserError {
    /// The command that mends it, on Debian.
    pub fn advice(&self) -> String {
        match self {
            Self::NoBrowser { kind: BrowserKind::Chromium, .. } => "apt-get install chromium chromium-driver".into(),
            Self::NoBrowser { kind: BrowserKind::Firefox, .. } => "apt-get install firefox-esr".into(),
            Self::NoDriver { name: "geckodriver" } => "cargo install geckodriver --locked".into(),
            Self::NoDriver { .. } => "apt-get install chromium-driver".into(),
            Self::NoNetwork(_) => "allow user namespaces (sysctl user.max_user_namespaces, \
                                   kernel.apparmor_restrict_unprivileged_userns), or set browser_network = \"auto\""
                .into(),
            Self::Start { name, .. } | Self::NoPort { name, .. } => {
                format!("run `{name} --version`; if that works, start one yourself and name it with --webdriver URL")
            }
        }
    }
}

/// An installed browser with its driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Which browser.
    pub kind: BrowserKind,
    /// Its program.
    pub browser: PathBuf,
    /// Its driver's program.
    pub driver: PathBuf,
}

/// The driver's program for a kind of browser.
pub(crate) fn driver_name(kind: BrowserKind) -> &'static str {
    match kind {
        BrowserKind::Chromium => "chromedriver",
        BrowserKind::Firefox => "geckodriver",
    }
}

/// Looks for the browser and its driver on the path.
///
/// # Errors
///
/// [`BrowserError::NoBrowser`], [`BrowserError::NoDriver`].
pub fn find(kind: BrowserKind) -> Result<Installed, BrowserError> {
    let names: &[&str] = match kind {
        BrowserKind::Chromium => &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
        BrowserKind::Firefox => &["firefox-esr", "firefox"],
    };
    let browser = names
        .iter()
        .find_map(|name| which::which(name).ok())
        .ok_or_else(|| BrowserError::NoBrowser { kind, looked_for: names.join(", ") })?;
    let name = driver_name(kind);
    let driver = which::which(name).map_err(|_| BrowserError::NoDriver { name })?;
    Ok(Installed { kind, browser, driver })
}

/// What the browser is started with.
#[derive(Debug, Clone, Copy)]
pub struct SessionOptions<'a> {
    /// Which browser.
    pub kind: BrowserKind,
    /// Its program; none with a remote driver, which knows its own.
    pub program: Option<&'a Path>,
    /// Gateway, as `host:port`.
    pub gateway: &'a str,
    /// Folder for the profile, where the driver does not choose one itself.
    pub folder: &'a Path,
    /// With a window.
    pub headed: bool,
    /// Confinement.
    pub profile: BrowserProfile,
}

/// Width and height of the window, in CSS pixels: tall, so that a tab fits one picture.
pub(crate) const WINDOW: (u32, u32) = (1280, 2000);

/// Capabilities for a new session whose every request goes to the gateway.
pub fn capabilities(options: &SessionOptions<'_>) -> Map<String, Value> {
    let mut capabilities = Map::new();
    let mut set = |name: &str, value: Value| capabilities.insert(name.to_owned(), value);
    // A command must never wait for a page: a held commit would block it.
    set("pageLoadStrategy", json!("none"));
    set("unhandledPromptBehavior", json!("ignore"));
    // Questions to the page are asked from a world of their own, which only WebDriver BiDi has.
    set("webSocketUrl", json!(true));
    // The browser sees the run's own authority; the gateway verifies the portal's certificate.
    set("acceptInsecureCerts", json!(true));
    let (width, height) = WINDOW;
    match options.kind {
        BrowserKind::Chromium => {
            let mut arguments = vec![
                format!("--user-data-dir={}", options.folder.join("profile").display()),
                format!("--window-size={width},{height}"),
            ];
            // Not a port, which every account of the machine could connect to.
            arguments.push("--remote-debugging-pipe".into());
            arguments.extend(CHROMIUM.iter().map(|text| (*text).to_owned()));
            if !options.headed {
                arguments.push("--headless=new".into());
            }
            match options.profile {
                BrowserProfile::Desktop => {}
                BrowserProfile::Container => {
                    // Without a graphics card, drawing as if there were one costs more than drawing plainly.
                    arguments.extend(["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"].map(String::from));
                }
            }
            let blocked: Map<String, Value> =
                CHROMIUM_BLOCKED.iter().map(|name| ((*name).to_owned(), json!(2))).collect();
            let preferences = json!({
                "credentials_enable_service": false,
                "profile.password_manager_enabled": false,
                "autofill.profile_enabled": false,
                "translate.enabled": false,
                "download_restrictions": ALL_DOWNLOADS,
                "profile.default_content_setting_values": blocked,
            });
            let mut chrome = json!({ "args": arguments, "prefs": preferences });
            if let Some(program) = options.program {
                chrome["binary"] = json!(program);
            }
            set("browserName", json!("chrome"));
            set("goog:chromeOptions", chrome);
            // Chromium otherwise goes around the proxy for loopback.
            set(
                "proxy",
                json!({
                    "proxyType": "manual", "httpProxy": options.gateway, "sslProxy": options.gateway, "noProxy": ["<-loopback>"],
                }),
            );
        }
        BrowserKind::Firefox => {
            let mut arguments = vec![format!("--width={width}"), format!("--height={height}")];
            if !options.headed {
                arguments.push("-headless".into());
            }
            let preferences: Map<String, Value> =
                FIREFOX.iter().map(|(name, value)| ((*name).to_owned(), value.to_json())).collect();
            let mut firefox = json!({ "args": arguments, "prefs": preferences });
            firefox["prefs"]["browser.download.folderList"] = json!(2);
            firefox["prefs"]["browser.download.dir"] = json!(options.folder.join("downloads"));
            firefox["prefs"]["browser.download.useDownloadDir"] = json!(false);
            if let Some(program) = options.program {
                firefox["binary"] = json!(program);
            }
            set("browserName", json!("firefox"));
            set("moz:firefoxOptions", firefox);
            set("proxy", json!({ "proxyType": "manual", "httpProxy": options.gateway, "sslProxy": options.gateway }));
        }
    }
    capabilities
}

/// Chromium's preference by which every download is refused.
const ALL_DOWNLOADS: u8 = 3;

/// No traffic of the browser's own, no way around the proxy, nothing remembered, no parts that the agent never uses, no throttling of
/// a window in the background.
const CHROMIUM: &[&str] = &[
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-extensions-with-background-pages",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    // The list below the address bar is a page of the browser's own, and costs half of what starting it does.
    "--disable-features=Translate,MediaRouter,OptimizationHints,AutofillServerCommunication,HttpsUpgrades,WebUIOmniboxPopup,\
     WebUIOmniboxAimPopup",
    "--disable-quic",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--hide-scrollbars",
    // Names are the gateway's to look up: a page's hints to prefetch reach nobody.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--lang=en-US",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    // Abilities that the agent never uses.
    "--deny-permission-prompts",
    "--disable-3d-apis",
    "--disable-file-system",
    "--disable-notifications",
    "--disable-presentation-api",
    "--disable-print-preview",
    "--disable-remote-playback-api",
    "--disable-speech-api",
    "--mute-audio",
    "--no-pings",
];

/// What sites may not do in Chromium, whatever they ask: 2 is "block".
const CHROMIUM_BLOCKED: &[&str] = &[
    "ar",
    "automatic_downloads",
    "background_sync",
    "bluetooth_guard",
    "bluetooth_scanning",
    "clipboard",
    "file_system_read_guard",
    "file_system_write_guard",
    "geolocation",
    "hid_guard",
    "idle_detection",
    "local_fonts",
    "media_stream_camera",
    "media_stream_mic",
    "midi_sysex",
    "notifications",
    "payment_handler",
    "sensors",
    "serial_guard",
    "usb_guard",
    "vr",
    "window_placement",
];

enum Preference {
    Flag(bool),
    Number(i64),
    Text(&'static str),
}

impl Preference {
    fn to_json(&self) -> Value {
        match self {
            Self::Flag(flag) => json!(flag),
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text),
        }
    }
}

const FIREFOX: &[(&str, Preference)] = &[
    ("app.normandy.enabled", Preference::Flag(false)),
    ("app.update.auto", Preference::Flag(false)),
    ("browser.contentblocking.report.lockwise.enabled", Preference::Flag(false)),
    ("browser.discovery.enabled", Preference::Flag(false)),
    ("browser.region.network.url", Preference::Text("")),
    ("browser.safebrowsing.downloads.enabled", Preference::Flag(false)),
    ("browser.safebrowsing.malware.enabled", Preference::Flag(false)),
    ("browser.safebrowsing.phishing.enabled", Preference::Flag(false)),
    ("browser.search.update", Preference::Flag(false)),
    ("datareporting.policy.dataSubmissionEnabled", Preference::Flag(false)),
    ("datareporting.healthreport.uploadEnabled", Preference::Flag(false)),
    ("dom.security.https_first", Preference::Flag(false)),
    ("extensions.enabledScopes", Preference::Number(0)),
    ("extensions.getAddons.cache.enabled", Preference::Flag(false)),
    ("extensions.update.enabled", Preference::Flag(false)),
    ("layout.css.devPixelsPerPx", Preference::Text("1.0")),
    ("media.peerconnection.enabled", Preference::Flag(false)),
    ("network.captive-portal-service.enabled", Preference::Flag(false)),
    ("network.connectivity-service.enabled", Preference::Flag(false)),
    ("network.dns.disablePrefetch", Preference::Flag(true)),
    ("network.http.http3.enable", Preference::Flag(false)),
    ("network.prefetch-next", Preference::Flag(false)),
    // The gateway for loopback too, and never a direct connection when it is gone.
    ("network.proxy.allow_hijacking_localhost", Preference::Flag(true)),
    ("network.proxy.failover_direct", Preference::Flag(false)),
    ("network.proxy.no_proxies_on", Preference::Text("")),
    ("network.trr.mode", Preference::Number(5)),
    ("security.OCSP.enabled", Preference::Number(0)),
    ("services.settings.server", Preference::Text("data:,")),
    ("signon.rememberSignons", Preference::Flag(false)),
    ("toolkit.telemetry.enabled", Preference::Flag(false)),
    // Nothing is made ready for tabs that nobody will open.
    ("browser.newtab.preload", Preference::Flag(false)),
    ("browser.newtabpage.enabled", Preference::Flag(false)),
    ("browser.startup.page", Preference::Number(0)),
    ("browser.tabs.remote.separatePrivilegedContentProcess", Preference::Flag(false)),
    ("dom.ipc.processPrelaunch.enabled", Preference::Flag(false)),
    ("dom.ipc.processPrelaunch.fission.number", Preference::Number(0)),
    // Abilities that the agent never uses; 2 is "block".
    ("dom.gamepad.enabled", Preference::Flag(false)),
    ("dom.push.enabled", Preference::Flag(false)),
    ("dom.vr.enabled", Preference::Flag(false)),
    ("dom.webmidi.enabled", Preference::Flag(false)),
    ("dom.webnotifications.enabled", Preference::Flag(false)),
    ("geo.enabled", Preference::Flag(false)),
    ("media.navigator.enabled", Preference::Flag(false)),
    ("media.webspeech.synth.enabled", Preference::Flag(false)),
    ("network.webtransport.enabled", Preference::Flag(false)),
    ("permissions.default.camera", Preference::Number(2)),
    ("permissions.default.desktop-notification", Preference::Number(2)),
    ("permissions.default.geo", Preference::Number(2)),
    ("permissions.default.microphone", Preference::Number(2)),
    ("webgl.disabled", Preference::Flag(true)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_is_given_up_in_the_container_profile_alone() {
        let options = |profile| SessionOptions {
            kind: BrowserKind::Chromium,
            program: None,
            gateway: "127.0.0.1:1",
            folder: Path::new("f"),
            headed: false,
            profile,
        };
        let text = |profile| Value::Object(capabilities(&options(profile))).to_string();
        assert!(text(BrowserProfile::Container).contains("--no-sandbox"));
        assert!(!text(BrowserProfile::Desktop).contains("--no-sandbox"));
    }
}
