//! Records a run against a portal as a fixture, and replays fixtures: the whole agent, in a real browser, offline, against the
//! recording and its clock.
//!
//! [`record`] runs, scrubs and proves that what it wrote replays; [`play`] replays; [`told`] says what comes of a run and
//! [`difference`] in what two tellings differ. What may be kept of a portal is decided in [`keeping`], and values that may not
//! get a stand-in in [`stand_in`].

mod bodies;
pub mod clock;
pub mod difference;
mod gate_words;
pub mod keeping;
pub mod play;
pub mod record;
pub mod scrubbing;
mod secrets;
pub mod stand_in;
pub mod told;
