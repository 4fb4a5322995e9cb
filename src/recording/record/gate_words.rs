//! Gates and policies of a recording, in the words of the record's stand-in.

use crate::model::digest::Digest;
use crate::model::form::RecordPath;
use crate::model::freeze_policy::{FreezePolicy, same_environment};
use crate::model::gates::Gates;
use crate::model::record::ChangeRecord;
use crate::recording::fixture::answers::{GATES_SCHEMA, GatesFile};
use crate::recording::record::placeholder::StandIns;
use crate::recording::record::recorder::RecordError;
use crate::recording::record::scrubbing::pretty;

/// Words that gates and policies share with the record, and what stands for them.
pub(crate) struct Words<'a> {
    category: (String, String),
    environment: (String, String),
    stand_ins: &'a StandIns<'a>,
}

impl<'a> Words<'a> {
    /// Of a record and its stand-in.
    pub(crate) fn new(real: &ChangeRecord, own: &ChangeRecord, stand_ins: &'a StandIns<'a>) -> Self {
        let (real, own) = (&real.exception, &own.exception);
        let both = |real: &str, own: &str| (real.to_owned(), own.to_owned());
        Self {
            category: both(real.category.as_str(), own.category.as_str()),
            environment: both(real.environment.as_str(), own.environment.as_str()),
            stand_ins,
        }
    }

    fn category(&self, text: &mut String) {
        *text = if *text == self.category.0 {
            self.category.1.clone()
        } else {
            self.stand_ins.word(&RecordPath::Category, text)
        };
    }

    /// Spelt as the rules compare it.
    fn environment(&self, text: &mut String) {
        *text = if same_environment(text, &self.environment.0) {
            self.environment.1.clone()
        } else {
            self.stand_ins.word(&RecordPath::Environment, text)
        };
    }

    /// What may be kept of gates: kinds that the policy does not name are any words of whoever keeps the calendar, and what is
    /// bound to the record is bound to its stand-in.
    pub(crate) fn gates(
        &self,
        gates: &Gates,
        policy: &FreezePolicy,
        packet: (Digest, Digest),
    ) -> Result<Vec<u8>, RecordError> {
        let mut gates = gates.clone();
        for blackout in &mut gates.calendar.blackouts {
            for kind in &mut blackout.kinds {
                if !policy.blackouts.iter().any(|rule| rule.kind.as_ref() == Some(kind)) {
                    *kind = "kind".to_owned();
                }
            }
            blackout.admits.iter_mut().for_each(|text| self.category(text));
            blackout.environments.iter_mut().for_each(|text| self.environment(text));
        }
        for hold in &mut gates.holds {
            if hold.packet == Some(packet.0) {
                hold.packet = Some(packet.1);
            }
        }
        let file = GatesFile { schema: GATES_SCHEMA.to_owned(), gates };
        let mut value = serde_json::to_value(file).map_err(|error| RecordError::Scrub(error.to_string()))?;
        self.stand_ins.give(&mut value);
        pretty(&value)
    }

    /// A freeze policy in the words of the record's stand-in.
    pub(crate) fn policy(&self, policy: &FreezePolicy) -> Result<FreezePolicy, RecordError> {
        let mut policy = policy.clone();
        policy.categories.iter_mut().for_each(|rules| self.category(&mut rules.name));
        for rules in &mut policy.blackouts {
            rules.admits.iter_mut().for_each(|text| self.category(text));
            rules.environments.iter_mut().for_each(|text| self.environment(text));
        }
        let wrong = |error: serde_json::Error| RecordError::Scrub(error.to_string());
        let mut value = serde_json::to_value(policy).map_err(wrong)?;
        self.stand_ins.give(&mut value);
        serde_json::from_value(value).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::calendar::{Blackout, FreezeCalendar};
    use crate::model::freeze_policy::CategoryPolicy;
    use crate::model::ids::BlackoutId;
    use crate::model::time::{ChangeWindow, Instant};
    use crate::recording::scrub::{Permission, Scrubber};
    use crate::reference_portal::example::{ExampleTimes, approved, exception};
    use crate::run::order::permissions;
    use crate::selectors::read::read;

    const MAP: &str = include_str!("../../../selectors/reference.toml");

    /// Gates and policy of a recording whose map hides the category, or shows it.
    fn kept(map: &str) -> String {
        let times = ExampleTimes::around(jiff::Timestamp::UNIX_EPOCH);
        let mut wanted = exception(&times);
        wanted["attachments"] = serde_json::json!([]);
        let real = approved(wanted, &"http://127.0.0.1:8480/".parse().unwrap(), &times).unwrap();
        let record: ChangeRecord = serde_json::from_value(real).unwrap();
        let map = read("m".as_ref(), map).unwrap();
        let blind = Scrubber::new(Permission::default(), [3; 32]).unwrap();
        let (text, shown) = (|text: &str| blind.text(text), BTreeSet::new());
        let permissions = permissions(&map);
        let given = [("acme-prod-us".to_owned(), "prod-two".to_owned())];
        let stand_ins = StandIns::new(&map, &permissions, &text, &shown, &given);
        let own = stand_ins.of(&record).unwrap();
        let words = Words::new(&record, &own.record, &stand_ins);
        let instant = Instant::from(jiff::Timestamp::UNIX_EPOCH);
        let blackout = Blackout {
            id: BlackoutId::parse("B").unwrap(),
            window: ChangeWindow { start: instant, end: instant },
            admits: vec!["acme-merger".to_owned(), record.exception.category.as_str().to_owned()],
            kinds: vec!["acme-kind".to_owned()],
            environments: vec!["acme-prod-us".to_owned(), record.exception.environment.as_str().to_ascii_uppercase()],
        };
        let gates = Gates { calendar: FreezeCalendar { blackouts: vec![blackout] }, ..Gates::default() };
        let name = "acme-policy-word".to_owned();
        let rules = CategoryPolicy { name, mode: None, lead_hours: None, longest_window_hours: None };
        let policy = FreezePolicy { categories: vec![rules], ..FreezePolicy::default() };
        let gates = words.gates(&gates, &policy, own.packet).unwrap();
        // The record's own words and the gates' still agree.
        let gates = String::from_utf8(gates).unwrap();
        assert!(gates.contains(own.record.exception.category.as_str()), "{gates}");
        assert!(gates.contains(&format!("\"{}\"", own.record.exception.environment.as_str())), "{gates}");
        gates + &serde_json::to_string(&words.policy(&policy).unwrap()).unwrap()
    }

    #[test]
    fn words_of_calendar_and_policy_are_kept_as_far_as_the_records_are() {
        let shown = kept(MAP);
        assert!(shown.contains("acme-merger") && shown.contains("acme-policy-word"), "{shown}");
        assert!(
            !shown.contains("acme-kind") && !shown.contains("acme-prod-us") && shown.contains("prod-two"),
            "{shown}"
        );
        let place = MAP.find("record = \"category\"").unwrap();
        let field = MAP[..place].rfind("[[").unwrap();
        let rest = &MAP[field..][..MAP[field + 2..].find("[[").unwrap() + 2];
        let lines = rest.lines().filter(|line| !line.starts_with("show") && !line.starts_with("values"));
        let blind = MAP.replace(rest, &(lines.collect::<Vec<_>>().join("\n") + "\n"));
        let hidden = kept(&blind);
        assert!(!hidden.contains("acme-merger") && !hidden.contains("acme-policy-word"), "{hidden}");
    }
}
