//! What the organisation demands of windows in a freeze: which categories a blackout admits, lead times, longest windows.

use serde::{Deserialize, Serialize};

use super::calendar::Blackout;
use super::freeze_terms::ReleaseMode;
use super::ids::BlackoutId;

/// The freeze policy. What it does not say is not demanded; what it does not admit is not admitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezePolicy {
    /// Longest deployment window, in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_window_hours: Option<u32>,
    /// Least time from now to the begin of the window, in hours.
    #[serde(default)]
    pub lead_hours: u32,
    /// What freeze mode does to the publishing of pages.
    #[serde(default)]
    pub pages: PagesPolicy,
    /// Exception categories that have rules of their own.
    #[serde(default, rename = "category", skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<CategoryPolicy>,
    /// Blackouts that have rules of their own.
    #[serde(default, rename = "blackout", skip_serializing_if = "Vec::is_empty")]
    pub blackouts: Vec<BlackoutPolicy>,
}

/// What freeze mode does to the publishing of pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PagesPolicy {
    /// They wait until the freeze is over.
    #[default]
    Blocked,
    /// They may be published.
    Allowed,
}

/// Rules for one exception category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryPolicy {
    /// The category.
    pub name: String,
    /// As which kind of release freeze mode treats it; [`ReleaseMode::Ga`] when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ReleaseMode>,
    /// Least time from now to the begin of the window, in hours, instead of the general one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_hours: Option<u32>,
    /// Longest window, in hours, instead of the general one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_window_hours: Option<u32>,
}

/// Rules for some blackouts: those of an identifier, of a kind, or of both where both are named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlackoutPolicy {
    /// Identifier of the blackout, or of the event that repeats; a `*` at its end stands for any rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Kind of the blackout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Categories that may be excepted from it.
    #[serde(default)]
    pub admits: Vec<String>,
    /// Environments that it freezes; what the calendar says when none is named.
    #[serde(default)]
    pub environments: Vec<String>,
}

impl BlackoutPolicy {
    /// Whether it speaks of this blackout. One that names nothing speaks of none.
    pub(crate) fn is_about(&self, blackout: &Blackout) -> bool {
        let id = self.id.as_deref().map(|pattern| names(pattern, &blackout.id));
        let kind = self.kind.as_ref().map(|kind| blackout.kinds.contains(kind));
        match (id, kind) {
            (None, None) => false,
            (Some(one), None) | (None, Some(one)) => one,
            (Some(one), Some(other)) => one && other,
        }
    }
}

fn names(pattern: &str, id: &BlackoutId) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => id.as_str().starts_with(start),
        // An instance of an event that repeats is the event's identifier, a dot, and when it began first.
        None => id.as_str().strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || is_instance(rest)),
    }
}

fn is_instance(rest: &str) -> bool {
    rest.strip_prefix('.').is_some_and(|when| {
        let when = when.strip_suffix('Z').unwrap_or(when);
        let digits = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        match when.split_once('T') {
            Some((date, time)) => digits(date, 8) && digits(time, 6),
            None => digits(when, 8),
        }
    })
}

impl FreezePolicy {
    /// Rules for this category.
    fn category(&self, name: &str) -> Option<&CategoryPolicy> {
        self.categories.iter().find(|category| category.name == name)
    }

    /// As which kind of release freeze mode treats this category: the strictest where nothing else is said.
    pub fn mode(&self, category: &str) -> ReleaseMode {
        self.category(category).and_then(|category| category.mode).unwrap_or(ReleaseMode::Ga)
    }

    /// Least time from now to the begin of a window of this category, in hours.
    pub fn lead_hours(&self, category: &str) -> u32 {
        self.category(category).and_then(|category| category.lead_hours).unwrap_or(self.lead_hours)
    }

    /// Longest window of this category, in hours.
    pub fn longest_window_hours(&self, category: &str) -> Option<u32> {
        self.category(category).and_then(|category| category.longest_window_hours).or(self.longest_window_hours)
    }

    /// Categories that may be excepted from `blackout`: those that the calendar names and those that the policy adds.
    pub fn admitted<'a>(&'a self, blackout: &'a Blackout) -> impl Iterator<Item = &'a str> {
        let added = self.blackouts.iter().filter(|rule| rule.is_about(blackout)).flat_map(|rule| &rule.admits);
        blackout.admits.iter().chain(added).map(String::as_str)
    }

    /// Whether `blackout` freezes this environment: every one, unless calendar or policy name those that it freezes. How a name
    /// is spelt in capitals is nobody's way out of a freeze.
    pub(crate) fn freezes(&self, blackout: &Blackout, environment: &str) -> bool {
        let rules = self.blackouts.iter().filter(|rule| rule.is_about(blackout));
        let mut named = rules.flat_map(|rule| &rule.environments).chain(&blackout.environments).peekable();
        named.peek().is_none() || named.any(|known| same_environment(known, environment))
    }
}

/// Whether both are names of one environment.
pub(crate) fn same_environment(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::{ChangeWindow, Instant};

    fn blackout(id: &str, kinds: &[&str]) -> Blackout {
        let at = |text: &str| Instant::parse(text).unwrap();
        Blackout {
            id: BlackoutId::parse(id).unwrap(),
            window: ChangeWindow { start: at("2026-12-01T00:00:00Z"), end: at("2026-12-02T00:00:00Z") },
            admits: Vec::new(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            environments: Vec::new(),
        }
    }

    fn rule(id: Option<&str>, kind: Option<&str>) -> BlackoutPolicy {
        BlackoutPolicy {
            id: id.map(str::to_owned),
            kind: kind.map(str::to_owned),
            admits: vec!["emergency-fix".into()],
            environments: vec!["production".into()],
        }
    }

    #[test]
    fn a_rule_speaks_of_the_instances_of_an_event_and_of_nothing_that_only_looks_like_it() {
        for (pattern, id, about) in [
            ("PAYROLL", "PAYROLL", true),
            ("PAYROLL", "PAYROLL.20261201T050000Z", true),
            ("PAYROLL", "PAYROLL.20261201", true),
            ("PAYROLL", "PAYROLL-2", false),
            ("PAYROLL", "PAYROLL.x", false),
            ("PAY*", "PAYROLL-2", true),
            ("PAY*", "NO-PAY", false),
        ] {
            assert_eq!(rule(Some(pattern), None).is_about(&blackout(id, &[])), about, "{pattern} {id}");
        }
        assert!(!rule(None, None).is_about(&blackout("PAYROLL", &["freeze"])), "a rule that names nothing");
        assert!(rule(None, Some("freeze")).is_about(&blackout("X", &["freeze"])));
        assert!(!rule(Some("Y"), Some("freeze")).is_about(&blackout("X", &["freeze"])));
    }

    #[test]
    fn a_blackout_freezes_every_environment_unless_some_are_named() {
        let policy = FreezePolicy { blackouts: vec![rule(Some("A"), None)], ..FreezePolicy::default() };
        assert!(policy.freezes(&blackout("A", &[]), "production") && !policy.freezes(&blackout("A", &[]), "staging"));
        assert!(policy.freezes(&blackout("B", &[]), "staging"));
        assert_eq!(policy.admitted(&blackout("B", &[])).count(), 0, "what is not admitted is not");
    }

    #[test]
    fn a_category_without_rules_is_treated_as_a_general_release() {
        assert_eq!(FreezePolicy::default().mode("emergency-fix"), ReleaseMode::Ga);
    }
}
