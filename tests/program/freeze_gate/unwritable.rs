//! Output that cannot be written: what was decided stands, and what was done is told.

use std::fs::File;
use std::process::Stdio;

use crate::freeze_gate::desk::{
    Desk, FREEZE, JUSTIFICATION, OVERRIDE, Told, calm, freeze, red, release_override, reset,
};
use crate::freeze_gate::git::{git, repository};

/// A disk that is full.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// A pipe that nobody reads any more.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

type Unwritable = fn() -> Stdio;

const STDOUTS: [(&str, Unwritable); 2] = [("full", full), ("closed", closed)];

/// Runs with a stdout that cannot be written.
fn unheard(desk: &Desk, stdout: Unwritable, arguments: &[&str]) -> Told {
    desk.command(arguments).stdout(stdout()).stderr(Stdio::piped()).output().unwrap().into()
}

fn granting(output: &'static str) -> [&'static str; 11] {
    let ticket = "https://tickets.example/INC-7";
    let hours = "--duration-hours=2";
    [
        "override",
        "--justification",
        JUSTIFICATION,
        "--ticket-url",
        ticket,
        hours,
        "--approved-by",
        "lead",
        "--output",
        output,
        "-v",
    ]
}

/// Every verdict: which state, which override, the mode, further arguments, and the exit code.
fn verdicts() -> Vec<(String, String, &'static [&'static str], i32)> {
    let (frozen, over) = (freeze().to_string(), release_override().to_string());
    let none = String::new;
    vec![
        (frozen.clone(), none(), &["--mode", "hotfix"], 0),
        ("{".into(), none(), &["--mode", "hotfix"], 0),
        (reset().to_string(), none(), &["--mode", "ga"], 0),
        (frozen.clone(), over, &["--mode", "ga"], 0),
        (frozen.clone(), none(), &["--mode", "ga", "--dry-run"], 0),
        (frozen.clone(), none(), &["--mode", "ga"], 1),
        (frozen, "{".into(), &["--mode", "rc"], 2),
        ("{".into(), none(), &["--mode", "pages"], 2),
    ]
}

#[test]
fn the_exit_code_of_the_gate_stands_whatever_becomes_of_its_text() {
    for (state, over, arguments, expected) in verdicts() {
        let desk = Desk::repository();
        desk.put(FREEZE, state);
        if !over.is_empty() {
            desk.put(OVERRIDE, over);
        }
        for output in ["text", "json"] {
            let arguments = [&["gate"], arguments, &["--output", output]].concat();
            for (name, stdout) in STDOUTS {
                let told = unheard(&desk, stdout, &arguments);
                assert_eq!(told.code, expected, "stdout {name}, {arguments:?}: {}", told.stderr);
                // A broken gate tells people everything on stderr.
                if output == "json" || expected != 2 {
                    let stands = format!("exit {expected}\n");
                    assert!(told.stderr.contains("could not be printed"), "{arguments:?}: {}", told.stderr);
                    assert!(told.stderr.ends_with(&stands), "{arguments:?}: {}", told.stderr);
                }
                let both = desk.command(&arguments).arg("-vv").stdout(stdout()).stderr(stdout()).status().unwrap();
                assert_eq!(both.code(), Some(expected), "stdout and stderr {name}, {arguments:?}");
            }
        }
    }
}

#[test]
fn an_override_that_was_given_is_told_though_the_answer_is_lost() {
    for output in ["text", "json"] {
        for (name, stdout) in STDOUTS {
            let desk = Desk::frozen();
            let told = unheard(&desk, stdout, &granting(output));
            assert_eq!(told.code, 4, "stdout {name}, {output}: {}", told.stderr);
            let written =
                format!("the override is given until {}", desk.json(OVERRIDE)["expires_at"].as_str().unwrap());
            for part in [&written, OVERRIDE, "is written\n"] {
                assert!(told.stderr.contains(part), "{part:?} is not in\n{}", told.stderr);
            }
            assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 0);
            // Nobody is left to be told, and it is written all the same.
            desk.clear(OVERRIDE);
            let both = desk.command(&granting(output)).stdout(stdout()).stderr(stdout()).status().unwrap();
            assert_eq!((both.code(), desk.bytes(OVERRIDE).is_some()), (Some(4), true), "{name}, {output}");
        }
    }
}

