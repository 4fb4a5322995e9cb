//! Which browser works the portal, and how it is confined.

use std::fmt;

/// Browsers that the agent works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum BrowserKind {
    /// Chromium, or Google Chrome.
    Chromium,
    /// Firefox.
    Firefox,
}

impl fmt::Display for BrowserKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        })
    }
}

/// How the browser is confined by the system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrowserProfile {
    /// With the browser's own sandbox. The default.
    #[default]
    Desktop,
    /// For containers and tests, where the browser's sandbox cannot work: without it.
    Container,
}

/// Which network driver and browser are in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrowserNetwork {
    /// One of their own, where the system allows it; else the machine's. The default.
    #[default]
    Auto,
    /// One of their own, or no browser.
    Own,
    /// The machine's, in which other accounts reach the driver.
    Shared,
}
