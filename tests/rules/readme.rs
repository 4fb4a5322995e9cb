//! The README names what scripts match on.

use portal_agent::decide::verdict::HaltCode;
use portal_agent::evidence::outcome::Outcome;

const README: &str = include_str!("../../README.md");

#[test]
fn every_halt_code_has_one_row() {
    for code in HaltCode::ALL {
        let rows = README.lines().filter(|line| line.starts_with(&format!("| `{code}` |"))).count();
        assert_eq!(rows, 1, "{code}");
    }
}

#[test]
fn every_outcome_has_one_row_with_its_exit_code() {
    use portal_agent::cli::exit::Exit;
    let outcomes = [
        Outcome::Submitted,
        Outcome::AlreadySubmitted,
        Outcome::DraftSaved,
        Outcome::HaltedDraft,
        Outcome::HaltedAbandoned,
        Outcome::InDoubt,
        Outcome::Environment,
    ];
    for outcome in outcomes {
        let row = format!("| `{}` | {} |", outcome.as_str(), Exit::from(outcome).code());
        assert_eq!(README.lines().filter(|line| line.starts_with(&row)).count(), 1, "{row}");
    }
}

#[test]
fn the_selector_map_in_the_readme_is_the_language_the_reader_reads() {
    // The pieces shown are parsed as TOML; the whole language is shown by the reference map.
    for block in README.split("```toml").skip(1) {
        let block = block.split("```").next().unwrap();
        toml::from_str::<toml::Table>(&block.replace("\n   ", "\n")).unwrap_or_else(|error| panic!("{error}\n{block}"));
    }
}
