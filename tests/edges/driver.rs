//! What is left of a driver that did not come up.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use portal_agent::model::browser::{BrowserKind, BrowserNetwork};
use portal_agent::portal::browser::{BrowserError, Installed};
use portal_agent::portal::driver::Driver;
use portal_agent::portal::network::NetworkOrder;

/// Starts something, writes down its number, and hangs up without a word.
const PROGRAM: &str = "#!/bin/sh\nsleep 300 & echo $! > started\nexec 0<&-\nwait\n";

fn lives(process: &str) -> bool {
    let told = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // A process that nobody has asked for its end is still listed, as `Z`.
    told.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[tokio::test]
async fn nothing_lives_on_of_a_driver_whose_network_failed_half_way() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let started = folder.path().join("started");
    std::fs::write(&program, PROGRAM.replace("started", started.to_str().unwrap())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let installed = Installed { kind: BrowserKind::Chromium, browser: "/nowhere".into(), driver: "/nowhere".into() };
    let order = NetworkOrder { network: BrowserNetwork::Own, program };
    let error = Driver::start(&installed, folder.path(), &order).await.unwrap_err();
    assert!(matches!(error, BrowserError::NoNetwork(_)), "{error}");
    let process = std::fs::read_to_string(&started).unwrap();
    let process = process.trim();
    let until = Instant::now() + Duration::from_secs(20);
    while lives(process) {
        assert!(Instant::now() < until, "process {process} lives on");
        tokio::task::yield_now().await;
    }
}
