//! In what two tellings of a run differ: decisions, values, requests.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::summary::without_advice;
use crate::recording::fixture::folder::Told;
use crate::recording::traffic::answering::RequestDifference;
use crate::recording::traffic::exchange::ParameterDifference;

/// What kind of thing differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// Outcome, halt reasons, verdicts, the order of events.
    Decision,
    /// What was seen, entered, or stood in the approvals.
    Value,
    /// What was asked of the portal.
    Request,
    /// How often a source was asked.
    Source,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its kind.
    pub about: About,
    /// Where.
    pub place: String,
    /// As recorded; none when it was not there.
    pub recorded: Option<String>,
    /// Now; none when it is not there.
    pub now: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = match self.about {
            About::Decision => "decision",
            About::Value => "value",
            About::Request => "request",
            About::Source => "source",
        };
        write!(f, "{about} {}", self.place)?;
        if let Some(recorded) = &self.recorded {
            write!(f, "\n  - {recorded}")?;
        }
        if let Some(now) = &self.now {
            write!(f, "\n  + {now}")?;
        }
        Ok(())
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What names an element of a list among its neighbours.
fn name_of(value: &Value) -> Option<String> {
    let named = ["field", "code", "source", "role"].into_iter().find_map(|key| value.get(key)?.as_str());
    named.map(str::to_owned)
}

/// Walks two values and collects where they differ.
fn walk(about: About, place: &str, recorded: &Value, now: &Value, found: &mut Vec<Difference>) {
    match (recorded, now) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, was) in old {
                let is = new.get(key).unwrap_or(&Value::Null);
                walk(about, &format!("{place} {key}"), was, is, found);
            }
            for (key, is) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                walk(about, &format!("{place} {key}"), &Value::Null, is, found);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (number, (was, is)) in old.iter().zip(new).enumerate() {
                let name = name_of(was).filter(|name| name_of(is).as_ref() == Some(name));
                let name = name.unwrap_or_else(|| format!("[{number}]"));
                walk(about, &format!("{place} {name}"), was, is, found);
            }
        }
        _ if recorded == now => {}
        (Value::Array(old), Value::Array(new)) => lists(about, place, old, new, found),
        _ => {
            let side = |value: &Value| (!value.is_null()).then(|| shown(value));
            found.push(Difference { about, place: place.to_owned(), recorded: side(recorded), now: side(now) });
        }
    }
}

/// Lists of different length: what only one of them holds.
fn lists(about: About, place: &str, old: &[Value], new_list: &[Value], found: &mut Vec<Difference>) {
    let only = |mine: &[Value], theirs: &[Value]| -> Vec<String> {
        let mut rest: Vec<&Value> = theirs.iter().collect();
        let alone = mine.iter().filter(|one| match rest.iter().position(|other| other == one) {
            Some(place) => {
                rest.remove(place);
                false
            }
            None => true,
        });
        alone.map(shown).collect()
    };
    let (gone, new) = (only(old, new_list), only(new_list, old));
    let words = old.iter().chain(new_list).all(Value::is_string);
    let mut add = |recorded: Option<String>, now: Option<String>| {
        found.push(Difference { about, place: place.to_owned(), recorded, now });
    };
    if words {
        // Names and steps read best in one line.
        let told = |list: &[String]| (!list.is_empty()).then(|| list.join(", "));
        add(told(&gone), told(&new));
        return;
    }
    gone.into_iter().for_each(|one| add(Some(one), None));
    new.into_iter().for_each(|one| add(None, Some(one)));
}

/// What an observation is of.
fn key(line: &Value) -> String {
    let part = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
    format!("{} {}", part("stage"), part("place"))
}

fn observations(recorded: &[Value], now: &[Value], found: &mut Vec<Difference>) {
    let keys = |lines: &[Value]| lines.iter().map(|line| Value::String(key(line))).collect::<Vec<_>>();
    let (old, new) = (keys(recorded), keys(now));
    if old != new {
        let told = |keys: &[Value]| keys.iter().map(shown).collect::<Vec<_>>().join(", ");
        let place = "order of observations".to_owned();
        found.push(Difference { about: About::Decision, place, recorded: Some(told(&old)), now: Some(told(&new)) });
    }
    // What was seen of the same place, however often and in whatever order.
    let mut rest: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for line in now.iter().rev() {
        rest.entry(key(line)).or_default().push(line);
    }
    for line in recorded {
        let Some(other) = rest.get_mut(&key(line)).and_then(Vec::pop) else { continue };
        let verdict = |line: &Value| line.get("verdict").cloned().unwrap_or_default();
        walk(About::Decision, &format!("{} verdict", key(line)), &verdict(line), &verdict(other), found);
        let without = |line: &Value| {
            let mut line = line.clone();
            if let Value::Object(members) = &mut line {
                members.shift_remove("verdict");
            }
            line
        };
        walk(About::Value, &key(line), &without(line), &without(other), found);
    }
}

