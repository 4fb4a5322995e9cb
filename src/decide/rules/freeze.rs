//! The deployment window against the manifest, the remediation and the freeze calendar.
//!
//! An exception exists because its window lies in a blackout, so the record names the blackouts it excepts. The whole
//! half-open window is tested, in UTC.

use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage};
use crate::freeze_mode::gate::{GatePolicy, GateVerdict, NoOverride, judge};
use crate::model::calendar::FreezeCalendar;
use crate::model::freeze_policy::{FreezePolicy, PagesPolicy};
use crate::model::freeze_terms::{FreezeMode, StateReading};
use crate::model::private::Fact;
use crate::model::record::{ChangeRecord, FreezeException};
use crate::model::time::Instant;

fn reason(code: HaltCode, subject: impl ToString, expected: impl ToString, observed: impl ToString) -> HaltReason {
    HaltReason {
        code,
        stage: Stage::Packet,
        subject: subject.to_string(),
        expected: Fact::public(expected),
        observed: Fact::public(observed),
        source: FactSource::Calendar,
    }
}

/// `window-mismatch`: the requested window is not the approved one, is over already, begins sooner or lasts longer than the policy
/// allows.
pub(crate) fn window_mismatch(record: &ChangeRecord, policy: &FreezePolicy, now: Instant) -> Vec<HaltReason> {
    let asked = record.exception.window;
    let bound = [("manifest.window", record.manifest.window), ("remediation.window", record.remediation.window)];
    let mut found: Vec<HaltReason> = bound
        .into_iter()
        .filter(|(_, approved)| *approved != asked)
        .map(|(subject, approved)| reason(HaltCode::WindowMismatch, subject, approved, asked))
        .collect();
    if asked.end <= now {
        found.push(reason(HaltCode::WindowMismatch, "window.end", format!("after {}", now.whole_seconds()), asked.end));
    }
    let category = record.exception.category.as_str();
    let lead = policy.lead_hours(category);
    if lead > 0 && asked.start.seconds_since(now) < i64::from(lead) * 3600 {
        let expected = format!("at least {lead} h after {}", now.whole_seconds());
        found.push(reason(HaltCode::WindowMismatch, "window.start", expected, asked.start));
    }
    if let Some(longest) = policy.longest_window_hours(category)
        && asked.end.seconds_since(asked.start) > i64::from(longest) * 3600
    {
        found.push(reason(HaltCode::WindowMismatch, "window", format!("at most {longest} h"), asked));
    }
    found
}

/// `window-not-covered`: the window lies outside every blackout that the record excepts.
pub(crate) fn window_not_covered(exception: &FreezeException) -> Option<HaltReason> {
    let touches = exception.excepts.iter().any(|named| named.window().overlaps(&exception.window));
    (!touches).then(|| {
        let named: Vec<String> = exception.excepts.iter().map(|named| named.id.to_string()).collect();
        reason(HaltCode::WindowNotCovered, "window", format!("inside one of [{}]", named.join(", ")), exception.window)
    })
}

/// `blackout-overlap`: the window overlaps a blackout of its environment that the record does not name.
pub(crate) fn blackout_overlap(
    exception: &FreezeException,
    calendar: &FreezeCalendar,
    policy: &FreezePolicy,
) -> Vec<HaltReason> {
    calendar
        .blackouts
        .iter()
        .filter(|blackout| policy.freezes(blackout, exception.environment.as_str()))
        .filter(|blackout| blackout.window.overlaps(&exception.window))
        .filter(|blackout| !exception.excepts.iter().any(|named| named.id == blackout.id))
        .map(|blackout| {
            let observed = format!("{} from {}", blackout.id, blackout.window);
            reason(HaltCode::BlackoutOverlap, "window", "no blackout beside those excepted", observed)
        })
        .collect()
}

/// `freeze-window-changed`: a named blackout has other times in the calendar, or is gone from it.
pub fn freeze_window_changed(exception: &FreezeException, calendar: &FreezeCalendar) -> Vec<HaltReason> {
    exception
        .excepts
        .iter()
        .filter_map(|named| {
            let observed = match calendar.get(&named.id) {
                Some(blackout) if blackout.window == named.window() => return None,
                Some(blackout) => blackout.window.to_string(),
                None => "not in the calendar".to_owned(),
            };
            let subject = format!("excepts.{}", named.id);
            Some(reason(HaltCode::FreezeWindowChanged, subject, named.window(), observed))
        })
        .collect()
}

/// `freeze-mode-active`: the freeze gate blocks the kind of release that the policy takes this category for. `source-unavailable`
/// where nobody can tell whether releases are frozen, whatever the kind.
pub fn freeze_mode(
    exception: &FreezeException,
    freeze: &FreezeMode,
    policy: &FreezePolicy,
    now: Instant,
) -> Option<HaltReason> {
    let subject = "freeze mode";
    let unavailable = |observed: &str| {
        let reason = reason(HaltCode::SourceUnavailable, subject, "a freeze state that can be read", observed);
        Some(HaltReason { source: FactSource::FreezeMode, ..reason })
    };
    let terms = match &freeze.state {
        StateReading::Unconfigured => return unavailable("`freeze_state` is not set"),
        StateReading::Absent | StateReading::Missing => return unavailable("the freeze state is not there"),
        StateReading::Unreadable => return unavailable("the freeze state cannot be read"),
        StateReading::Read(terms) => terms,
    };
    let mode = policy.mode(exception.category.as_str());
    let gate = GatePolicy {
        pages_blocked: match policy.pages {
            PagesPolicy::Blocked => true,
            PagesPolicy::Allowed => false,
        },
    };
    match judge(mode, &freeze.state, &freeze.release_override, gate, now) {
        GateVerdict::Passes(_) => None,
        GateVerdict::Broken(state) => unavailable(state.name()),
        GateVerdict::Blocked(blocked) => {
            let since = terms.set_at.map_or_else(|| "an unknown time".to_owned(), |at| at.to_string());
            let tier = terms.tier.map_or_else(String::new, |tier| format!(", tier {tier}"));
            let over = match blocked.over {
                NoOverride::Absent => "no override".to_owned(),
                NoOverride::DoesNotCount(faults) => {
                    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                    format!("the override does not count: {}", faults.join("; "))
                }
            };
            let expected = format!("no freeze of {mode} releases");
            let observed = format!("frozen since {since}{tier}; {over}");
            let reason = reason(HaltCode::FreezeModeActive, subject, expected, observed);
            Some(HaltReason { source: FactSource::FreezeMode, ..reason })
        }
    }
}

/// `category-not-admitted`: a named blackout does not admit exceptions of this category.
pub(crate) fn category_not_admitted(
    exception: &FreezeException,
    calendar: &FreezeCalendar,
    policy: &FreezePolicy,
) -> Vec<HaltReason> {
    let category = exception.category.as_str();
    exception
        .excepts
        .iter()
        .filter_map(|named| calendar.get(&named.id))
        .filter(|blackout| !policy.admitted(blackout).any(|admitted| admitted == category))
        .map(|blackout| {
            let expected = format!("one of [{}]", policy.admitted(blackout).collect::<Vec<_>>().join(", "));
            reason(HaltCode::CategoryNotAdmitted, format!("excepts.{}", blackout.id), expected, category)
        })
        .collect()
}
