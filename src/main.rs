//! The program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    portal_agent::cli::main(std::env::args_os())
}
