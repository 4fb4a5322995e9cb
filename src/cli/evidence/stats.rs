//! `evidence stats`: the figures.

use std::path::PathBuf;

use serde::Serialize;

use super::{ended, folders, jobs};
use crate::cli::args::Output;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::terminal::{invalid_input, print_json, print_line};
use crate::diagnostic::Diagnostic;
use crate::evidence::check::{Depth, verify};
use crate::evidence::figures::{Cause, Figures, RunFigures, Share, figures};

#[derive(Serialize)]
struct StatsDocument {
    schema: &'static str,
    /// Runs that did not end, or of which the manifest alone is left: not counted.
    left_out: usize,
    #[serde(flatten)]
    figures: Figures,
}

/// Carries out `evidence stats`.
pub(super) fn run(named: &[PathBuf], settings: &Settings, output: Output) -> Exit {
    match count(named, settings) {
        Err(error) => invalid_input(output, &error),
        Ok(document) => match output {
            Output::Json => print_json(&document),
            Output::Text => print_line(text(&document).trim_end()),
        },
    }
}

fn count(named: &[PathBuf], settings: &Settings) -> Result<StatsDocument, Diagnostic> {
    let folders = folders(named, settings)?;
    let checked = verify(&folders, Depth::Whole, None, jobs());
    let (mut runs, mut left_out) = (Vec::new(), 0);
    for (folder, checked) in folders.iter().zip(checked) {
        let Some(run) = ended(folder)? else {
            left_out += 1;
            continue;
        };
        runs.push(RunFigures {
            run: run.run_id,
            change: run.change_id,
            continues: run.resumes.map(|earlier| earlier.run),
            started_at: run.started_at,
            outcome: run.outcome,
            codes: run.halt.iter().map(|halt| halt.code).collect(),
            released: run.commit_requests_released,
            complete: checked.flaws.is_empty(),
        });
    }
    Ok(StatsDocument { schema: "portal-agent/stats/1", left_out, figures: figures(&runs) })
}

fn share(share: Share) -> String {
    let Share { count, of } = share;
    match (count * 100).checked_div(of) {
        Some(percent) => format!("{count} of {of} ({percent} %)"),
        None => "none".to_owned(),
    }
}

fn text(document: &StatsDocument) -> String {
    let StatsDocument { figures, left_out, .. } = document;
    let counted = |all: &mut dyn Iterator<Item = (String, usize)>| {
        let told: Vec<String> = all.map(|(name, count)| format!("{name} {count}")).collect();
        if told.is_empty() { "none".to_owned() } else { told.join(", ") }
    };
    let cause = |cause: Cause| match cause {
        Cause::Approvals => "approvals",
        Cause::Rollback => "rollback plan",
        Cause::Blackout => "window and blackouts",
        Cause::Record => "other parts of the record",
        Cause::Portal => "portal",
        Cause::Commit => "commit",
        Cause::Agent => "agent",
    };
    let caught = figures.caught_before_commit.iter().map(|(about, count)| (cause(*about).to_owned(), *count));
    let outcomes = figures.outcomes.iter().map(|(name, count)| ((*name).to_owned(), *count));
    let halts = figures.halts.iter().map(|(name, count)| ((*name).to_owned(), *count));
    let lines = [
        (
            "runs",
            format!("{} of {} changes; {left_out} more did not end or were pruned", figures.runs, figures.changes),
        ),
        ("outcomes", counted(&mut outcomes.into_iter())),
        ("submitted, once and right", share(figures.submitted_and_right)),
        ("caught before the commit", counted(&mut caught.into_iter())),
        ("halts", counted(&mut halts.into_iter())),
        ("halts that released nothing", share(figures.safe_halts)),
        ("halted drafts gone on from", share(figures.taken_over)),
        ("doubts resolved", share(figures.doubts_resolved)),
        ("evidence complete", share(figures.complete_bundles)),
    ];
    lines.iter().map(|(name, told)| format!("{name:28}  {told}\n")).collect()
}
