//! `replay`: reruns fixtures in a real browser, offline, and says in what they differ.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Monotonic};

use futures_util::{StreamExt as _, stream};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::args::{Common, Output, Replay};
use super::exit::Exit;
use super::run::interrupt;
use super::settings;
use super::terminal::{as_started, invalid_input, print_json, print_line, warn_line};
use crate::diagnostic::Diagnostic;
use crate::model::browser::BrowserKind;
use crate::recording::compare::difference::Difference;
use crate::recording::fixture::folder::{Fixture, HEAD, name_of};
use crate::recording::player::replay::{differences, replay};
use crate::report::REPORT;
use crate::run::interrupt::Interrupt;
use crate::run::session::BrowserOrder;
use crate::run::watch::Unwatched;

/// How long a person who watches is given for every step.
const SLOW: Duration = Duration::from_millis(700);

/// Most differences that are printed of one fixture.
const PRINTED: usize = 40;

/// How one replay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Result {
    Same,
    Differs,
    InvalidInput,
    Environment,
}

#[derive(Serialize)]
struct Line {
    fixture: PathBuf,
    name: String,
    result: Result,
    seconds: f64,
    differences: Vec<Difference>,
    error: Option<String>,
    /// Evidence folder of the run, where it is kept.
    evidence: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    browser: BrowserKind,
    fixtures: Vec<Line>,
}

/// Carries out `replay`.
pub async fn run(args: Replay, output: Output) -> Exit {
    let common = Common { settings: args.settings.clone(), browser: args.browser, ..Common::default() };
    let settings = match settings::read(&common) {
        Ok(settings) => settings,
        Err(error) => return invalid_input(output, &error),
    };
    let pace = if args.slow { SLOW } else { Duration::ZERO };
    let browser = BrowserOrder { pace, ..settings.browser_order(args.headed) };
    let folders = match args.paths.iter().map(|path| fixtures(path)).collect::<std::result::Result<Vec<_>, _>>() {
        Ok(folders) => folders.concat(),
        Err(error) => return invalid_input(output, &error),
    };
    let interrupt = match interrupt() {
        Ok(interrupt) => interrupt,
        Err(exit) => return exit,
    };
    let room = match tempfile::Builder::new().prefix("portal-agent-replay-").tempdir() {
        Ok(room) => room,
        Err(error) => {
            warn_line(&format!("error: no room for a temporary folder: {error}"));
            return Exit::Environment;
        }
    };
    let kept = args.evidence.is_some();
    let root = args.evidence.unwrap_or_else(|| room.path().to_owned());
    let one = |(place, folder): (usize, PathBuf)| {
        let (browser, root, interrupt) = (&browser, &root, interrupt.clone());
        async move {
            // A number keeps two fixtures of one name apart.
            let mut line = one(folder, browser, root, place + 1, interrupt).await;
            line.evidence = line.evidence.filter(|_| kept);
            if output == Output::Text {
                print_line(&told(&line));
            }
            line
        }
    };
    let lines = stream::iter(folders.into_iter().enumerate()).map(one).buffered(args.jobs.get());
    let document = Document { schema: "portal-agent/replay/1", browser: browser.kind, fixtures: lines.collect().await };
    if let Some(path) = &args.junit
        && let Err(error) = junit(&document, path)
    {
        warn_line(&format!("error: {}: {error}", path.display()));
        return Exit::Environment;
    }
    end(&document, kept.then_some(&root), output)
}

/// A folder of its own for each time, the owner's alone: what an earlier replay left stays as it is and is never continued.
fn folder_of(root: &Path, name: &str) -> std::io::Result<PathBuf> {
    DirBuilder::new().mode(0o700).recursive(true).create(root)?;
    let mut times = 1_u32;
    loop {
        let folder = if times == 1 { root.join(name) } else { root.join(format!("{name}-{times}")) };
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => times += 1,
            Err(error) => return Err(error),
            Ok(()) => return Ok(folder),
        }
    }
}

fn end(document: &Document, kept: Option<&PathBuf>, output: Output) -> Exit {
    let count = |wanted: Result| document.fixtures.iter().filter(|line| line.result == wanted).count();
    let differ = count(Result::Differs);
    let (invalid, environment) = (count(Result::InvalidInput), count(Result::Environment));
    match output {
        Output::Json => drop(print_json(document)),
        Output::Text => {
            let rest = [(differ, "differ"), (invalid, "cannot be read"), (environment, "could not be replayed")];
            let rest = rest.into_iter().filter(|(number, _)| *number > 0);
            let rest: Vec<String> = rest.map(|(number, what)| format!("{number} {what}")).collect();
            let rest = if rest.is_empty() { ", no differences".to_owned() } else { format!(": {}", rest.join(", ")) };
            let number = document.fixtures.len();
            let noun = if number == 1 { "fixture" } else { "fixtures" };
            print_line(&format!("{number} {noun} replayed{rest}\n\n{}", where_to_go(document, kept)));
        }
    }
    match (invalid, environment, differ) {
        (1.., _, _) => Exit::Input,
        (0, 1.., _) => Exit::Environment,
        (0, 0, 1..) => Exit::No,
        (0, 0, 0) => Exit::Yes,
    }
}

