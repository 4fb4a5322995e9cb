//! The held commit request against the record.

use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::model::form::{ParameterContent, PlannedParameter, RecordPath};
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
        let expected: Vec<String> = match &parameter.content {
            ParameterContent::Volatile if carried.len() == 1 => continue,
            ParameterContent::Volatile => {
                let observed = Fact::public(format!("{} times", carried.len()));
                found.push(reason(&parameter.name, Fact::public("exactly once"), observed));
                continue;
            }
            ParameterContent::DraftReference => vec![draft.to_string()],
            ParameterContent::Value { carried, .. } => carried.expose().clone(),
        };
        // Forms send line breaks as CR LF, and the values of one name in the order of the page.
        let sorted = |mut values: Vec<String>| {
            values.sort();
            values
        };
        let observed = sorted(carried.iter().map(|value| value.expose().replace("\r\n", "\n")).collect());
        let expected = sorted(expected);
        if observed != expected {
            let shown = |values: &[String]| Fact::new(values.join(", "), Exposure::Hidden);
            found.push(reason(&parameter.name, shown(&expected), shown(&observed)));
        }
    }
    for (name, value) in &held.parameters {
        if !planned.iter().any(|parameter| parameter.name == *name) {
            // The name comes from the page and may itself be data.
            let observed = Fact::new(format!("{name}={}", value.expose()), Exposure::Hidden);
            found.push(reason("(undeclared)", Fact::public("no further parameter"), observed));
        }
    }
    found
}

/// `commit-payload-differs`: the commit carries no value of its own, so that the portal submits what it holds, and `changes`
/// requests that may have changed that have passed since it was read for the last time.
pub fn changed_unseen(planned: &[PlannedParameter], changes: u64) -> Option<HaltReason> {
    let carries = |parameter: &PlannedParameter| match &parameter.content {
        ParameterContent::Value { path, .. } => *path != RecordPath::Constant,
        ParameterContent::DraftReference | ParameterContent::Volatile => false,
    };
    let expected = "no request that may change the draft after it was read";
    (changes > 0 && !planned.iter().any(carries))
        .then(|| reason("(draft)", Fact::public(expected), Fact::public(format!("{changes} since then"))))
}
