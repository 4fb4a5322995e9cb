//! What the program says of itself: help, version, manual pages.

use std::collections::BTreeSet;
use std::process::Command;

use clap::CommandFactory as _;
use portal_agent::cli::args::Args;

fn all_below(command: &clap::Command, found: &mut Vec<clap::Command>) {
    found.push(command.clone());
    command.get_subcommands().for_each(|below| all_below(below, found));
}

fn commands() -> Vec<clap::Command> {
    let mut found = Vec::new();
    all_below(&Args::command(), &mut found);
    found
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn no_help_is_broken_inside_a_word_at_80_columns() {
    for command in commands() {
        let narrow = command.clone().max_term_width(80).term_width(80).render_long_help().to_string();
        let wide = command.clone().max_term_width(1000).term_width(1000).render_long_help().to_string();
        let long: Vec<&str> = narrow.lines().filter(|line| line.chars().count() > 80).collect();
        assert_eq!(long, [""; 0], "{}", command.get_name());
        assert_eq!(words(&narrow), words(&wide), "{}", command.get_name());
    }
}

#[test]
fn the_main_commands_have_examples() {
    let main = [
        "submit", "resume", "resolve", "takeover", "report", "verify", "check", "record", "import", "replay",
        "approve", "doctor", "schema",
    ];
    let found = commands();
    for name in main {
        let command = found.iter().find(|command| command.get_name() == name).unwrap();
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains(&format!("portal-agent {name}")), "{name}: {help}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    portal_agent::cli::man::write(folder.path()).unwrap();
    let pages: BTreeSet<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in ["portal-agent.1", "portal-agent-submit.1", "portal-agent-freeze-gate.1", "portal-agent-man.1"] {
        assert!(pages.contains(name), "{name} is not in {pages:?}");
    }
    assert_eq!(pages.len(), commands().len());
}

#[test]
fn the_version_names_the_commit_that_it_was_built_from() {
    let told = Command::new(env!("CARGO_BIN_EXE_portal-agent")).arg("--version").output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let commit = Command::new("git").args(["-C", root, "rev-parse", "--verify", "HEAD"]).output().unwrap();
    let (version, rest) = told.trim_end().split_once(" (").unwrap_or((told.trim_end(), ""));
    assert_eq!(version, concat!("portal-agent ", env!("CARGO_PKG_VERSION")));
    if commit.status.success() {
        let named = rest.trim_end_matches(')').trim_end_matches("-modified");
        assert!(named.len() >= 7 && named.chars().all(|digit| digit.is_ascii_hexdigit()), "{told}");
    }
}
