//! The error budget, and when it switches the freeze on. Any single sign is enough; no figure talks another one down.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state_file::FreezeState;
use crate::model::freeze_terms::Tier;
use crate::model::strict_json;
use crate::model::time::Instant;

/// What is left of the error budget, as its own computation wrote it. Further keys are passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ErrorBudget {
    /// How much is left over all.
    pub tier: Tier,
    /// The budgets.
    pub budgets: Budgets,
    /// What is used up.
    pub exhaustion: Exhaustion,
}

/// The budgets, one by one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Budgets {
    /// Releases that were rolled back.
    pub rollbacks: Budget,
    /// Checks that failed.
    pub fails: Budget,
    /// Checks that warned.
    pub warns: Budget,
}

/// One budget, in whatever it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Budget {
    /// How many there may be.
    #[schemars(range(min = 0))]
    pub allocated: f64,
    /// How many there were.
    #[schemars(range(min = 0))]
    pub consumed: f64,
    /// How many there may still be; negative when overspent.
    pub remaining: f64,
    /// Whether none is left.
    pub exhausted: bool,
}

/// What is used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Exhaustion {
    /// Whether any budget is.
    pub any_exhausted: bool,
}

impl Budget {
    /// Whether any of its figures says that none is left. A budget of none, of which none was used, is not exhausted.
    pub(crate) fn is_exhausted(&self) -> bool {
        let given = self.allocated > 0.0;
        self.exhausted
            || self.remaining < 0.0
            || self.consumed > self.allocated
            || (given && (self.remaining <= 0.0 || self.consumed >= self.allocated))
    }
}

/// Why the freeze is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Activation {
    /// Tier of the budget.
    pub tier: Tier,
    /// Names of the budgets that are exhausted.
    pub exhausted: Vec<&'static str>,
}

impl ErrorBudget {
    /// Reads a budget.
    ///
    /// # Errors
    ///
    /// Why not, in words that may be shown: no JSON object, a key twice, something missing, of the wrong type or negative,
    /// an unknown tier.
    pub fn parse(text: &str) -> Result<Self, String> {
        let whole: serde_json::Value = strict_json::read(text)?;
        for part in ["/budgets", "/budgets/rollbacks", "/budgets/fails", "/budgets/warns", "/exhaustion"] {
            if !whole.pointer(part).is_some_and(serde_json::Value::is_object) {
                return Err(format!("{}: an object is missing", part[1..].replace('/', ".")));
            }
        }
        let budget: Self = strict_json::read(text)?;
        for (name, one) in budget.named() {
            if one.allocated < 0.0 || one.consumed < 0.0 {
                return Err(format!("budgets.{name}: `allocated` and `consumed` cannot be negative"));
            }
        }
        Ok(budget)
    }

    fn named(&self) -> [(&'static str, &Budget); 3] {
        let budgets = &self.budgets;
        [("rollbacks", &budgets.rollbacks), ("fails", &budgets.fails), ("warns", &budgets.warns)]
    }

    /// Why the freeze has to be switched on; none when nothing asks for it.
    pub fn activation(&self) -> Option<Activation> {
        let exhausted: Vec<_> =
            self.named().into_iter().filter(|(_, budget)| budget.is_exhausted()).map(|(name, _)| name).collect();
        let asked = self.tier == Tier::Red || self.exhaustion.any_exhausted || !exhausted.is_empty();
        asked.then_some(Activation { tier: self.tier, exhausted })
    }
}

impl Activation {
    /// The reason, as the state file keeps it.
    pub fn reason(&self) -> String {
        if self.tier == Tier::Red {
            "error_budget_EMERGENCY".to_owned()
        } else if self.exhausted.is_empty() {
            "error_budget_exhausted: any_exhausted".to_owned()
        } else {
            format!("error_budget_exhausted: {}", self.exhausted.join(", "))
        }
    }

