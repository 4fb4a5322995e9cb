//! The freeze gate: whether a release may go on.

use serde::{Deserialize, Serialize};

use super::override_rules::{OverrideFault, faults};
use crate::model::freeze_terms::{FreezeTerms, OverrideTerms, ReleaseMode, StateReading};
use crate::model::time::Instant;

/// What the organisation decides about the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatePolicy {
    /// Whether a freeze blocks the publication of pages.
    pub pages_blocked: bool,
}

impl Default for GatePolicy {
    fn default() -> Self {
        Self { pages_blocked: true }
    }
}

/// Whether a release may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateVerdict {
    /// It may.
    Passes(PassReason),
    /// The freeze blocks it.
    Blocked(Blocked),
    /// Nobody can tell, so it may not.
    Broken(BrokenState),
}

/// Why a release may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PassReason {
    /// No freeze was ever set.
    NeverFrozen,
    /// The settings look for no freeze state.
    Unconfigured,
    /// A person ended the freeze.
    ResetByHuman,
    /// The freeze does not block pages here.
    PagesNotBlocked,
    /// An override counts, until then.
    Override {
        /// First moment at which it no longer counts.
        until: Instant,
    },
    /// Hotfixes always pass. With what kept the state from being read, where something did.
    Hotfix(Option<BrokenState>),
}

/// Why a release is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// Why releases are frozen.
    pub ground: Ground,
    /// Why no override lifts it.
    pub over: NoOverride,
}

/// Why releases are frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// A freeze is on.
    Active,
    /// The state says that it is off, but no person said so.
    ResetNotByHuman,
}

/// Why no override lifts the freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoOverride {
    /// There is none.
    Absent,
    /// There is one, and it breaks these rules; at least one.
    DoesNotCount(Vec<OverrideFault>),
}

/// What cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrokenState {
    /// The freeze state is not where it has to be.
    FreezeMissing,
    /// The freeze state cannot be read.
    FreezeUnreadable,
    /// A freeze is on, and the override that was named is not there.
    OverrideMissing,
    /// A freeze is on, and the override cannot be read.
    OverrideUnreadable,
}

impl GateVerdict {
    /// The stable name of why it came out so.
    pub fn why(&self) -> &'static str {
        match self {
            Self::Passes(PassReason::NeverFrozen) => "never-frozen",
            Self::Passes(PassReason::Unconfigured) => "unconfigured",
            Self::Passes(PassReason::ResetByHuman) => "reset-by-human",
            Self::Passes(PassReason::PagesNotBlocked) => "pages-not-blocked",
            Self::Passes(PassReason::Override { .. }) => "override",
            Self::Passes(PassReason::Hotfix(_)) => "hotfix",
            Self::Blocked(Blocked { ground: Ground::Active, .. }) => "freeze-active",
            Self::Blocked(Blocked { ground: Ground::ResetNotByHuman, .. }) => "reset-not-by-human",
            Self::Broken(state) => state.name(),
        }
    }
}

impl BrokenState {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::FreezeMissing => "freeze-missing",
            Self::FreezeUnreadable => "freeze-unreadable",
            Self::OverrideMissing => "override-missing",
            Self::OverrideUnreadable => "override-unreadable",
        }
    }
}

