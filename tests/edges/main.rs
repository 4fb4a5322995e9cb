//! The edges without a browser: the gateway, byte by byte, and change management over HTTP.

mod gateway;
mod servicenow;
