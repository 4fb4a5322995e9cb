//! Which module may import which. A new import has to be allowed here first.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Module, and what it may import of ours. The rooms of the recordings' wing are told apart, since one of them is pure.
const ALLOWED: [(&str, &[&str]); 25] = [
    ("model", &[]),
    ("netlink", &[]),
    ("diagnostic", &[]),
    ("decide", &["model", "freeze_mode"]),
    ("freeze_mode", &["model"]),
    ("selectors", &["model", "diagnostic"]),
    ("mask", &["model", "decide"]),
    ("sources", &["model", "diagnostic", "freeze_mode", "signatures"]),
    ("signatures", &["model", "diagnostic"]),
    ("gateway", &["model", "decide", "netlink", "selectors"]),
    ("portal", &["model", "netlink", "selectors", "mask", "gateway"]),
    ("seal", &["model"]),
    ("evidence", &["model", "decide", "mask", "seal"]),
    ("rejudge", &["model", "decide", "evidence"]),
    ("report", &["model", "decide", "evidence"]),
    ("reference_portal", &["model"]),
    (
        "run",
        &[
            "model",
            "diagnostic",
            "decide",
            "selectors",
            "mask",
            "sources",
            "gateway",
            "portal",
            "evidence",
            "seal",
            "report",
        ],
    ),
    ("recording/scrub", &["model"]),
    ("recording/traffic", &["model", "selectors", "gateway"]),
    ("recording/fixture", &["model", "diagnostic", "selectors", "sources", "evidence", "recording::traffic"]),
    ("recording/compare", &["model", "decide", "mask", "evidence", "run", "recording::traffic", "recording::fixture"]),
    (
        "recording/player",
        &[
            "model",
            "decide",
            "selectors",
            "mask",
            "portal",
            "evidence",
            "run",
            "recording::traffic",
            "recording::fixture",
            "recording::compare",
        ],
    ),
    (
        "recording/record",
        &[
            "model",
            "diagnostic",
            "decide",
            "selectors",
            "mask",
            "sources",
            "gateway",
            "portal",
            "evidence",
            "run",
            "recording::scrub",
            "recording::traffic",
            "recording::fixture",
            "recording::compare",
            "recording::player",
        ],
    ),
    // Compiled for tests alone.
    (
        "simulation",
        &[
            "model",
            "diagnostic",
            "decide",
            "selectors",
            "mask",
            "sources",
            "gateway",
            "portal",
            "evidence",
            "run",
            "rejudge",
            "reference_portal",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "diagnostic",
            "decide",
            "freeze_mode",
            "signatures",
            "selectors",
            "mask",
            "sources",
            "gateway",
            "portal",
            "evidence",
            "seal",
            "report",
            "run",
            "rejudge",
            "reference_portal",
            "recording::traffic",
            "recording::fixture",
            "recording::compare",
            "recording::player",
            "recording::record",
        ],
    ),
];

/// What the pure modules may not so much as name.
const IMPURE: [&str; 9] =
    ["std::fs", "std::net", "std::process", "std::env", "tokio", "async fn", "SystemTime", "Timestamp::now", "rand::"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn files_of(module: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let file = src.join(format!("{module}.rs"));
    if file.is_file() { vec![file] } else { sources(&src.join(module)) }
}

/// Code without its comments, and without the tests beside it.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let before_tests = text.split("#[cfg(test)]").next().unwrap();
    before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn imported(text: &str) -> BTreeSet<String> {
    let word = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let names = text.split("crate::").skip(1).map(|rest| match (word(rest), rest.strip_prefix("recording::")) {
        (wing, Some(room)) => format!("{wing}::{}", word(room)),
        (name, None) => name,
    });
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn imports_point_one_way() {
    for (module, allowed) in ALLOWED {
        for path in files_of(module) {
            for name in imported(&code(&path)) {
                assert!(
                    name == module.replace('/', "::") || allowed.contains(&name.as_str()),
                    "{}: may not import {name}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn every_module_is_in_the_table() {
    let lib = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: BTreeSet<&str> = lib
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    let known = ALLOWED.iter().filter_map(|(module, _)| module.split('/').next());
    assert_eq!(declared, known.collect());
}

#[test]
fn what_decides_is_pure() {
    for module in ["model", "decide", "freeze_mode", "recording/scrub", "rejudge", "report", "signatures"] {
        for path in files_of(module) {
            let text = code(&path);
            // A digest is computed from a reader that the caller opens; the trait is all it names of I/O.
            for impure in IMPURE {
                assert!(!text.contains(impure), "{} names {impure}", path.display());
            }
        }
    }
}
