//! The README and the chapters say what the code says, and name what is there.

use std::path::{Path, PathBuf};

use portal_agent::cli::settings::KEYS;
use portal_agent::decide::advice::{advice, meaning};
use portal_agent::decide::verdict::HaltCode;
use portal_agent::evidence::outcome::Outcome;

const README: &str = include_str!("../../README.md");
const EVIDENCE: &str = include_str!("../../evidence/README.md");
const SETTINGS: &str = include_str!("../../src/cli/settings/README.md");

/// Every chapter, with where it is.
fn chapters() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    let mut folders = vec!["evidence", "portal-fixtures", "selectors", "src", "tests"]
        .into_iter()
        .map(|name| root.join(name))
        .collect::<Vec<_>>();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // What npm installs is not ours.
            if path.ends_with("node_modules") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "README.md") {
                found.push(path);
            }
        }
    }
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn the_table_of_halt_codes_is_the_codes_own() {
    let table: String =
        HaltCode::ALL.iter().map(|code| format!("| `{code}` | {} | {} |\n", meaning(*code), advice(*code))).collect();
    assert!(EVIDENCE.contains(&table), "evidence/README.md, section \"Halt codes\", should hold this:\n{table}");
}

#[test]
fn the_table_of_settings_has_every_setting_once_and_no_other() {
    let rows = SETTINGS.lines().filter(|line| line.starts_with("| `"));
    let mut named: Vec<&str> =
        rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect();
    named.sort_unstable();
    let mut known = KEYS.to_vec();
    known.sort_unstable();
    assert_eq!(named, known);
}

#[test]
fn every_link_leads_to_something_that_is_there() {
    let mut count = 0;
    for (path, text) in chapters() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            if file.contains("://") {
                continue;
            }
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link} is not there", path.display());
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                let anchor = |line: &str| {
                    line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-").replace([',', '.'], "")
                };
                let there = text.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
                assert!(there, "{}: {link} is no heading", path.display());
            }
            count += 1;
        }
    }
    assert!(count > 10, "only {count} links were found");
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
fn what_is_shown_as_toml_is_toml() {
    let mut count = 0;
    for (path, text) in chapters() {
        for block in text.split("```toml").skip(1) {
            let block = block.split("```").next().unwrap();
            let parsed = toml::from_str::<toml::Table>(&block.replace("\n   ", "\n"));
            parsed.unwrap_or_else(|error| panic!("{}: {error}\n{block}", path.display()));
            count += 1;
        }
    }
    assert!(count >= 8, "only {count} pieces were found");
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
