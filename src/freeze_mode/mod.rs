//! Change freeze mode: a freeze that the error budget switches on, that only a person ends, and that an override lifts
//! for a few hours without ending it.
//!
//! Texts and a time in, a closed verdict out. Imports only `model`; opens no file and reads no clock.
//!
#![doc = include_str!("README.md")]

pub mod budget;
pub mod gate;
pub mod grant;
pub mod message;
pub mod override_file;
pub mod override_rules;
pub mod state_file;
