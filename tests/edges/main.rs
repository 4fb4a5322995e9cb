//! The edges without a browser: the gateway, byte by byte, and change management over HTTP.

mod gateway;
#[path = "../support/lenient.rs"]
mod lenient;
mod servicenow;
mod smuggling;
