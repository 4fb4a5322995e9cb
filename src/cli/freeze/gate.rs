//! `freeze gate`: a drop-in for the gate script, in which a state that cannot be read blocks.

use serde::Serialize;

use super::{GateArgs, OverrideDocument, States, now};
use crate::cli::args::Output;
use crate::cli::exit::Exit;
use crate::cli::terminal::{print_json, print_line, warn_line};
use crate::freeze_mode::gate::{GatePolicy, GateVerdict, PassReason};
use crate::freeze_mode::message;
use crate::model::freeze_terms::{ReleaseMode, Tier};
use crate::model::shown::shown;
use crate::model::time::Instant;

#[derive(Serialize)]
struct GateDocument {
    schema: &'static str,
    mode: ReleaseMode,
    decision: &'static str,
    exit: u8,
    why: &'static str,
    tier: Option<Tier>,
    set_at: Option<Instant>,
    reason: Option<String>,
    #[serde(rename = "override")]
    over: OverrideDocument,
    tag: Option<String>,
    sha: Option<String>,
    dry_run: bool,
    /// What cannot be read: the error of a broken gate, the warning of a hotfix.
    unread: Option<String>,
}

/// Carries out `freeze gate`.
pub(super) fn run(args: &GateArgs, policy: GatePolicy, output: Output) -> Exit {
    let states = States::of(&args.files);
    let verdict = states.judge(args.mode, policy, now());
    let (decision, exit) = match &verdict {
        GateVerdict::Passes(_) => ("pass", Exit::Yes),
        GateVerdict::Blocked(_) if args.dry_run => ("blocked", Exit::Yes),
        GateVerdict::Blocked(_) => ("blocked", Exit::No),
        GateVerdict::Broken(_) => ("broken", Exit::Input),
    };
    let (tag, sha) = (args.tag.as_deref().map(shown), args.sha.as_deref().map(shown));
    let dash = || "-".to_owned();
    tracing::info!(
        "mode {}, tag {}, sha {}: {decision} ({}), exit {}",
        args.mode,
        tag.clone().unwrap_or_else(dash),
        sha.clone().unwrap_or_else(dash),
        verdict.why(),
        exit.code()
    );
    let unread = match &verdict {
        GateVerdict::Broken(state) | GateVerdict::Passes(PassReason::Hotfix(Some(state))) => {
            let scene = states.scene();
            Some(states.mistake(*state).unwrap_or_else(|| message::broken(*state, scene)))
        }
        GateVerdict::Passes(_) | GateVerdict::Blocked(_) => None,
    };
    let text = told(args, &states, &verdict, unread.as_deref());
    let printed = match output {
        Output::Text => text.map_or(Exit::Yes, |text| print_line(&text)),
        Output::Json => {
            if let Some(text) = text {
                warn_line(&text);
            }
            let freeze = states.freeze.state();
            print_json(&GateDocument {
                schema: "portal-agent/freeze-gate/1",
                mode: args.mode,
                decision,
                exit: exit.code(),
                why: verdict.why(),
                tier: freeze.and_then(|freeze| freeze.tier),
                set_at: freeze.and_then(|freeze| freeze.set_at),
                reason: freeze.and_then(|freeze| freeze.reason.as_deref()).map(shown),
                over: OverrideDocument::of(&verdict, states.over.state()),
                tag,
                sha,
                dry_run: args.dry_run,
                unread,
            })
        }
    };
    // The exit code is the answer, and it was found: a full disk neither blocks a hotfix nor lets anything else pass.
    if printed != Exit::Yes {
        let (code, why) = (exit.code(), verdict.why());
        warn_line(&format!("warning: the answer could not be printed; it stands: {decision} ({why}), exit {code}"));
    }
    exit
}

/// What people are told where the answer belongs: stdout, or stderr where a document stands on stdout. Warnings and errors go
/// to stderr at once.
fn told(args: &GateArgs, states: &States, verdict: &GateVerdict, unread: Option<&str>) -> Option<String> {
    let scene = states.scene();
    match verdict {
        GateVerdict::Passes(reason) => {
            if let (PassReason::Hotfix(Some(state)), Some(unread)) = (reason, unread) {
                let why = message::broken(*state, scene);
                warn_line(&format!("{unread}\nwarning: {why}; a hotfix passes all the same"));
            }
            Some(message::passes(args.mode, *reason))
        }
        GateVerdict::Blocked(blocked) => {
            let dry_run = if args.dry_run { "\ndry run: this release would be blocked (exit 1)" } else { "" };
            Some(message::blocked(args.mode, blocked, scene) + dry_run)
        }
        GateVerdict::Broken(state) => {
            if let Some(unread) = unread {
                warn_line(unread);
            }
            let why = message::broken(*state, scene);
            warn_line(&format!("error: release mode '{}' may not go on: {why}", args.mode));
            None
        }
    }
}
