//! Replays a fixture: the whole agent, with the recording in the portal's place and the recording's time.

pub mod clock;
pub mod replay;
