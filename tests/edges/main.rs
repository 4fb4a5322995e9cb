//! The edges without a browser: the gateway, byte by byte, change management over HTTP, and a driver that does not come up.

mod driver;
mod gateway;
#[path = "../support/lenient.rs"]
mod lenient;
#[path = "../support/proof.rs"]
mod proof;
mod servicenow;
mod smuggling;
