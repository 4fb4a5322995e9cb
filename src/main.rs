//! The program: everything is in the library.

use std::process::ExitCode;

use git_version::git_version;

/// The version, and the commit that it was built from, where that is known.
const VERSION: &str = git_version!(
    prefix = concat!(env!("CARGO_PKG_VERSION"), " ("),
    suffix = ")",
    args = ["--always", "--abbrev=12", "--dirty=-modified"],
    fallback = env!("CARGO_PKG_VERSION")
);

fn main() -> ExitCode {
    if let Some(ended) = portal_agent::portal::network::inside::enter_if_asked() {
        return ended;
    }
    portal_agent::cli::secret::withdraw(std::env::args_os());
    portal_agent::cli::main(std::env::args_os(), VERSION)
}
