//! `freeze gate`: a drop-in for the gate script, in which a state that cannot be read blocks.

use std::path::Path;

use serde::Serialize;

use super::{GateArgs, OverrideDocument, States, now};
use crate::cli::args::Output;
use crate::cli::exit::Exit;
use crate::cli::terminal::{print_json, print_line, warn_line};
use crate::freeze_mode::gate::{GatePolicy, GateVerdict, PassReason};
use crate::freeze_mode::message;
use crate::model::freeze_terms::{ReleaseMode, Tier};
use crate::model::shown::escape_for_terminal;
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
    unread: Option<String>,
}

/// What the gate decides, before anything of it is printed.
pub struct Decision {
    states: States,
    verdict: GateVerdict,
    name: &'static str,
    /// The answer.
    pub exit: Exit,
    /// What cannot be read: the error of a broken gate, the warning of a hotfix.
    unread: Option<String>,
    /// What goes to stderr.
    pub warnings: Vec<String>,
    /// What people read where the answer belongs: stdout, or stderr where a document stands on stdout.
    text: Option<String>,
}

impl Decision {
    /// Default state files lie below `folder`. `now` is asked once they are read: what they say may have come about meanwhile.
    pub fn of(args: &GateArgs, folder: &Path, policy: GatePolicy, now: impl FnOnce() -> Instant) -> Self {
        let states = States::of(&args.files, folder);
        let verdict = states.judge(args.mode, policy, now());
        let (name, exit) = match &verdict {
            GateVerdict::Passes(_) => ("pass", Exit::Yes),
            GateVerdict::Blocked(_) if args.dry_run => ("blocked", Exit::Yes),
            GateVerdict::Blocked(_) => ("blocked", Exit::No),
            GateVerdict::Broken(_) => ("broken", Exit::Input),
        };
        let scene = states.scene();
        let unread = match &verdict {
            GateVerdict::Broken(state) | GateVerdict::Passes(PassReason::Hotfix(Some(state))) => {
                Some(states.mistake(*state).unwrap_or_else(|| message::broken(*state, scene)))
            }
            GateVerdict::Passes(_) | GateVerdict::Blocked(_) => None,
        };
        let mut warnings = Vec::new();
        let text = match &verdict {
            GateVerdict::Passes(reason) => {
                if let (PassReason::Hotfix(Some(state)), Some(unread)) = (reason, &unread) {
                    let why = message::broken(*state, scene);
                    warnings.push(format!("{unread}\nwarning: {why}; a hotfix passes all the same"));
                }
                Some(message::passes(args.mode, *reason))
            }
            GateVerdict::Blocked(blocked) => {
                let dry_run = if args.dry_run { "\ndry run: this release would be blocked (exit 1)" } else { "" };
                Some(message::blocked(args.mode, blocked, scene) + dry_run)
            }
            GateVerdict::Broken(state) => {
                warnings.extend(unread.clone());
                let why = message::broken(*state, scene);
                warnings.push(format!("error: release mode '{}' may not go on: {why}", args.mode));
                None
            }
        };
        Self { states, verdict, name, exit, unread, warnings, text }
    }
}

/// Carries out `freeze gate`.
pub(super) fn run(args: &GateArgs, policy: GatePolicy, output: Output) -> Exit {
    let Decision { states, verdict, name, exit, unread, warnings, text } =
        Decision::of(args, Path::new(""), policy, now);
    let (tag, sha) = (args.tag.as_deref().map(escape_for_terminal), args.sha.as_deref().map(escape_for_terminal));
    let dash = || "-".to_owned();
    tracing::info!(
        "mode {}, tag {}, sha {}: {name} ({}), exit {}",
        args.mode,
        tag.clone().unwrap_or_else(dash),
        sha.clone().unwrap_or_else(dash),
        verdict.why(),
        exit.code()
    );
    warnings.iter().for_each(|warning| warn_line(warning));
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
                decision: name,
                exit: exit.code(),
                why: verdict.why(),
                tier: freeze.and_then(|freeze| freeze.tier),
                set_at: freeze.and_then(|freeze| freeze.set_at),
                reason: freeze.and_then(|freeze| freeze.reason.as_deref()).map(escape_for_terminal),
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
        warn_line(&format!("warning: the answer could not be printed; it stands: {name} ({why}), exit {code}"));
    }
    exit
}
