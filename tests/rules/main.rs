//! Rules that need no network and no browser: facts in, a verdict, a document or an error out.

mod calendar;
mod decide_table;
mod decisions;
mod journal;
mod layering;
mod mistakes;
mod readme;
mod signatures;
#[path = "../support/ssh.rs"]
mod ssh;
mod tampering;