/// In what two tellings differ.
pub fn between(recorded: &Told, now: &Told) -> Vec<Difference> {
    let mut found = Vec::new();
    let recorded_ending = without_advice(recorded.ending.clone());
    walk(About::Decision, "run", &recorded_ending, &now.ending, &mut found);
    observations(&recorded.observations, &now.observations, &mut found);
    walk(About::Value, "approvals", &recorded.approvals, &now.approvals, &mut found);
    found
}

/// The parts of a telling that hold no value, so that a run can be compared with a replay in which stand-ins took their places.
fn shape(told: &Told) -> Told {
    let pick = |value: &Value, keys: &[&str]| -> Value {
        keys.iter()
            .map(|key| ((*key).to_owned(), value.get(*key).cloned().unwrap_or_default()))
            .collect::<Map<_, _>>()
            .into()
    };
    let each = |value: &Value, list: &str, keys: &[&str]| -> Value {
        let items = value.get(list).and_then(Value::as_array).into_iter().flatten();
        items.map(|item| pick(item, keys)).collect()
    };
    let mut ending = pick(&told.ending, &["outcome", "draft_state", "commit_requests_released", "events", "pictures"]);
    ending["halt"] = each(&told.ending, "halt", &["code", "stage", "subject", "source"]);
    let line = |line: &Value| {
        let mut kept = pick(line, &["stage", "place", "judged", "verdict"]);
        kept["fields"] = each(line, "fields", &["field", "matches", "equal", "locked", "marked"]);
        kept
    };
    Told { ending, observations: told.observations.iter().map(line).collect(), approvals: Value::Null }
}

/// In what a run and the first replay of its recording differ, values aside.
pub(crate) fn between_shapes(run: &Told, replayed: &Told) -> Vec<Difference> {
    between(&shape(run), &shape(replayed))
}

/// In what the requests differ.
pub(crate) fn of_requests(differences: Vec<RequestDifference>) -> Vec<Difference> {
    differences
        .into_iter()
        .flat_map(|difference| match difference {
            RequestDifference::NotRecorded(asked) => vec![Difference {
                about: About::Request,
                place: "refused: it is not in the recording".to_owned(),
                recorded: None,
                now: Some(asked.told()),
            }],
            RequestDifference::NotAsked(asked) => vec![Difference {
                about: About::Request,
                place: "not asked in its place".to_owned(),
                recorded: Some(asked.told()),
                now: None,
            }],
            RequestDifference::Carries(asked, parameters) => {
                let told = asked.told();
                let one = |ParameterDifference { name, recorded, asked }| Difference {
                    about: About::Request,
                    place: format!("{told} {name}"),
                    recorded,
                    now: asked,
                };
                parameters.into_iter().map(one).collect()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(ending: Value, observations: Vec<Value>) -> Told {
        Told { ending, observations, approvals: Value::Null }
    }

    fn line(stage: &str, place: &str, observed: &str, verdict: &[&str]) -> Value {
        json!({
            "stage": stage, "place": place, "verdict": verdict,
            "fields": [{ "field": "service", "observed": "checkout-api" }, { "field": "incident", "observed": observed }],
        })
    }

    #[test]
    fn a_difference_says_where_and_both_sides() {
        let old = told(json!({"outcome": "submitted"}), vec![line("fill", "service", "INC1", &[])]);
        let new = told(json!({"outcome": "halted-draft"}), vec![line("fill", "service", "INC2", &["value-not-held"])]);
        let text = between(&old, &new).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert_eq!(
            text,
            "decision run outcome\n  - submitted\n  + halted-draft\ndecision fill service verdict\n  + value-not-held\n\
             value fill service fields incident observed\n  - INC1\n  + INC2"
        );
        assert!(between(&old, &old).is_empty());
    }

    #[test]
    fn what_a_note_tells_is_compared_and_how_it_advises_is_not() {
        let ended = |entered: &str, next: &str| {
            told(json!({"takeover": {"entered": [entered], "next": next, "decide": ["x"]}}), Vec::new())
        };
        let now = |entered: &str| told(json!({"takeover": {"entered": [entered]}}), Vec::new());
        assert!(between(&ended("service", "resume"), &now("service")).is_empty());
        assert_eq!(between(&ended("service", "resume"), &now("incident")).len(), 1);
    }

    #[test]
    fn another_order_is_one_difference_and_equal_places_are_still_compared() {
        let old = told(Value::Null, vec![line("fill", "a", "x", &[]), line("fill", "b", "y", &[])]);
        let new = told(Value::Null, vec![line("fill", "b", "y", &[]), line("fill", "a", "x", &[])]);
        let found = between(&old, &new);
        assert_eq!((found.len(), found[0].place.as_str()), (1, "order of observations"));
    }
}
