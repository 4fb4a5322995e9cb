//! `freeze status`: the freeze, its override, and what each release mode would meet.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::{OverrideDocument, StateFiles, States, answer, now};
use crate::cli::args::Output;
use crate::cli::exit::Exit;
use crate::cli::terminal::warn_line;
use crate::freeze_mode::gate::{GatePolicy, GateVerdict};
use crate::freeze_mode::message;
use crate::model::freeze_terms::{ReleaseMode, Tier};
use crate::model::shown::escape_for_terminal;
use crate::model::time::Instant;

#[derive(Serialize)]
struct StatusDocument {
    schema: &'static str,
    /// `frozen`, `free` or `unknown`.
    state: &'static str,
    exit: u8,
    why: &'static str,
    tier: Option<Tier>,
    set_at: Option<Instant>,
    reason: Option<String>,
    set_by: Option<String>,
    note: Option<String>,
    #[serde(rename = "override")]
    over: OverrideDocument,
    modes: BTreeMap<&'static str, &'static str>,
    unread: Option<String>,
}

/// Carries out `freeze status`.
pub(super) fn run(files: StateFiles, policy: GatePolicy, output: Output) -> Exit {
    let states = States::of(&files, Path::new(""));
    let now = now();
    let verdicts = ReleaseMode::ALL.map(|mode| (mode, states.judge(mode, policy, now)));
    // What `ga` meets is what the freeze says: nothing but the freeze and its override bears on it.
    let verdict = states.judge(ReleaseMode::Ga, policy, now);
    let in_force = states.freeze.state().is_some_and(|freeze| freeze.terms().in_force());
    let exit = match &verdict {
        GateVerdict::Broken(_) => Exit::Input,
        GateVerdict::Passes(_) | GateVerdict::Blocked(_) if in_force => Exit::No,
        GateVerdict::Passes(_) | GateVerdict::Blocked(_) => Exit::Yes,
    };
    let text = message::status(&verdicts, states.scene());
    // An override that cannot be read matters only during a freeze; it is worth knowing before.
    let unread = match &verdict {
        GateVerdict::Broken(state) => states.mistake(*state),
        GateVerdict::Passes(_) | GateVerdict::Blocked(_) => states.over.mistake().map(ToString::to_string),
    };
    if let Some(unread) = &unread {
        warn_line(unread);
    }
    let text = text.trim_end();
    if output == Output::Json {
        warn_line(text);
    }
    let freeze = states.freeze.state();
    let unknown = freeze.is_none() && matches!(verdict, GateVerdict::Broken(_));
    let state = if unknown {
        "unknown"
    } else if in_force {
        "frozen"
    } else {
        "free"
    };
    let text_of = |text: Option<&String>| text.map(|text| escape_for_terminal(text));
    let document = StatusDocument {
        schema: "portal-agent/freeze-status/1",
        state,
        exit: exit.code(),
        why: verdict.why(),
        tier: freeze.and_then(|freeze| freeze.tier),
        set_at: freeze.and_then(|freeze| freeze.set_at),
        reason: text_of(freeze.and_then(|freeze| freeze.reason.as_ref())),
        set_by: text_of(freeze.and_then(|freeze| freeze.set_by.as_ref())),
        note: text_of(freeze.and_then(|freeze| freeze.note.as_ref())),
        over: OverrideDocument::of(&verdict, states.over.state()),
        modes: verdicts.iter().map(|(mode, verdict)| (mode.name(), message::in_short(verdict))).collect(),
        unread,
    };
    answer(text, &document, "the states were read, and nothing was changed", exit, output)
}
