//! The only way out of the browser: a forward proxy in the agent's own process.
//!
//! It lets pass what the selector map declares, and holds the one request that commits. Because it lives in this process,
//! nothing that is held can leave once the agent is dead; because the browser knows no other way out, nothing that the page
//! does (a second tab, a worker, a beacon) goes around it. [`interlock`] decides, without I/O; [`proxy`]
//! carries out; `hold` keeps the request that commits, and [`control`] is where a run lets it go.
//!
//! Refused by design: origins outside the map, undeclared unsafe requests, protocol upgrades, tunnels that are not TLS,
//! method overrides. The portal's certificate is verified here, since the browser sees only the run's own authority.
//!
#![doc = include_str!("README.md")]

pub mod authority;
pub mod content;
pub mod control;
pub mod doorway;
mod head;
mod hold;
pub mod intake;
pub mod interlock;
pub mod json;
pub mod policy;
pub mod proxy;
pub mod refuse;
pub mod upstream;
