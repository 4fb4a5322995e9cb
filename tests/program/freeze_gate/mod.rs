//! The change freeze, as the program keeps it: gate, activation, override and status.

mod activation;
mod desk;
mod git;
mod git_elsewhere;
mod git_refused;
mod matrix;
mod overriding;
mod sparse;
mod status;
mod unanswered;
mod unwritable;
