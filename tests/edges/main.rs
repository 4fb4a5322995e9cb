//! The edges without a browser: the gateway, byte by byte, and change management over HTTP.

mod gateway;
#[path = "../support/lenient.rs"]
mod lenient;
#[path = "../support/proof.rs"]
mod proof;
mod servicenow;
mod smuggling;
