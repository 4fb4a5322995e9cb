//! What comes of a run, as far as it does not depend on when and where, and in what two of them differ.

pub mod difference;
pub mod summary;