    /// The state that switches the freeze on at `now`, to the second before it.
    pub fn state(&self, now: Instant) -> FreezeState {
        let note = if self.exhausted.is_empty() {
            "Automatically set due to budget exhaustion.".to_owned()
        } else {
            format!("Automatically set due to budget exhaustion ({}).", self.exhausted.join(", "))
        };
        FreezeState {
            freeze_mode: true,
            set_at: Some(now.whole_seconds()),
            reason: Some(self.reason()),
            set_by: Some("automation".to_owned()),
            tier: Some(self.tier),
            expires_at: None,
            note: Some(note),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn calm() -> Value {
        let budget = json!({"allocated": 10, "consumed": 4, "remaining": 6, "exhausted": false});
        json!({
            "tier": "GREEN",
            "budgets": {"rollbacks": budget, "fails": budget, "warns": budget},
            "exhaustion": {"any_exhausted": false},
            "computed_by": "ci",
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut budget = calm();
        *budget.pointer_mut(pointer).unwrap() = value;
        budget
    }

    fn activation(budget: &Value) -> Option<Activation> {
        ErrorBudget::parse(&budget.to_string()).unwrap().activation()
    }

    #[test]
    fn a_calm_budget_activates_nothing() {
        for tier in ["GREEN", "YELLOW", "ORANGE"] {
            assert_eq!(activation(&with("/tier", json!(tier))), None);
        }
        let none = json!({"allocated": 0, "consumed": 0, "remaining": 0, "exhausted": false});
        assert_eq!(activation(&with("/budgets/rollbacks", none)), None);
    }

    #[test]
    fn any_single_sign_activates_whatever_the_others_say() {
        for (pointer, value, reason) in [
            ("/tier", json!("RED"), "error_budget_EMERGENCY"),
            ("/exhaustion/any_exhausted", json!(true), "error_budget_exhausted: any_exhausted"),
            ("/budgets/rollbacks/exhausted", json!(true), "error_budget_exhausted: rollbacks"),
            ("/budgets/fails/remaining", json!(0), "error_budget_exhausted: fails"),
            ("/budgets/fails/remaining", json!(-1), "error_budget_exhausted: fails"),
            ("/budgets/warns/consumed", json!(10), "error_budget_exhausted: warns"),
            ("/budgets/warns/consumed", json!(10.5), "error_budget_exhausted: warns"),
            ("/budgets/warns/allocated", json!(0), "error_budget_exhausted: warns"),
            (
                "/budgets/warns",
                json!({"allocated": 0, "consumed": 0, "remaining": -1, "exhausted": false}),
                "error_budget_exhausted: warns",
            ),
        ] {
            let found = activation(&with(pointer, value)).unwrap_or_else(|| panic!("{pointer} did not activate"));
            assert_eq!(found.reason(), reason);
        }
    }

    #[test]
    fn every_exhausted_budget_is_named() {
        let mut budget = with("/budgets/rollbacks/exhausted", json!(true));
        budget["budgets"]["fails"]["remaining"] = json!(0);
        let activation = activation(&budget).unwrap();
        assert_eq!(activation.reason(), "error_budget_exhausted: rollbacks, fails");
        let state = activation.state(Instant::parse("2026-01-08T08:00:00.987Z").unwrap());
        let written = serde_json::to_string(&state).unwrap();
        assert_eq!(
            written,
            concat!(
                r#"{"freeze_mode":true,"set_at":"2026-01-08T08:00:00Z","#,
                r#""reason":"error_budget_exhausted: rollbacks, fails","set_by":"automation","tier":"GREEN","#,
                r#""expires_at":null,"note":"Automatically set due to budget exhaustion (rollbacks, fails)."}"#
            )
        );
        assert_eq!(FreezeState::parse(&written).unwrap(), state);
    }

    #[test]
    fn a_budget_that_is_not_whole_is_refused() {
        for (pointer, value) in [
            ("/tier", json!("EMERGENCY")),
            ("/tier", json!(null)),
            ("/budgets/rollbacks", json!(null)),
            ("/budgets/rollbacks", json!([10, 4, 6, false])),
            ("/budgets/fails/allocated", json!("10")),
            ("/budgets/fails/allocated", json!(-1)),
            ("/budgets/fails/consumed", json!(-1)),
            ("/budgets/fails/exhausted", json!("false")),
            ("/budgets/warns/remaining", json!(null)),
            ("/exhaustion", json!(true)),
            ("/exhaustion/any_exhausted", json!(0)),
        ] {
            let text = with(pointer, value).to_string();
            assert!(ErrorBudget::parse(&text).is_err(), "{text} was read");
        }
        for key in ["tier", "budgets", "exhaustion"] {
            let mut budget = calm();
            budget.as_object_mut().unwrap().remove(key);
            assert!(ErrorBudget::parse(&budget.to_string()).is_err(), "read without {key}");
        }
    }

    #[test]
    fn the_published_schema_admits_what_is_read_and_refuses_what_is_not() {
        let schema = serde_json::to_value(schemars::schema_for!(ErrorBudget)).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(validator.is_valid(&calm()));
        assert!(!validator.is_valid(&with("/tier", json!("PURPLE"))));
        assert!(!validator.is_valid(&with("/budgets/fails/allocated", json!(-1))));
        assert!(!validator.is_valid(&with("/budgets/fails/exhausted", json!(0))));
    }
}
