//! Recording: decides what may be kept, puts stand-ins in the place of the rest, and writes what replays.

mod bodies;
mod gate_words;
pub mod keeping;
pub mod placeholder;
pub mod recorder;
pub mod scrubbing;
mod secrets;
