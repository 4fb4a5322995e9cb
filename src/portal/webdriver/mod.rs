//! The portal in a real browser.
//!
//! [`wire`] sends commands, `frames` to which document, [`ask`] puts questions to the page and [`answer`] reads what it says,
//! `enter` types, `steps` works what is more than plain elements, `pointer` clicks, `pages` opens and waits, `picture` takes
//! masked pictures.
//!
//! On these stand the portal's verbs: `session` signs in, `tabs` works the form, `shown` reads lists and pages of
//! values, `commit` saves and commits, and `verbs` hands each verb to the file of its subject.

pub mod answer;
pub mod ask;
mod bounds;
mod commit;
mod enter;
mod frames;
pub(crate) mod outline;
mod pages;
mod picture;
mod pointer;
mod rectangles;
mod session;
mod shown;
mod steps;
mod tabs;
mod verbs;
pub mod wire;
mod world;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::gateway::control::Control;
use crate::mask::masked::MaskGate;
use crate::model::browser::BrowserKind;
use crate::model::ids::TabId;
use crate::selectors::read::SelectorMap;
use wire::{ElementRef, Wire};

/// Name and password for the portal.
#[derive(Clone)]
pub struct Credentials {
    /// Account name.
    pub user: String,
    pub password: SecretString,
}

/// What the browser edge needs to know of a run.
pub struct WebPortalConfig {
    /// The selector map.
    pub map: Arc<SelectorMap>,
    /// Base URL in effect.
    pub base: url::Url,
    /// The gateway that the browser was given.
    pub control: Control,
    /// The gate for pictures.
    pub gate: Arc<MaskGate>,
    /// The browser, which decides how days and times are typed.
    pub browser: BrowserKind,
    /// For signing in.
    pub credentials: Credentials,
    /// Service identifier, for the list of exceptions.
    pub service: String,
    /// Change id, for the list of exceptions.
    pub change: String,
}

/// The one click that is left before the commit.
#[derive(Debug)]
enum LastClick {
    /// Of this button.
    Button(ElementRef),
    /// Of the button of the browser's own dialog that agrees.
    NativeDialog,
}

/// The portal in a real browser.
pub struct WebPortal {
    wire: Arc<Wire>,
    config: WebPortalConfig,
    document: f64,
    current: Option<TabId>,
    last: Option<LastClick>,
    /// How often the portal had led on to its sign-in page when the agent signed in.
    sign_outs: u64,
    /// What stood where the confirmation number will, before the last click.
    number_before: Option<String>,
    /// Whether pages of this portal let a request of their own reach the gateway.
    marks: bool,
}

impl WebPortal {
    /// A portal over an open session.
    pub fn new(wire: Arc<Wire>, config: WebPortalConfig) -> Self {
        Self { wire, config, document: 0.0, current: None, last: None, sign_outs: 0, number_before: None, marks: true }
    }

    /// Lists are of this service and this change from now on.
    pub(crate) fn concern(&mut self, service: String, change: String) {
        self.config.service = service;
        self.config.change = change;
    }

    fn map(&self) -> &crate::selectors::schema::MapFile {
        &self.config.map.file
    }

    fn ready_limit(&self) -> Duration {
        Duration::from_secs(self.map().limits.ready_s)
    }
}
