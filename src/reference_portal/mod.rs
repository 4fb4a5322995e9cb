//! A small but stateful change-governance portal on loopback: the embedded default, and what the tests run against.
//!
//! Six tabs, accounts and sign-in, CSRF tokens, validation in the page and on the server, drafts, uploads with digests
//! computed by the server, a list of exceptions, a summary with a dialog before the commit, confirmation numbers. A truthful
//! [`oracle`] counts everything it received, and [`faults`] switch on what goes wrong in real portals.

pub mod example;
pub mod faults;
mod fields;
mod handlers;
pub mod oracle;
mod pages;
mod server;
mod state;

pub use server::{Portal, PortalError, Scheme};
pub use state::Moment;

/// Account that the embedded portal knows.
pub const ACCOUNT: &str = "release.engineer";
/// Its password. Not a secret: the portal exists on loopback only, for as long as the process runs.
pub const PASSWORD: &str = "correct-horse-battery-staple";
/// Words that a talkative portal carries, and that nothing kept may hold.
pub const CANARIES: [&str; 6] = ["Quimby", "quimby", "customer.example", "7c1fb2e9d4", "Refund", "1974-03-09"];
