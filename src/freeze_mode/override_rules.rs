//! When an override counts: every rule, and the name under which breaking it is reported.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::model::freeze_terms::OverrideTerms;
use crate::model::time::Instant;

/// Shortest life of an override, in hours.
pub(crate) const SHORTEST_HOURS: u8 = 1;
/// Longest life of an override, in hours.
pub(crate) const LONGEST_HOURS: u8 = 24;
/// Shortest justification, in characters.
pub(crate) const SHORTEST_JUSTIFICATION: usize = 50;
/// The environment whose reviewers approve overrides.
pub(crate) const ENVIRONMENT: &str = "release-override";

/// A rule that an override breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverrideFault {
    /// `active` is false.
    Inactive,
    /// It does not say when it was set.
    Undated,
    /// It was set in the future.
    SetInFuture,
    /// The freeze does not say since when it is on, so nothing can be shown to come after it.
    FreezeUndated,
    /// It was not set after the freeze.
    NotAfterFreeze,
    /// It does not say when it ends.
    Endless,
    EndsBeforeStart,
    /// It lasts less than [`SHORTEST_HOURS`].
    TooShort,
    /// It lasts longer than [`LONGEST_HOURS`].
    TooLong,
    /// It has ended.
    Expired,
    /// The justification is shorter than [`SHORTEST_JUSTIFICATION`].
    JustificationTooShort,
    /// The ticket is no web address.
    TicketNotUrl,
    /// It was not approved through [`ENVIRONMENT`].
    NotApprovedViaEnvironment,
    /// It does not say who approved it.
    NoApprover,
}

impl OverrideFault {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Undated => "undated",
            Self::SetInFuture => "set-in-future",
            Self::FreezeUndated => "freeze-undated",
            Self::NotAfterFreeze => "not-after-freeze",
            Self::Endless => "endless",
            Self::EndsBeforeStart => "ends-before-start",
            Self::TooShort => "too-short",
            Self::TooLong => "too-long",
            Self::Expired => "expired",
            Self::JustificationTooShort => "justification-too-short",
            Self::TicketNotUrl => "ticket-not-url",
            Self::NotApprovedViaEnvironment => "not-approved-via-environment",
            Self::NoApprover => "no-approver",
        }
    }
}

impl fmt::Display for OverrideFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive => f.write_str("`active` is false"),
            Self::Undated => f.write_str("`set_at` is missing"),
            Self::SetInFuture => f.write_str("`set_at` lies in the future"),
            Self::FreezeUndated => f.write_str("the freeze has no `set_at`, so nothing can be shown to come after it"),
            Self::NotAfterFreeze => f.write_str("it was not set after the freeze"),
            Self::Endless => f.write_str("`expires_at` is missing"),
            Self::EndsBeforeStart => f.write_str("it ends before it starts"),
            Self::TooShort => write!(f, "it lasts less than {SHORTEST_HOURS} hour"),
            Self::TooLong => write!(f, "it lasts longer than {LONGEST_HOURS} hours"),
            Self::Expired => f.write_str("it has expired"),
            Self::JustificationTooShort => {
                write!(f, "the justification has fewer than {SHORTEST_JUSTIFICATION} characters")
            }
            Self::TicketNotUrl => f.write_str("`ticket_url` is not a web address"),
            Self::NotApprovedViaEnvironment => {
                write!(f, "it was not approved through the environment `{ENVIRONMENT}`")
            }
            Self::NoApprover => f.write_str("`approved_by` names nobody"),
        }
    }
}

/// Every rule that `over` breaks at `now` against a freeze set at `frozen_at`; it counts when there is none.
pub fn faults(over: &OverrideTerms, frozen_at: Option<Instant>, now: Instant) -> Vec<OverrideFault> {
    let mut faults = Vec::new();
    let mut rule = |holds: bool, fault| {
        if !holds {
            faults.push(fault);
        }
    };
    rule(over.active, OverrideFault::Inactive);
    rule(over.set_at.is_some(), OverrideFault::Undated);
    rule(over.set_at.is_none_or(|set| set <= now), OverrideFault::SetInFuture);
    rule(frozen_at.is_some(), OverrideFault::FreezeUndated);
    if let (Some(set), Some(frozen)) = (over.set_at, frozen_at) {
        rule(set > frozen, OverrideFault::NotAfterFreeze);
    }
    rule(over.expires_at.is_some(), OverrideFault::Endless);
    if let (Some(set), Some(end)) = (over.set_at, over.expires_at) {
        rule(set < end, OverrideFault::EndsBeforeStart);
        let life = end.timestamp().duration_since(set.timestamp());
        rule(set >= end || life >= SignedDuration::from_hours(SHORTEST_HOURS.into()), OverrideFault::TooShort);
        // The published workflow reads the clock once for each of the two times.
        let longest = SignedDuration::from_hours(LONGEST_HOURS.into()) + SignedDuration::from_mins(1);
        rule(life <= longest, OverrideFault::TooLong);
    }
    rule(over.expires_at.is_none_or(|end| now < end), OverrideFault::Expired);
    rule(over.justification_chars >= SHORTEST_JUSTIFICATION, OverrideFault::JustificationTooShort);
    rule(over.ticket_is_url, OverrideFault::TicketNotUrl);
    rule(over.via_environment, OverrideFault::NotApprovedViaEnvironment);
    rule(over.names_approver, OverrideFault::NoApprover);
    faults
}

