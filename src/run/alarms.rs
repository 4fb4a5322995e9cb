//! What the gateway saw that forbids going on.

use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::gateway::content::{MOST, TEXT, TEXT_LIMIT};
use crate::gateway::control::Control;
use crate::gateway::intake::{BODY_LIMIT, COMMIT_LIMIT};
use crate::model::portal_facts::{Refusal, Refused};
use crate::model::private::Fact;

/// The alarms that the gateway has raised by now.
pub(super) fn alarms(gateway: &Control, stage: Stage) -> Vec<HaltReason> {
    let reason = |code, subject: &str, expected: &str, observed: String| HaltReason {
        code,
        stage,
        subject: subject.to_owned(),
        expected: Fact::public(expected),
        observed: Fact::public(observed),
        source: FactSource::Gateway,
    };
    let mut found = Vec::new();
    let strays = gateway.interlock().strays();
    if strays > 0 {
        let observed = format!("{strays} before the release, all refused");
        let expected = "no commit that the agent did not cause";
        found.push(reason(HaltCode::UnexpectedCommitAttempt, "commit", expected, observed));
    }
    let told = gateway.refused().into_iter().filter_map(|(refused, count)| told(&refused, count));
    let expected = "requests that the map declares";
    found.extend(told.map(|observed| reason(HaltCode::UndeclaredRequest, "request", expected, observed)));
    found
}

/// What a refused request means for the map; nothing where the portal can do without it.
fn told(refused: &Refused, count: u64) -> Option<String> {
    let Refused { why, method, origin, path } = refused;
    let what = format!("{count} × {method} {origin}{path}, refused");
    Some(match why {
        Refusal::Undeclared => format!(
            "{count} × {method} {origin}, refused; if the portal needs it, add to the map: [[request]] id = \"…\" method = \
             \"{method}\" path = \"{path}\""
        ),
        Refusal::MethodOverride => format!(
            "{what}: it names another method in a parameter; if the portal needs it, add to its [[request]]: body = {{ _method \
             = \"…\" }}, with the method that it names"
        ),
        Refusal::OverrideHeader => {
            format!("{what}: it names another method or address in a header, which no map can declare")
        }
        Refusal::Unreadable => {
            format!("{what}: its body is not what its content type says, or two servers could read it differently")
        }
        Refusal::TooLarge => format!(
            "{what}: it carries more than {} MiB, or {} MiB of form or JSON, or {MOST} parameters, or {} MiB of them; or it \
             commits and carries more than {} MiB",
            BODY_LIMIT >> 20,
            TEXT_LIMIT >> 20,
            TEXT >> 20,
            COMMIT_LIMIT >> 20
        ),
        Refusal::ForeignOrigin
        | Refusal::Beacon
        | Refusal::Commit
        | Refusal::Upgrade
        | Refusal::Tunnel
        | Refusal::Host
        | Refusal::Framing
        | Refusal::Download => return None,
    })
}