/// Judges one release at `now`.
///
/// An override is looked at only where a freeze is on and blocks this release: what it says, or that it cannot be read,
/// neither lets pass nor blocks anything else.
pub fn judge(
    mode: ReleaseMode,
    freeze: &StateReading<FreezeTerms>,
    over: &StateReading<OverrideTerms>,
    policy: GatePolicy,
    now: Instant,
) -> GateVerdict {
    let blocked_by_policy = match mode {
        ReleaseMode::Ga | ReleaseMode::Rc => true,
        ReleaseMode::Pages => policy.pages_blocked,
        ReleaseMode::Hotfix => {
            let broken = match judge(ReleaseMode::Ga, freeze, over, policy, now) {
                GateVerdict::Broken(state) => Some(state),
                GateVerdict::Passes(_) | GateVerdict::Blocked(_) => None,
            };
            return GateVerdict::Passes(PassReason::Hotfix(broken));
        }
    };
    let terms = match freeze {
        StateReading::Unconfigured => return GateVerdict::Passes(PassReason::Unconfigured),
        StateReading::Absent => return GateVerdict::Passes(PassReason::NeverFrozen),
        StateReading::Missing => return GateVerdict::Broken(BrokenState::FreezeMissing),
        StateReading::Unreadable => return GateVerdict::Broken(BrokenState::FreezeUnreadable),
        StateReading::Read(terms) => terms,
    };
    if !terms.in_force() {
        return GateVerdict::Passes(PassReason::ResetByHuman);
    }
    if !blocked_by_policy {
        return GateVerdict::Passes(PassReason::PagesNotBlocked);
    }
    let ground = if terms.frozen { Ground::Active } else { Ground::ResetNotByHuman };
    match over {
        StateReading::Missing => GateVerdict::Broken(BrokenState::OverrideMissing),
        StateReading::Unreadable => GateVerdict::Broken(BrokenState::OverrideUnreadable),
        StateReading::Unconfigured | StateReading::Absent => {
            GateVerdict::Blocked(Blocked { ground, over: NoOverride::Absent })
        }
        StateReading::Read(over) => match (faults(over, terms.set_at, now), over.expires_at) {
            (faults, Some(until)) if faults.is_empty() => GateVerdict::Passes(PassReason::Override { until }),
            (faults, _) => GateVerdict::Blocked(Blocked { ground, over: NoOverride::DoesNotCount(faults) }),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::freeze_terms::{SetBy, Tier};

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn frozen() -> FreezeTerms {
        FreezeTerms {
            frozen: true,
            set_by: SetBy::Automation,
            set_at: Some(at("2026-01-08T08:00:00Z")),
            tier: Some(Tier::Red),
        }
    }

    fn good() -> OverrideTerms {
        OverrideTerms {
            active: true,
            set_at: Some(at("2026-01-08T10:00:00Z")),
            expires_at: Some(at("2026-01-09T10:00:00Z")),
            justification_chars: 80,
            ticket_is_url: true,
            via_environment: true,
            names_approver: true,
        }
    }

    fn verdict(mode: ReleaseMode, freeze: StateReading<FreezeTerms>, over: StateReading<OverrideTerms>) -> GateVerdict {
        judge(mode, &freeze, &over, GatePolicy::default(), at("2026-01-08T12:00:00Z"))
    }

    #[test]
    fn a_freeze_blocks_everything_but_a_hotfix() {
        for mode in [ReleaseMode::Ga, ReleaseMode::Rc, ReleaseMode::Pages] {
            let blocked = Blocked { ground: Ground::Active, over: NoOverride::Absent };
            let verdict = verdict(mode, StateReading::Read(frozen()), StateReading::Absent);
            assert_eq!(verdict, GateVerdict::Blocked(blocked));
        }
        let hotfix = verdict(ReleaseMode::Hotfix, StateReading::Read(frozen()), StateReading::Absent);
        assert_eq!(hotfix, GateVerdict::Passes(PassReason::Hotfix(None)));
    }

    #[test]
    fn policy_opens_pages_and_nothing_else() {
        let policy = GatePolicy { pages_blocked: false };
        let now = at("2026-01-08T12:00:00Z");
        let freeze = StateReading::Read(frozen());
        for (mode, opened) in [(ReleaseMode::Ga, false), (ReleaseMode::Rc, false), (ReleaseMode::Pages, true)] {
            let verdict = judge(mode, &freeze, &StateReading::Absent, policy, now);
            assert_eq!(verdict == GateVerdict::Passes(PassReason::PagesNotBlocked), opened, "{mode}: {verdict:?}");
        }
        // A state that cannot be read blocks pages all the same.
        let unread = judge(ReleaseMode::Pages, &StateReading::Unreadable, &StateReading::Absent, policy, now);
        assert_eq!(unread, GateVerdict::Broken(BrokenState::FreezeUnreadable));
    }

    #[test]
    fn an_override_lifts_a_freeze_until_it_expires() {
        let over = StateReading::Read(good());
        let freeze = StateReading::Read(frozen());
        let until = at("2026-01-09T10:00:00Z");
        for (now, passes) in [("2026-01-09T09:59:59.999Z", true), ("2026-01-09T10:00:00Z", false)] {
            let verdict = judge(ReleaseMode::Ga, &freeze, &over, GatePolicy::default(), at(now));
            assert_eq!(verdict == GateVerdict::Passes(PassReason::Override { until }), passes, "{now}: {verdict:?}");
        }
    }

    #[test]
    fn an_override_that_cannot_be_read_breaks_the_gate_only_where_it_would_matter() {
        let reset = FreezeTerms { frozen: false, set_by: SetBy::Human, ..frozen() };
        for broken in [StateReading::Missing, StateReading::Unreadable] {
            let frozen = verdict(ReleaseMode::Rc, StateReading::Read(frozen()), broken.clone());
            assert!(matches!(frozen, GateVerdict::Broken(_)), "{frozen:?}");
            let free = verdict(ReleaseMode::Rc, StateReading::Absent, broken.clone());
            assert_eq!(free, GateVerdict::Passes(PassReason::NeverFrozen));
            let free = verdict(ReleaseMode::Rc, StateReading::Read(reset.clone()), broken);
            assert_eq!(free, GateVerdict::Passes(PassReason::ResetByHuman));
        }
    }

    fn moment() -> impl Strategy<Value = Option<Instant>> {
        let base = at("2026-01-08T08:00:00Z").timestamp();
        let near = (-200_000_i64..200_000)
            .prop_map(move |seconds| Some(Instant::from(base + jiff::SignedDuration::from_secs(seconds))));
        prop_oneof![1 => Just(None), 6 => near]
    }

    fn freeze_terms() -> impl Strategy<Value = FreezeTerms> {
        let set_by = prop_oneof![Just(SetBy::Human), Just(SetBy::Automation), Just(SetBy::Other), Just(SetBy::Nobody)];
        (any::<bool>(), set_by, moment()).prop_map(|(frozen, set_by, set_at)| FreezeTerms {
            frozen,
            set_by,
            set_at,
            tier: None,
        })
    }

    fn override_terms() -> impl Strategy<Value = OverrideTerms> {
        let any = any::<bool>;
        (any(), moment(), moment(), 40_usize..60, any(), any(), any()).prop_map(
            |(active, set_at, expires_at, justification_chars, ticket_is_url, via_environment, names_approver)| {
                OverrideTerms {
                    active,
                    set_at,
                    expires_at,
                    justification_chars,
                    ticket_is_url,
                    via_environment,
                    names_approver,
                }
            },
        )
    }

    fn reading<T: std::fmt::Debug + Clone>(terms: impl Strategy<Value = T>) -> impl Strategy<Value = StateReading<T>> {
        prop_oneof![
            1 => Just(StateReading::Absent),
            1 => Just(StateReading::Missing),
            1 => Just(StateReading::Unreadable),
            3 => terms.prop_map(StateReading::Read),
        ]
    }

    fn mode() -> impl Strategy<Value = ReleaseMode> {
        proptest::sample::select(ReleaseMode::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn nothing_but_a_hotfix_passes_where_the_freeze_is_broken(
            mode in mode(), missing in any::<bool>(), over in reading(override_terms()), pages_blocked in any::<bool>(),
            now in moment(),
        ) {
            let freeze = if missing { StateReading::Missing } else { StateReading::Unreadable };
            let now = now.unwrap_or(at("2026-01-08T12:00:00Z"));
            let verdict = judge(mode, &freeze, &over, GatePolicy { pages_blocked }, now);
            let passes = matches!(verdict, GateVerdict::Passes(_));
            prop_assert_eq!(passes, mode == ReleaseMode::Hotfix);
        }

        #[test]
        fn a_blocked_release_passes_only_on_an_override_that_keeps_every_rule(
            mode in mode(), freeze in freeze_terms(), over in override_terms(), now in moment(),
        ) {
            let now = now.unwrap_or(at("2026-01-08T12:00:00Z"));
            let readings = (StateReading::Read(freeze.clone()), StateReading::Read(over.clone()));
            let verdict = judge(mode, &readings.0, &readings.1, GatePolicy::default(), now);
            let frozen = freeze.frozen || freeze.set_by != SetBy::Human;
            let day = jiff::SignedDuration::from_hours(24);
            let counts = match (over.set_at, over.expires_at, freeze.set_at) {
                (Some(set), Some(end), Some(froze)) => {
                    over.active && froze < set && set <= now && now < end
                        && end.timestamp().duration_since(set.timestamp()) <= day
                        && over.justification_chars >= 50 && over.ticket_is_url
                        && over.via_environment && over.names_approver
                }
                _ => false,
            };
            let expected = mode == ReleaseMode::Hotfix || !frozen || counts;
            prop_assert_eq!(matches!(verdict, GateVerdict::Passes(_)), expected, "{:?}", verdict);
        }
    }
}