/// Whether a text can name somebody.
pub(super) fn says_who(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<Instant> {
        Some(Instant::parse(text).unwrap())
    }

    fn good() -> OverrideTerms {
        OverrideTerms {
            active: true,
            set_at: at("2026-01-08T10:00:00Z"),
            expires_at: at("2026-01-09T10:00:00Z"),
            justification_chars: 50,
            ticket_is_url: true,
            via_environment: true,
            names_approver: true,
        }
    }

    fn broken(change: impl FnOnce(&mut OverrideTerms)) -> Vec<OverrideFault> {
        let mut over = good();
        change(&mut over);
        faults(&over, at("2026-01-08T08:00:00Z"), at("2026-01-08T12:00:00Z").unwrap())
    }

    #[test]
    fn an_override_that_keeps_every_rule_counts() {
        assert_eq!(broken(|_| {}), []);
    }

    #[test]
    fn an_override_of_exactly_an_hour_counts() {
        let hour = (at("2026-01-08T11:30:00Z"), at("2026-01-08T12:30:00Z"));
        assert_eq!(broken(|o| (o.set_at, o.expires_at) = hour), []);
        assert_eq!(broken(|o| o.expires_at = at("2026-01-09T10:00:01Z")), []);
    }

    #[test]
    fn every_rule_is_reported_by_its_own_name() {
        assert_eq!(broken(|o| o.active = false), [OverrideFault::Inactive]);
        assert_eq!(broken(|o| o.set_at = None), [OverrideFault::Undated]);
        assert_eq!(broken(|o| o.set_at = at("2026-01-08T12:00:00.001Z")), [OverrideFault::SetInFuture]);
        assert_eq!(broken(|o| o.expires_at = None), [OverrideFault::Endless]);
        assert_eq!(broken(|o| o.expires_at = at("2026-01-09T10:01:00.001Z")), [OverrideFault::TooLong]);
        let brief = broken(|o| (o.set_at, o.expires_at) = (at("2026-01-08T11:30:00Z"), at("2026-01-08T12:29:59.999Z")));
        assert_eq!(brief, [OverrideFault::TooShort]);
        assert_eq!(broken(|o| o.expires_at = at("2026-01-08T12:00:00Z")), [OverrideFault::Expired]);
        assert_eq!(broken(|o| o.justification_chars = 49), [OverrideFault::JustificationTooShort]);
        assert_eq!(broken(|o| o.ticket_is_url = false), [OverrideFault::TicketNotUrl]);
        assert_eq!(broken(|o| o.via_environment = false), [OverrideFault::NotApprovedViaEnvironment]);
        assert_eq!(broken(|o| o.names_approver = false), [OverrideFault::NoApprover]);
        let backwards = broken(|o| o.expires_at = at("2026-01-08T09:00:00Z"));
        assert_eq!(backwards, [OverrideFault::EndsBeforeStart, OverrideFault::Expired]);
    }

    #[test]
    fn an_override_counts_only_after_the_freeze() {
        let now = at("2026-01-08T12:00:00Z").unwrap();
        for (frozen_at, expected) in [
            (at("2026-01-08T09:59:59Z"), None),
            (at("2026-01-08T10:00:00Z"), Some(OverrideFault::NotAfterFreeze)),
            (at("2026-01-08T11:00:00Z"), Some(OverrideFault::NotAfterFreeze)),
            (None, Some(OverrideFault::FreezeUndated)),
        ] {
            assert_eq!(faults(&good(), frozen_at, now).first().copied(), expected);
        }
    }

    #[test]
    fn twenty_four_hours_are_counted_in_real_time_across_a_clock_change() {
        let mut over = good();
        // The clocks go forward in between: a day on the wall, 23 hours in fact.
        over.set_at = at("2026-03-28T12:00:00[Europe/Berlin]");
        over.expires_at = at("2026-03-29T13:00:00[Europe/Berlin]");
        let now = at("2026-03-28T13:00:00[Europe/Berlin]").unwrap();
        assert_eq!(faults(&over, at("2026-03-28T00:00:00Z"), now), []);
    }
}
