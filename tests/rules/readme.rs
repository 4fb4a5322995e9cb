//! The README names what scripts match on, and that of the tests names tests that are there.

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

const TESTS: &str = include_str!("../README.md");

/// Every file of tests: those here, and the unit tests beside the code.
fn test_files() -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("tests"), root.join("src")];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

#[test]
fn the_table_of_the_tests_has_every_halt_code_and_names_tests_that_are_there() {
    let files = test_files();
    for code in HaltCode::ALL {
        let rows: Vec<&str> = TESTS.lines().filter(|line| line.starts_with(&format!("| `{code}` |"))).collect();
        assert_eq!(rows.len(), 1, "{code}");
        let cells: Vec<&str> = rows[0].split('|').skip(2).collect();
        let named: Vec<&str> = cells.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        assert!(!named.is_empty(), "{code} is proven nowhere");
        for name in named {
            let name = name.rsplit("::").next().unwrap();
            let stands = |after: &str| files.contains(&format!(" {name}{after}"));
            assert!(stands("(") || stands(":") || stands(";"), "{code}: there is no test {name}");
        }
        for (word, mark) in [("(Chromium)", "chromium"), ("(Firefox)", "firefox"), ("(both)", "both")] {
            for part in cells[1].split(", ").filter(|part| part.contains(word)) {
                let name = part.split('`').nth(1).unwrap().rsplit("::").next().unwrap();
                let there =
                    files.contains(&format!("{mark} {name}")) || files.contains(&format!("{mark} async fn {name}"));
                assert!(there, "{code}: {name} does not run in {mark}");
            }
        }
    }
}

#[test]
fn the_tables_of_the_tests_name_files_that_are_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = TESTS.split('`').skip(1).step_by(2).filter(|text| text.ends_with(".rs") || text.starts_with("src/"));
    let mut count = 0;
    for name in named {
        let places = ["", "tests", "tests/browser"].map(|folder| root.join(folder).join(name));
        assert!(places.iter().any(|path| path.exists()), "there is no {name}");
        count += 1;
    }
    assert!(count > 20, "only {count} names were found");
}
