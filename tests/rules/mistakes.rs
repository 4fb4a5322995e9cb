//! The mistakes of `tests/mistakes` can still be made: `.ci/mistakes` makes them, one after the other, and runs the test that has
//! to notice.

use std::path::{Path, PathBuf};
use std::process::Command;

fn patches() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_mistake_can_be_made_and_names_the_test_that_notices_it() {
    let patches = patches();
    assert!(patches.len() >= 10, "{patches:?}");
    for patch in patches {
        let text = std::fs::read_to_string(&patch).unwrap();
        let test = text.lines().find_map(|line| line.strip_prefix("Fails: "));
        assert!(test.is_some_and(|test| test.contains("::")), "{}: no line `Fails: …`", patch.display());
        let mut check = Command::new("git");
        check.args(["apply", "--check"]).arg(&patch).current_dir(env!("CARGO_MANIFEST_DIR"));
        let told = check.output().unwrap();
        assert!(told.status.success(), "{}\n{}", patch.display(), String::from_utf8_lossy(&told.stderr));
    }
}
