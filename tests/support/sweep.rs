//! The suite and the sweep.

/// Whether this is the sweep: every cross product, which the suite takes samples of.
pub fn sweep() -> bool {
    std::env::var_os("TEST_SWEEP").is_some()
}
