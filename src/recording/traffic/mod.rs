//! The portal's traffic: one exchange, HAR 1.2 and back, the tap that listens to a run, and what
//! answers from a recording, by its time.

pub mod answering;
pub mod dial;
pub mod exchange;
pub mod exchanges;
pub mod shapes;
pub mod tap;
