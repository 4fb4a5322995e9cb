//! The held commit request against the record.

use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::form::{ParameterContent, PlannedParameter};
use crate::model::ids::DraftReference;
use crate::model::portal_facts::CommitContent;
use crate::model::private::{Exposure, Fact, Private};

fn reason(subject: &str, expected: Fact, observed: Fact) -> HaltReason {
    HaltReason {
        code: HaltCode::CommitPayloadDiffers,
        stage: Stage::Recheck,
        subject: format!("commit.{subject}"),
        expected,
        observed,
        source: FactSource::Gateway,
    }
}

/// `commit-payload-differs`: a declared parameter is missing, doubled or carries something else, or one is undeclared.
pub fn commit_payload_differs(
    planned: &[PlannedParameter],
    draft: &DraftReference,
    held: &CommitContent,
) -> Vec<HaltReason> {
    let mut found = Vec::new();
    for parameter in planned {
        let carried: Vec<&Private<String>> =
            held.parameters.iter().filter(|(name, _)| *name == parameter.name).map(|(_, value)| value).collect();
        let [value] = carried.as_slice() else {
            let observed = Fact::public(format!("{} times", carried.len()));
            found.push(reason(&parameter.name, Fact::public("exactly once"), observed));
            continue;
        };
        let (expected, shown) = match &parameter.content {
            ParameterContent::Volatile => continue,
            ParameterContent::DraftReference => (draft.as_str(), Fact::public(draft)),
            ParameterContent::Value { value, .. } => {
                (value.expose().as_str(), Fact::new(value.expose().clone(), Exposure::Hidden))
            }
        };
        if value.expose() != expected {
            found.push(reason(&parameter.name, shown, Fact::new(value.expose().clone(), Exposure::Hidden)));
        }
    }
    for (name, value) in &held.parameters {
        if !planned.iter().any(|parameter| parameter.name == *name) {
            let observed = Fact::new(value.expose().clone(), Exposure::Hidden);
            found.push(reason(name, Fact::public("no such parameter"), observed));
        }
    }
    found
}