#[test]
fn an_override_that_was_refused_is_told_to_be_so() {
    let desk = Desk::repository();
    let told = unheard(&desk, full, &granting("json"));
    assert_eq!(told.code, 4, "{}", told.stderr);
    assert!(told.stderr.ends_with("the answer could not be printed; nothing was written\n"), "{}", told.stderr);
    // People are told on stderr anyway.
    assert_eq!(unheard(&desk, full, &granting("text")).code, 1);
    let status =
        |desk: &Desk, arguments: &[&str]| desk.command(arguments).stdout(full()).stderr(full()).status().unwrap();
    assert_eq!(status(&desk, &granting("text")).code(), Some(1));
    desk.put(FREEZE, "{");
    assert_eq!(status(&desk, &granting("json")).code(), Some(2));
}

#[test]
fn an_activation_is_told_though_the_answer_is_lost() {
    for output in ["text", "json"] {
        for (name, stdout) in STDOUTS {
            let desk = Desk::repository();
            let activate = ["activate", "--budget", "budget.json", "--output", output];
            desk.put("budget.json", calm().to_string());
            let told = unheard(&desk, stdout, &activate);
            assert_eq!(told.code, 4, "stdout {name}, {output}: {}", told.stderr);
            assert!(told.stderr.contains("nothing was written"), "{}", told.stderr);
            desk.put("budget.json", red().to_string());
            let told = unheard(&desk, stdout, &activate);
            assert_eq!(told.code, 4, "stdout {name}, {output}: {}", told.stderr);
            let done = format!("the freeze is active: {FREEZE} is written\n");
            assert!(told.stderr.ends_with(&done), "{}", told.stderr);
            assert_eq!(desk.run(&["gate", "--mode", "ga"]).code, 1);
            let told = unheard(&desk, stdout, &activate);
            assert_eq!(told.code, 4, "stdout {name}, {output}: {}", told.stderr);
            assert!(told.stderr.ends_with("the freeze is active already; nothing was written\n"), "{}", told.stderr);
        }
    }
}

#[test]
fn a_commit_is_told_though_the_answer_is_lost() {
    let desk = repository();
    let told = unheard(&desk, full, &["activate", "--budget", "budget.json", "--commit"]);
    assert_eq!(told.code, 4, "{}", told.stderr);
    assert!(told.stderr.ends_with("is written and committed\n"), "{}", told.stderr);
    assert_eq!(git(&desk, &["rev-list", "--count", "HEAD"]).trim(), "1");
    std::thread::sleep(std::time::Duration::from_millis(5));
    let told = unheard(&desk, full, &[&granting("json")[..], &["--commit"]].concat());
    assert_eq!(told.code, 4, "{}", told.stderr);
    assert!(told.stderr.ends_with("is written and committed\n"), "{}", told.stderr);
    assert_eq!(git(&desk, &["rev-list", "--count", "HEAD"]).trim(), "2");
}

#[test]
fn a_status_that_cannot_be_printed_is_no_answer() {
    for desk in [Desk::repository(), Desk::frozen()] {
        for output in ["text", "json"] {
            for (name, stdout) in STDOUTS {
                let told = unheard(&desk, stdout, &["status", "--output", output]);
                assert_eq!(told.code, 4, "stdout {name}, {output}: {}", told.stderr);
                assert!(told.stderr.contains("nothing was changed"), "{}", told.stderr);
                let both = desk.command(&["status", "--output", output]).stdout(stdout()).stderr(stdout()).status();
                assert_eq!(both.unwrap().code(), Some(4));
            }
        }
    }
}
