//! `man`: the manual pages, made from the definition of the command line.

use std::io;
use std::path::Path;

use clap::CommandFactory as _;
use serde::Serialize;

use super::args::{Args, Output};
use super::exit::Exit;
use super::terminal::{invalid_input, print_json, print_line};

#[derive(Serialize)]
struct ManDocument<'a> {
    schema: &'static str,
    folder: &'a Path,
}

/// Carries out `man`.
pub(super) fn run(folder: &Path, output: Output) -> Exit {
    if let Err(error) = write(folder) {
        let help = "name a folder that can be written";
        return invalid_input(output, &format!("error: {}: {error}\n  = help: {help}", folder.display()));
    }
    match output {
        Output::Json => print_json(&ManDocument { schema: "portal-agent/man/1", folder }),
        Output::Text => print_line(&format!(
            "written to {}; read them with: man -l {}",
            folder.display(),
            folder.join("portal-agent.1").display()
        )),
    }
}

/// Writes `portal-agent.1` and a page for each command below it.
///
/// # Errors
///
/// Whatever the system reports.
pub fn write(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Args::command().version(env!("CARGO_PKG_VERSION")), folder)
}
