//! The program as a person or a script starts it, without a browser: input that is wrong, and the change freeze.

mod bad_input;
mod first_steps;
mod freeze_gate;
mod help;
mod secrets;
#[path = "../support/sweep.rs"]
mod sweep;
