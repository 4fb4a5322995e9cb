//! Freeze mode as the gate judges it: the two state files without their free texts, so that they can be kept and judged again.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Instant;

/// What is about to be released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseMode {
    /// General availability.
    Ga,
    /// Promotion of a release candidate.
    Rc,
    /// Publication of pages.
    Pages,
    /// Emergency hotfix. A freeze never blocks it.
    Hotfix,
}

impl ReleaseMode {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Ga, Self::Rc, Self::Pages, Self::Hotfix];

    /// Its name, as it is given to the gate.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ga => "ga",
            Self::Rc => "rc",
            Self::Pages => "pages",
            Self::Hotfix => "hotfix",
        }
    }
}

impl fmt::Display for ReleaseMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much of the error budget is left. A closed set: another name is a mistake in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Tier {
    /// Plenty.
    Green,
    /// Some was used.
    Yellow,
    /// Little is left.
    Orange,
    /// The freeze tier.
    Red,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Green => "GREEN",
            Self::Yellow => "YELLOW",
            Self::Orange => "ORANGE",
            Self::Red => "RED",
        })
    }
}

/// Who wrote the freeze state. Only the exact word `human` is a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetBy {
    /// `human`.
    Human,
    /// `automation`.
    Automation,
    /// Some other word.
    Other,
    /// Nobody is named.
    Nobody,
}

/// The freeze state as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeTerms {
    /// What `freeze_mode` says. Whether releases are frozen is for [`FreezeTerms::in_force`] to say.
    pub frozen: bool,
    /// Who wrote it.
    pub set_by: SetBy,
    /// Since when; none where the file does not say.
    pub set_at: Option<Instant>,
    /// Tier at which it was set; none where the file does not say.
    pub tier: Option<Tier>,
}

impl FreezeTerms {
    /// Whether releases are frozen: always, unless a person wrote that they are not.
    pub(crate) fn in_force(&self) -> bool {
        self.frozen || self.set_by != SetBy::Human
    }
}

/// An override as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideTerms {
    /// Whether it is switched on.
    pub active: bool,
    /// When it was set.
    pub set_at: Option<Instant>,
    /// First moment at which it no longer counts.
    pub expires_at: Option<Instant>,
    /// Length of the justification, in characters that say something: trimmed, runs of white space as one, invisible
    /// characters as none.
    pub justification_chars: usize,
    /// Whether the ticket is an `http` or `https` URL with a host.
    pub ticket_is_url: bool,
    /// Whether it was approved through the environment `release-override`, by exactly this name.
    pub via_environment: bool,
    /// Whether it names somebody who approved it there.
    pub names_approver: bool,
}

/// What came of looking for a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateReading<T> {
    /// The settings name no such state, and none is looked for. The freeze gate itself never says this.
    Unconfigured,
    /// Not there, where its absence means that it was never set.
    Absent,
    /// Not there, where it has to be.
    Missing,
    /// There, but it cannot be read, or does not say what such a state has to say.
    Unreadable,
    /// Read whole.
    Read(T),
}

/// Freeze mode as it was read: the state, and the override that may lift it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezeMode {
    /// The state.
    pub state: StateReading<FreezeTerms>,
    /// The override.
    pub release_override: StateReading<OverrideTerms>,
}

impl Default for FreezeMode {
    fn default() -> Self {
        Self { state: StateReading::Unconfigured, release_override: StateReading::Unconfigured }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_person_ends_a_freeze() {
        for frozen in [true, false] {
            for set_by in [SetBy::Human, SetBy::Automation, SetBy::Other, SetBy::Nobody] {
                let terms = FreezeTerms { frozen, set_by, set_at: None, tier: None };
                assert_eq!(terms.in_force(), !matches!((frozen, set_by), (false, SetBy::Human)), "{terms:?}");
            }
        }
    }

    #[test]
    fn a_reading_survives_being_kept() {
        let terms = FreezeTerms {
            frozen: true,
            set_by: SetBy::Other,
            set_at: Instant::parse("2026-01-08T08:00:00Z").ok(),
            tier: Some(Tier::Red),
        };
        for reading in [StateReading::Read(terms), StateReading::Absent, StateReading::Missing] {
            let kept = serde_json::to_string(&reading).unwrap();
            assert_eq!(serde_json::from_str::<StateReading<FreezeTerms>>(&kept).unwrap(), reading);
        }
    }
}
