//! Recordings: a run against a portal kept as a fixture, and fixtures replayed, by the whole agent, in a real browser, offline.
//!
//! - [`traffic`]: what was asked and answered, as it is heard, kept in the shape of HAR 1.2, and answered again.
//! - [`fixture`]: the folder of a recording, how it is written and read.
//! - [`scrub`]: takes out of what a portal sent everything that was not permitted; pure.
//! - [`record`]: scrubs what was heard of a run, writes it, and proves that what it wrote replays.
//! - [`player`]: replays, with the recording in the portal's place and its clock.
//! - [`compare`]: what comes of a run, and in what two of them differ.

pub mod compare;
pub mod fixture;
pub mod player;
pub mod record;
pub mod scrub;
pub mod traffic;
