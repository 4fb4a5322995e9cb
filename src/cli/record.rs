//! `record` and `import`: a run whose portal traffic becomes a fixture.

use std::path::{Path, PathBuf};

use super::args::{Import, Making, Output, Record, Window};
use super::demo::Demo;
use super::exit::Exit;
use super::progress::Progress;
use super::run::{OrderError, Wanted, interrupt, not_begun, order, text};
use super::settings;
use super::terminal::{invalid_input, print_json, print_line, warn_line};
use crate::diagnostic::Diagnostic;
use crate::evidence::outcome::Outcome;
use crate::recording::player::replay::ReplayError;
use crate::recording::record::recorder::{Made, RecordError, RecordOrder, Written, record as make};
use crate::recording::traffic::shapes::Har;
use crate::run::order::Begin;
use crate::sources::configured::ConfiguredSources;
use crate::sources::read_text;

/// Longest HAR that is read, in bytes.
const LONGEST_HAR: u64 = 512 << 20;
/// Shortest text that can be replaced everywhere, in characters.
const SHORTEST_REAL: usize = 3;

/// Carries out `record`.
pub async fn record(mut args: Record, output: Output) -> Exit {
    let demo = match Demo::start_if(args.demo, &mut args.common).await {
        Ok(demo) => demo,
        Err(exit) => return exit,
    };
    // One of the two is always there: the arguments demand it.
    let record = demo.as_ref().map(|demo| demo.example.record.clone()).or(args.record).unwrap_or_default();
    let shown = demo.as_ref().map(Demo::settings).unwrap_or_default();
    let ordered = settings::read_with(&args.common, shown).map_err(OrderError::from).and_then(|settings| {
        let wanted = Wanted {
            begin: Begin::Afresh,
            record,
            draft_only: !args.making.submit,
            window: Window { headed: args.headed, hand_over: false },
            credentials: demo.as_ref().map(Demo::credentials),
        };
        let map_text = map_text(settings.map()?)?;
        let (order, sources) = order(&settings, settings.shared_store()?, wanted)?;
        Ok((recording(order, map_text, args.making)?, sources))
    });
    carry_out(ordered, output).await
}

/// Carries out `import`.
pub async fn import(args: Import, output: Output) -> Exit {
    let har = match read_har(&args.har) {
        Ok(har) => har,
        Err(error) => return invalid_input(output, &error),
    };
    // The run against the HAR is nobody's evidence.
    let evidence = match tempfile::Builder::new().prefix("portal-agent-import-").tempdir() {
        Ok(evidence) => evidence,
        Err(error) => {
            warn_line(&format!("error: no room for a temporary folder: {error}"));
            return Exit::Environment;
        }
    };
    let mut common = args.common;
    common.evidence = Some(evidence.path().to_owned());
    let mut ordered = settings::read(&common).map_err(OrderError::from).and_then(|settings| {
        let wanted = Wanted {
            begin: Begin::Afresh,
            record: args.record,
            draft_only: !args.making.submit,
            window: Window { headed: false, hand_over: false },
            credentials: None,
        };
        let map_text = map_text(settings.map()?)?;
        let shared = crate::evidence::shared::SharedStore::folder(evidence.path());
        let (order, sources) = order(&settings, shared, wanted)?;
        Ok((recording(order, map_text, args.making)?, sources))
    });
    if let Ok((wanted, _)) = &mut ordered {
        let map = &wanted.order.map.file;
        let others = map.origins.iter().map(|url| url.get_ref());
        let origins = others.chain([&wanted.order.base]).map(|url| url.origin().ascii_serialization()).collect();
        match har.only(&origins).exchanges().await {
            Ok(exchanges) => wanted.har = Some(exchanges),
            Err(error) => return invalid_input(output, &Diagnostic::whole(&args.har, error.to_string(), HAR_HELP)),
        }
    }
    carry_out(ordered, output).await
}

fn map_text(path: &Path) -> Result<String, Diagnostic> {
    read_text(path, 1 << 20, "a selector map")
}

const HAR_HELP: &str = "export a HAR 1.2 with the bodies of requests and answers in it";

fn read_har(path: &Path) -> Result<Har, Diagnostic> {
    let text = read_text(path, LONGEST_HAR, "a HAR")?;
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text)
        .map_err(|error| Diagnostic::whole(path, format!("line {}: {error}", error.line()), HAR_HELP))
}

