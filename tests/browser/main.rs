//! Runs in real Chromium and real Firefox against portals on loopback. A missing browser fails them, with the command that
//! installs it.

#[path = "../support/ssh.rs"]
#[allow(dead_code, reason = "the tests of signatures need the rest of it")]
mod ssh;
#[path = "../support/mod.rs"]
mod support;

mod bench;
mod built;
mod commands;
mod crash;
mod drift;
mod faults;
mod frames;
mod held;
mod hostile;
mod interlock;
mod kinds;
mod masking;
mod masking_ways;
mod network;
mod notes;
mod pointer;
mod portals;
mod program;
mod replay;
mod resume;
mod stepwise;
mod submission;
mod verbs;
