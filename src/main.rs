//! The program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(ended) = portal_agent::portal::network::inside::enter_if_asked() {
        return ended;
    }
    portal_agent::cli::secret::withdraw(std::env::args_os());
    portal_agent::cli::main(std::env::args_os())
}
