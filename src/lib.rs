//! Submits one approved change-freeze exception to a browser-only governance portal, at most once.
//!
//! A run takes a change record, enters it in the portal through a real browser, and commits it only while everything still
//! reconciles; otherwise it stops at a saved draft and leaves a note for whoever takes over.
//!
//! - [`model`]: the nouns. No I/O, no clock.
//! - [`decide`]: the rules. Facts in, a closed verdict out; pure.
//! - [`freeze_mode`]: whether a change freeze is on, and what lifts it; pure.
//! - [`selectors`]: how one portal is worked, written down in TOML, and applied to a record.
//! - [`mask`]: shows by permission; nothing leaves the process that has not passed it.
//! - [`gateway`]: the only way out of the browser; holds the commit request and releases it once.
//! - [`portal`]: the portal in a real browser.
//! - `netlink`: questions to the kernel about links and connections.
//! - [`sources`]: record, attachments, freeze calendar and freeze state, read anew whenever they are asked for.
//! - [`signatures`]: what approvers sign with their SSH keys, and whether they did; pure.
//! - [`seal`]: what the evidence is signed with, in the shapes that other tools verify.
//! - [`evidence`]: journal, documents and pictures of a run.
//! - [`report`]: a run as one HTML file, made of its evidence; pure.
//! - [`run`]: the stages that join all of these. It holds no rules.
//! - [`rejudge`]: what past runs recorded, judged once more; pure.
//! - [`recording`]: keeps a run as a fixture, with everything taken out of it that was not permitted, and replays fixtures.
//! - [`reference_portal`]: a portal to try it on, embedded.
//!
//! Imports point one way; `tests/rules/layering.rs` says which and fails on any other.

// This documentation is for those who work on the crate: what is for the crate alone is worth a link too.
#![allow(rustdoc::private_intra_doc_links)]
// These macros panic on a pipe that is closed, in the midst of a run. `cli::terminal` prints.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod cli;
pub mod decide;
pub mod diagnostic;
pub mod evidence;
pub mod freeze_mode;
pub mod gateway;
pub mod mask;
pub mod model;
mod netlink;
pub mod portal;
pub mod recording;
pub mod reference_portal;
pub mod rejudge;
pub mod report;
pub mod run;
pub mod seal;
pub mod selectors;
pub mod signatures;
#[cfg(test)]
mod simulation;
pub mod sources;
