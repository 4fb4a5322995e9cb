//! `freeze_mode.json`: read whole with its texts, and written.

use serde::{Deserialize, Serialize};

use crate::model::freeze_terms::{FreezeTerms, SetBy, Tier};
use crate::model::strict_json;
use crate::model::time::Instant;

/// The freeze state with its texts. Keys that other tools add are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeState {
    /// Whether releases are frozen. `false` counts only where a person set it.
    pub freeze_mode: bool,
    /// Since when.
    pub set_at: Option<Instant>,
    /// Why.
    pub reason: Option<String>,
    /// `automation` or `human`.
    pub set_by: Option<String>,
    /// Tier of the error budget at that time.
    pub tier: Option<Tier>,
    /// Always null: a freeze does not expire. A time that stands here is passed over.
    pub expires_at: Option<Instant>,
    /// Whatever else people should know.
    pub note: Option<String>,
}

impl FreezeState {
    /// Reads a state file.
    ///
    /// # Errors
    ///
    /// Why not, in words that may be shown: no JSON object, a key twice, something behind it, no `freeze_mode`, a value of
    /// the wrong type, an unknown tier, no time.
    pub fn parse(text: &str) -> Result<Self, String> {
        strict_json::read(text)
    }

    /// What the gate judges.
    pub fn terms(&self) -> FreezeTerms {
        let set_by = match self.set_by.as_deref() {
            Some("human") => SetBy::Human,
            Some("automation") => SetBy::Automation,
            Some(_) => SetBy::Other,
            None => SetBy::Nobody,
        };
        FreezeTerms { frozen: self.freeze_mode, set_by, set_at: self.set_at, tier: self.tier }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESET: &str = r#"{
      "freeze_mode": false,
      "set_at": "2026-01-08T12:00:00Z",
      "reason": "manual_reset_after_remediation",
      "set_by": "human",
      "note": "Budget issues resolved, see PR #1234"
    }"#;

    #[test]
    fn the_documented_examples_are_read() {
        let state = FreezeState::parse(
            r#"{"freeze_mode": true, "set_at": "2026-01-08T08:00:00Z", "reason": "error_budget_EMERGENCY",
                "set_by": "automation", "tier": "RED", "expires_at": null,
                "note": "Automatically set due to budget exhaustion."}"#,
        )
        .unwrap();
        assert!(state.terms().in_force());
        assert_eq!(state.tier, Some(Tier::Red));
        assert!(!FreezeState::parse(RESET).unwrap().terms().in_force());
    }

    #[test]
    fn an_expiry_never_ends_a_freeze_and_further_keys_do_not_matter() {
        let text = r#"{"freeze_mode":true,"expires_at":"2020-01-01T00:00:00Z","owner":{"team":["x"]}}"#;
        assert!(FreezeState::parse(text).unwrap().terms().in_force());
    }

    #[test]
    fn only_the_exact_word_is_a_person() {
        for set_by in ["\"Human\"", "\" human\"", "\"human \"", "\"humans\"", "\"\"", "null", "\"automation\""] {
            let text = RESET.replace("\"human\"", set_by);
            assert!(FreezeState::parse(&text).unwrap().terms().in_force(), "{set_by} ended the freeze");
        }
    }

    #[test]
    fn a_file_that_was_cut_off_is_never_read() {
        let whole = RESET.trim_end();
        for end in 0..whole.len() {
            assert!(FreezeState::parse(&whole[..end]).is_err(), "the first {end} bytes were read");
        }
    }

    #[test]
    fn a_wrong_type_an_unknown_tier_and_no_time_are_refused() {
        for (right, wrong) in [
            ("false", "\"false\""),
            ("false", "0"),
            ("false", "null"),
            ("\"freeze_mode\"", "\"frozen\""),
            ("\"2026-01-08T12:00:00Z\"", "\"yesterday\""),
            ("\"2026-01-08T12:00:00Z\"", "\"2026-01-08T12:00:00\""),
            ("\"2026-01-08T12:00:00Z\"", "1767873600"),
            ("\"human\"", "true"),
            ("\"human\"", "[\"human\"]"),
            ("\"manual_reset_after_remediation\"", "{}"),
            ("\"set_by\"", "\"tier\": \"PURPLE\", \"set_by\""),
            ("\"set_by\"", "\"tier\": \"red\", \"set_by\""),
            ("\"set_by\"", "\"expires_at\": \"never\", \"set_by\""),
            ("\"set_by\"", "\"freeze_mode\": false, \"set_by\""),
        ] {
            let text = RESET.replacen(right, wrong, 1);
            assert_ne!(text, RESET);
            assert!(FreezeState::parse(&text).is_err(), "{wrong} was read");
        }
    }
}
