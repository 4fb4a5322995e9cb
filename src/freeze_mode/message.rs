//! What people read: why a release is blocked and how to go on, and the state of the freeze.

use std::fmt::Write as _;

use super::gate::{Blocked, BrokenState, GateVerdict, Ground, NoOverride, PassReason};
use super::override_file::ReleaseOverride;
use super::state_file::FreezeState;
use crate::model::freeze_terms::ReleaseMode;
use crate::model::shown::escape_for_terminal;

const RULE: &str = "==============================================";

/// The two states with their texts, as far as they could be read, and where they lie.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The freeze state.
    pub freeze: Option<&'a FreezeState>,
    /// The override.
    pub over: Option<&'a ReleaseOverride>,
    /// File of the freeze state.
    pub freeze_file: &'a str,
    pub override_file: &'a str,
}

/// A text of a state, or that it is not there.
fn or_not_written(text: Option<&str>) -> String {
    text.map(escape_for_terminal).filter(|text| !text.is_empty()).unwrap_or_else(|| "(not written)".to_owned())
}

fn tier(freeze: Option<&FreezeState>) -> String {
    freeze.and_then(|freeze| freeze.tier).map_or_else(|| "(not written)".to_owned(), |tier| tier.to_string())
}

fn set_at(freeze: Option<&FreezeState>) -> String {
    freeze.and_then(|freeze| freeze.set_at).map_or_else(|| "(not written)".to_owned(), |at| at.to_string())
}

/// Why the override does not help, on one line.
pub(crate) fn override_line(over: &NoOverride) -> String {
    match over {
        NoOverride::Absent => "none".to_owned(),
        NoOverride::DoesNotCount(faults) => {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            format!("does not count: {}", faults.join("; "))
        }
    }
}

/// The message of a blocked release, with the three ways on.
pub fn blocked(mode: ReleaseMode, blocked: &Blocked, scene: Scene<'_>) -> String {
    let mut text = format!("{RULE}\n  CHANGE FREEZE MODE ACTIVE\n{RULE}\n\n");
    let (reason, tier, since) =
        (or_not_written(scene.freeze.and_then(|f| f.reason.as_deref())), tier(scene.freeze), set_at(scene.freeze));
    let because = match blocked.ground {
        Ground::Active => "due to error budget exhaustion.".to_owned(),
        Ground::ResetNotByHuman => format!(
            "because nobody ended the freeze: the file says\n`freeze_mode: false`, but `set_by` is {}, and only \"human\" ends a freeze.",
            scene
                .freeze
                .and_then(|f| f.set_by.as_deref())
                .map_or_else(|| "missing".to_owned(), |by| format!("\"{}\"", escape_for_terminal(by)))
        ),
    };
    let freeze_file = escape_for_terminal(scene.freeze_file);
    // Writing to a text does not fail.
    let _ = write!(
        text,
        "Release mode '{mode}' is blocked {because}

Freeze Details:
  Reason: {reason}
  Tier: {tier}
  Set at: {since}
  Override: {over}

Options:

  1. Use hotfix-release workflow (always allowed)
     gh workflow run hotfix-release.yml

  2. Request temporary override
     gh workflow run release-override.yml \\
       -f justification='Reason for override' \\
       -f ticket_url='https://...' \\
       -f duration_hours=24
     (or here: portal-agent freeze override --help)

  3. Wait for manual freeze reset
     Create PR to set freeze_mode=false and set_by=human in:
     {freeze_file}

{RULE}
",
        over = override_line(&blocked.over),
    );
    text
}

/// Why a release may go on, on one line.
pub fn passes(mode: ReleaseMode, reason: PassReason) -> String {
    let why = match reason {
        PassReason::NeverFrozen => "no freeze was ever set".to_owned(),
        PassReason::Unconfigured => "no freeze state is configured".to_owned(),
        PassReason::ResetByHuman => "the freeze was ended by a person".to_owned(),
        PassReason::PagesNotBlocked => "a freeze is active, and policy does not block pages".to_owned(),
        PassReason::Override { until } => format!("a freeze is active, and an override counts until {until}"),
        PassReason::Hotfix(_) => "a freeze never blocks a hotfix".to_owned(),
    };
    format!("release mode '{mode}' is allowed: {why}")
}

/// What cannot be told, on one line.
pub fn broken(state: BrokenState, scene: Scene<'_>) -> String {
    let (freeze, over) = (escape_for_terminal(scene.freeze_file), escape_for_terminal(scene.override_file));
    match state {
        BrokenState::FreezeMissing => format!("there is no freeze state at {freeze}"),
        BrokenState::FreezeUnreadable => format!("the freeze state {freeze} cannot be read"),
        BrokenState::OverrideMissing => format!("a freeze is active, and there is no override at {over}"),
        BrokenState::OverrideUnreadable => format!("a freeze is active, and the override {over} cannot be read"),
    }
}

