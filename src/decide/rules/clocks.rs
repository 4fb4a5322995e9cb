//! Whether this host's clock can be believed: approvals, windows and claims are judged by it.

use crate::model::time::{Instant, duration};

/// Two clocks that lie too far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this host's clock shows {}, and the portal's {}: they are {} apart, and `clock_tolerance_s` of the selector map lets {} pass; set \
     the clock that is wrong (this host's: `timedatectl set-ntp true`)",
    host.whole_seconds(),
    portal.whole_seconds(),
    duration(host.seconds_since(*portal).saturating_abs()),
    duration(*tolerance_s)
)]
pub(crate) struct ClocksApart {
    host: Instant,
    portal: Instant,
    tolerance_s: i64,
}

/// Compares this host's clock with the portal's, read at the same time.
///
/// # Errors
///
/// [`ClocksApart`]: they differ by more than `tolerance_s` seconds. Which of them is wrong a person finds out.
pub(crate) fn agree(host: Instant, portal: Instant, tolerance_s: i64) -> Result<(), ClocksApart> {
    let apart = host.seconds_since(portal).saturating_abs();
    if apart > tolerance_s { Err(ClocksApart { host, portal, tolerance_s }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_further_apart_than_the_map_lets_pass_are_both_named() {
        let at = |text| Instant::parse(text).unwrap();
        let portal = at("2026-12-04T02:00:00Z");
        for (host, agrees) in [
            ("2026-12-04T02:02:00.9Z", true),
            ("2026-12-04T02:02:01Z", false),
            ("2026-12-04T01:58:00Z", true),
            ("2026-12-04T01:57:59Z", false),
        ] {
            assert_eq!(agree(at(host), portal, 120).is_ok(), agrees, "{host}");
        }
        let told = agree(at("2026-12-04T02:07:00.123Z"), portal, 120).unwrap_err().to_string();
        assert!(told.contains("2026-12-04T02:07:00Z") && told.contains("2026-12-04T02:00:00Z"), "{told}");
        assert!(told.contains("7 min apart") && told.contains("lets 2 min pass"), "{told}");
    }
}