/// Texts and their stand-ins, the longest first.
fn stand_ins(path: Option<&PathBuf>) -> Result<Vec<(String, String)>, Diagnostic> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let text = read_text(path, 1 << 20, "a file of stand-ins")?;
    let help = "write lines of the form \"real text\" = \"stand-in\"";
    let table: std::collections::BTreeMap<String, String> = toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Diagnostic::unquoted(path, &text, at, None, "is no list of texts and their stand-ins", help)
    })?;
    if table.keys().any(|real| real.chars().count() < SHORTEST_REAL) {
        let message =
            format!("a text of fewer than {SHORTEST_REAL} characters occurs by chance and cannot be replaced");
        return Err(Diagnostic::whole(path, message, help));
    }
    let mut pairs: Vec<_> = table.into_iter().collect();
    pairs.sort_by_key(|(real, _)| std::cmp::Reverse(real.len()));
    Ok(pairs)
}

fn recording(order: crate::run::order::Order, map_text: String, making: Making) -> Result<RecordOrder, OrderError> {
    let stand_ins = stand_ins(making.stand_ins.as_ref())?;
    Ok(RecordOrder {
        order,
        map_text,
        out: making.out,
        about: making.about,
        portal: making.portal,
        stand_ins,
        har: None,
    })
}

async fn carry_out(ordered: Result<(RecordOrder, ConfiguredSources), OrderError>, output: Output) -> Exit {
    let (wanted, sources) = match ordered {
        Ok(ordered) => ordered,
        Err(error) => return not_begun(output, error),
    };
    let interrupt = match interrupt() {
        Ok(interrupt) => interrupt,
        Err(exit) => return exit,
    };
    let progress = Progress::new();
    let made = make(wanted, &sources, interrupt, &progress).await;
    progress.end();
    match made {
        Ok(made) => told(&made, output),
        Err(RecordError::Input(error)) => not_begun(output, error.into()),
        Err(error) => {
            warn_line(&format!("error: {error}"));
            if output == Output::Json {
                print_json(&serde_json::json!({ "fixture": null, "error": error.to_string() }));
            }
            exit_of(&error)
        }
    }
}

fn exit_of(error: &RecordError) -> Exit {
    match error {
        RecordError::Input(_) | RecordError::Write { .. } | RecordError::Read(_) | RecordError::Incomplete(_) => {
            Exit::Input
        }
        RecordError::Tap(_) | RecordError::Scrub(_) | RecordError::Leak(_) => Exit::No,
        RecordError::Replay(ReplayError::Input(_)) => Exit::No,
        RecordError::Upstream(_) | RecordError::Replay(ReplayError::Environment(_) | ReplayError::Evidence(_)) => {
            Exit::Environment
        }
    }
}

/// The run comes first: what it left at the portal matters more than its recording.
fn told(made: &Made, output: Output) -> Exit {
    let run = made.document.get();
    let written = made.fixture.as_ref();
    let differences = written.map(|written| written.differences.as_slice()).unwrap_or_default();
    match output {
        Output::Json => {
            print_json(&serde_json::json!({
                "fixture": written.ok().map(|written| &written.folder),
                "replays": written.is_ok() && differences.is_empty(),
                "differences": differences,
                "error": made.fixture.as_ref().err().map(ToString::to_string),
                "run": made.document,
            }));
        }
        Output::Text => {
            print_line(text(&made.document).trim_end());
            print_line(&match &made.fixture {
                Err(error) => format!("  fixture   none: {error}"),
                Ok(written) if differences.is_empty() => {
                    format!("  fixture   {} (replayed once: the same)", written.folder.display())
                }
                Ok(written) => differs(written),
            });
        }
    }
    let recorded = match &made.fixture {
        // Something was touched: a full disk is no wrong input any more.
        Err(error) => match exit_of(error) {
            Exit::Input | Exit::No => Exit::No,
            other @ (Exit::Yes | Exit::Doubt | Exit::Environment) => other,
        },
        Ok(_) if differences.is_empty() => Exit::Yes,
        Ok(_) => Exit::No,
    };
    match run.outcome {
        Outcome::InDoubt => Exit::Doubt,
        Outcome::Submitted
        | Outcome::AlreadySubmitted
        | Outcome::DraftSaved
        | Outcome::HaltedDraft
        | Outcome::HaltedAbandoned
        | Outcome::Environment => recorded,
    }
}

fn differs(written: &Written) -> String {
    let first = format!("  differs   {} does not replay as it was recorded:", written.folder.display());
    let help = "  help      what the page needs may be missing: see `[recording]` in portal-fixtures/README.md";
    let differences = written.differences.iter().map(ToString::to_string);
    std::iter::once(first).chain(differences).chain([help.to_owned()]).collect::<Vec<_>>().join("\n")
}