/// What a verdict means for one mode, in two words.
pub(crate) fn in_short(verdict: &GateVerdict) -> &'static str {
    match verdict {
        GateVerdict::Passes(_) => "passes",
        GateVerdict::Blocked(_) => "blocked",
        GateVerdict::Broken(_) => "blocked: state unread",
    }
}

/// The state of the freeze. `verdicts` are those of all modes; the first is of one that a freeze always blocks.
pub fn status(verdicts: &[(ReleaseMode, GateVerdict)], scene: Scene<'_>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a text does not fail.
        let _ = writeln!(text, "  {name:<9} {value}");
    };
    let first = verdicts.first().map(|(_, verdict)| verdict);
    let in_force = scene.freeze.is_some_and(|freeze| freeze.terms().in_force());
    if let Some(freeze) = scene.freeze {
        line("set at", &set_at(scene.freeze));
        line("tier", &tier(scene.freeze));
        line("reason", &or_not_written(freeze.reason.as_deref()));
        line("set by", &or_not_written(freeze.set_by.as_deref()));
        if freeze.note.is_some() {
            line("note", &or_not_written(freeze.note.as_deref()));
        }
    }
    let over = match first {
        Some(GateVerdict::Passes(PassReason::Override { until })) => Some(format!("counts until {until}")),
        Some(GateVerdict::Blocked(blocked)) => Some(override_line(&blocked.over)),
        Some(GateVerdict::Broken(BrokenState::OverrideMissing | BrokenState::OverrideUnreadable)) => {
            Some("cannot be read".to_owned())
        }
        Some(GateVerdict::Passes(_) | GateVerdict::Broken(_)) | None => None,
    };
    if let Some(over) = over {
        line("override", &over);
    }
    if let Some(over) = scene.over.filter(|_| in_force) {
        line("approved", &or_not_written(over.approved_by.as_deref()));
        line("ticket", &or_not_written(over.ticket_url.as_deref()));
    }
    for (mode, verdict) in verdicts {
        line(mode.name(), in_short(verdict));
    }
    let head = match (scene.freeze, first) {
        (Some(freeze), _) if freeze.freeze_mode => "frozen",
        (Some(_), _) if in_force => "frozen: the file says that it is over, but no person said so",
        (Some(_), _) => "not frozen: ended by a person",
        (None, Some(GateVerdict::Broken(_))) => "unknown: the freeze state is not there or cannot be read",
        (None, Some(GateVerdict::Passes(_) | GateVerdict::Blocked(_)) | None) => "not frozen: no freeze was ever set",
    };
    format!("{head}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::freeze_mode::override_rules::OverrideFault;

    fn state(reason: &str) -> FreezeState {
        let text = serde_json::json!({
            "freeze_mode": true, "set_at": "2026-01-08T08:00:00Z", "reason": reason, "set_by": "automation", "tier": "RED",
        });
        FreezeState::parse(&text.to_string()).unwrap()
    }

    fn scene(freeze: &FreezeState) -> Scene<'_> {
        Scene { freeze: Some(freeze), over: None, freeze_file: "state/freeze.json", override_file: "state/over.json" }
    }

    #[test]
    fn a_blocked_release_is_told_why_and_the_three_ways_on() {
        let freeze = state("error_budget_EMERGENCY");
        let why = Blocked {
            ground: Ground::Active,
            over: NoOverride::DoesNotCount(vec![OverrideFault::Expired, OverrideFault::NoApprover]),
        };
        let text = blocked(ReleaseMode::Ga, &why, scene(&freeze));
        for part in [
            "  CHANGE FREEZE MODE ACTIVE\n",
            "Release mode 'ga' is blocked due to error budget exhaustion.\n",
            "  Reason: error_budget_EMERGENCY\n  Tier: RED\n  Set at: 2026-01-08T08:00:00Z\n",
            "does not count: it has expired; `approved_by` names nobody\n",
            "     gh workflow run hotfix-release.yml\n",
            "     gh workflow run release-override.yml \\\n",
            "state/freeze.json\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn a_reason_that_steers_a_terminal_is_shown_escaped() {
        let freeze = state("\u{1b}]0;owned\u{7}\r\nRelease mode 'ga' is allowed");
        let why = Blocked { ground: Ground::Active, over: NoOverride::Absent };
        let status = status(&[(ReleaseMode::Ga, GateVerdict::Blocked(why.clone()))], scene(&freeze));
        for text in [blocked(ReleaseMode::Ga, &why, scene(&freeze)), status] {
            assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text:?}");
            assert!(!text.lines().any(|line| line.starts_with("Release mode 'ga' is allowed")), "{text}");
        }
    }

    #[test]
    fn a_reset_that_no_person_made_is_named_as_such() {
        let mut freeze = state("x");
        (freeze.freeze_mode, freeze.set_by) = (false, Some("automation".into()));
        let why = Blocked { ground: Ground::ResetNotByHuman, over: NoOverride::Absent };
        let text = blocked(ReleaseMode::Rc, &why, scene(&freeze));
        assert!(text.contains("`set_by` is \"automation\", and only \"human\" ends a freeze"), "{text}");
    }
}
