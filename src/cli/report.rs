//! `report`: the HTML report of a past run.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::{Output, Report};
use super::exit::Exit;
use super::past_runs::run_named;
use super::run::settings;
use super::terminal::{invalid_input, print_json, print_line, warn_line};
use crate::diagnostic::Diagnostic;
use crate::evidence::check::{Depth, flaws};
use crate::evidence::store::SCREENSHOTS;
use crate::report::{Piece, REPORT, encoded, report};

#[derive(Serialize)]
struct ReportDocument {
    schema: &'static str,
    evidence: String,
    /// Where it is.
    report: String,
    /// What of the evidence is not as the run wrote it.
    flaws: Vec<String>,
}

/// Carries out `report`.
pub(super) fn run(args: &Report, output: Output) -> Exit {
    let settings = match settings(&args.common) {
        Ok(settings) => settings,
        Err(error) => return invalid_input(output, &error),
    };
    let folder = match run_named(&args.run, &settings.evidence).and_then(only) {
        Ok(folder) => folder,
        Err(error) => return invalid_input(output, &error),
    };
    let flaws: Vec<String> = flaws(&folder, Depth::Whole).iter().map(ToString::to_string).collect();
    for flaw in &flaws {
        warn_line(&format!("warning: {flaw}"));
    }
    let own = folder.join(REPORT);
    let place = match &args.out {
        // The run's own, as it wrote it.
        None if flaws.is_empty() && own.is_file() => own,
        out => {
            let name = || PathBuf::from(format!("{}.html", folder.file_name().unwrap_or_default().to_string_lossy()));
            let out = out.clone().unwrap_or_else(name);
            if let Err(error) = write(&folder, &flaws, &out) {
                return invalid_input(output, &error);
            }
            out
        }
    };
    let printed = match output {
        Output::Json => print_json(&ReportDocument {
            schema: "portal-agent/report/1",
            evidence: folder.display().to_string(),
            report: place.display().to_string(),
            flaws: flaws.clone(),
        }),
        Output::Text => print_line(&place.display().to_string()),
    };
    if printed == Exit::Yes && !flaws.is_empty() { Exit::No } else { printed }
}

fn only(mut folders: Vec<PathBuf>) -> Result<PathBuf, Diagnostic> {
    let last = folders.pop();
    match (last, folders.is_empty()) {
        (Some(folder), true) => Ok(folder),
        (Some(folder), false) => {
            let help = "a report is of one run";
            Err(Diagnostic::whole(&folder, "is not the only run there", help))
        }
        (None, _) => Err(Diagnostic::whole(Path::new("."), "holds no evidence of a run", "name the folder of a run")),
    }
}

fn write(folder: &Path, flaws: &[String], out: &Path) -> Result<(), Diagnostic> {
    let mut pictures: Vec<String> = std::fs::read_dir(folder.join(SCREENSHOTS))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| format!("{SCREENSHOTS}/{}", entry.file_name().to_string_lossy()))
        .collect();
    pictures.sort_unstable();
    let pieces = report(&|name| std::fs::read(folder.join(name)).ok(), &pictures, flaws);
    let help = "name the folder of a run that ended";
    let pieces = pieces.map_err(|error| Diagnostic::whole(folder, error.to_string(), help))?;
    let written = OpenOptions::new().write(true).create_new(true).open(out).and_then(|file| put(folder, &pieces, file));
    written
        .map_err(|error| Diagnostic::whole(out, format!("cannot be written: {error}"), "name another file with --out"))
}

fn put(folder: &Path, pieces: &[Piece], file: File) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    for piece in pieces {
        match piece {
            Piece::Text(text) => file.write_all(text.as_bytes())?,
            Piece::Picture(path) => file.write_all(encoded(&std::fs::read(folder.join(path))?).as_bytes())?,
        }
    }
    file.flush()
}