/// Where the evidence and its report are, and what to try next.
fn where_to_go(document: &Document, kept: Option<&PathBuf>) -> String {
    let some = document.fixtures.iter().any(|line| line.evidence.is_some());
    let (evidence, report) = match (kept.filter(|_| some), document.fixtures.as_slice()) {
        (None, _) if kept.is_some() => ("none".to_owned(), None),
        (None, _) => ("not kept; `--evidence DIR` keeps it".to_owned(), None),
        (Some(_), [Line { evidence: Some(run), .. }]) => {
            (run.display().to_string(), Some(run.join(REPORT).display().to_string()))
        }
        (Some(root), _) => (root.display().to_string(), Some(format!("`{REPORT}` in each folder below it"))),
    };
    let report = report.map(|report| format!("report    {report}\n")).unwrap_or_default();
    let next = format!("{} submit --demo", as_started());
    format!("evidence  {evidence}\n{report}next      {next}   # a run against a live portal, which is built in")
}

/// A fixture, or every fixture directly below a folder.
fn fixtures(path: &Path) -> std::result::Result<Vec<PathBuf>, Diagnostic> {
    let help = "name a folder that `portal-agent record` wrote, or a folder of such folders";
    if !path.is_dir() {
        return Err(Diagnostic::whole(path, "is no folder", help));
    }
    if path.join(HEAD).exists() {
        return Ok(vec![path.to_owned()]);
    }
    let wrong = |error: std::io::Error| Diagnostic::whole(path, format!("cannot be read: {error}"), help);
    let entries = std::fs::read_dir(path).map_err(wrong)?;
    let all: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut found: Vec<PathBuf> = all.map_err(wrong)?.into_iter().filter(|path| path.join(HEAD).exists()).collect();
    found.sort();
    if found.is_empty() {
        return Err(Diagnostic::whole(path, "holds no fixture", help));
    }
    Ok(found)
}

async fn one(folder: PathBuf, browser: &BrowserOrder, root: &Path, place: usize, interrupt: Interrupt) -> Line {
    let begun = Monotonic::now();
    let line = |result, differences, error| Line {
        name: name_of(&folder),
        fixture: folder.clone(),
        result,
        seconds: begun.elapsed().as_secs_f64(),
        differences,
        error,
        evidence: None,
    };
    let fixture = match Fixture::read(&folder).await {
        Ok(fixture) => fixture,
        Err(error) => return line(Result::InvalidInput, Vec::new(), Some(error.to_string())),
    };
    let evidence = match folder_of(root, &format!("{place:03}-{}", name_of(&folder))) {
        Ok(evidence) => evidence,
        Err(error) => {
            let told = format!("{}: no evidence can be kept here: {error}", root.display());
            return line(Result::InvalidInput, Vec::new(), Some(told));
        }
    };
    match replay(&fixture, browser, &evidence, interrupt, &Unwatched).await {
        Ok(replayed) => {
            let found = differences(&fixture, &replayed);
            let result = if found.is_empty() { Result::Same } else { Result::Differs };
            let evidence = Some(PathBuf::from(&replayed.document.get().evidence_dir));
            Line { evidence, ..line(result, found, None) }
        }
        Err(crate::recording::player::replay::ReplayError::Input(error)) => {
            line(Result::InvalidInput, Vec::new(), Some(error.to_string()))
        }
        Err(error) => line(Result::Environment, Vec::new(), Some(error.to_string())),
    }
}

fn told(line: &Line) -> String {
    let result = match line.result {
        Result::Same => "same",
        Result::Differs => "differs",
        Result::InvalidInput => "invalid",
        Result::Environment => "failed",
    };
    let mut lines = vec![format!("{result:8} {}  ({:.1} s)", line.name, line.seconds)];
    lines.extend(line.differences.iter().take(PRINTED).map(ToString::to_string));
    if line.differences.len() > PRINTED {
        lines.push(format!("and {} more", line.differences.len() - PRINTED));
    }
    lines.extend(line.error.clone());
    lines.join("\n").replace('\n', "\n  ")
}

fn junit(document: &Document, path: &Path) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut suite = TestSuite::new(format!("replay in {}", document.browser));
    for line in &document.fixtures {
        let kind = match line.result {
            Result::Same => None,
            Result::Differs => Some(NonSuccessKind::Failure),
            Result::InvalidInput | Result::Environment => Some(NonSuccessKind::Error),
        };
        let status = match kind {
            None => TestCaseStatus::success(),
            Some(kind) => {
                let mut status = TestCaseStatus::non_success(kind);
                let all: Vec<String> = line.differences.iter().map(ToString::to_string).collect();
                status.set_message(line.error.clone().unwrap_or_else(|| format!("{} differences", all.len())));
                status.set_description(all.join("\n"));
                status
            }
        };
        let mut case = TestCase::new(line.name.clone(), status);
        case.set_classname("portal-agent.replay");
        case.set_time(Duration::from_secs_f64(line.seconds));
        suite.add_test_case(case);
    }
    let mut report = Report::new("portal-agent");
    report.add_test_suite(suite);
    std::fs::write(path, report.to_string()?)?;
    Ok(())
}
