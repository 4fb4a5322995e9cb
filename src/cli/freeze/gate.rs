//! `freeze gate`: a drop-in for the gate script, in which a state that cannot be read blocks.

use serde::Serialize;

use super::{GateArgs, OverrideDocument, States, now};
use crate::cli::args::Output;
use crate::cli::exit::Exit;
use crate::cli::terminal::print_json;
use crate::freeze_mode::gate::{GatePolicy, GateVerdict, PassReason};
use crate::freeze_mode::message;
use crate::freeze_mode::shown::shown;
use crate::model::freeze_terms::{ReleaseMode, Tier};
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
    tell(args, &states, &verdict, unread.as_deref(), output);
    if output == Output::Json {
        let freeze = states.freeze.state();
        let document = GateDocument {
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
        };
        if print_json(&document) != Exit::Yes {
            return Exit::Environment;
        }
    }
    exit
}

/// Tells people: on stdout, or on stderr where a document stands on stdout. Warnings and errors always go to stderr.
fn tell(args: &GateArgs, states: &States, verdict: &GateVerdict, unread: Option<&str>, output: Output) {
    let say = |text: &str| match output {
        Output::Text => println!("{text}"),
        Output::Json => eprintln!("{text}"),
    };
    let scene = states.scene();
    match verdict {
        GateVerdict::Passes(reason) => {
            if let (PassReason::Hotfix(Some(state)), Some(unread)) = (reason, unread) {
                eprintln!("{unread}\nwarning: {}; a hotfix passes all the same", message::broken(*state, scene));
            }
            say(&message::passes(args.mode, *reason));
        }
        GateVerdict::Blocked(blocked) => {
            say(&message::blocked(args.mode, blocked, scene));
            if args.dry_run {
                say("dry run: this release would be blocked (exit 1)");
            }
        }
        GateVerdict::Broken(state) => {
            if let Some(unread) = unread {
                eprintln!("{unread}");
            }
            eprintln!("error: release mode '{}' may not go on: {}", args.mode, message::broken(*state, scene));
        }
    }
}
