//! Keeps a form of `tests/portals` running, to write a map of it by hand or to look at it.

use std::path::Path;

use portal_agent::reference_portal::example::{ExampleTimes, world, write};
use portal_agent::reference_portal::faults::{Fault, FaultPlan};
use portal_agent::reference_portal::{ACCOUNT, PASSWORD, Portal, Scheme};

/// Serves the reference portal with this built script on every page, in a frame if asked for, and writes record, calendar and
/// freeze files that fit it into `folder`. Until it is killed.
pub async fn serve(script: &Path, folder: &Path, framed: bool) {
    let script = std::fs::read_to_string(script)
        .unwrap_or_else(|error| panic!("{}: {error}; build it with: .ci/portals", script.display()));
    let script = format!("<script>{}</script>", script.replace("</script", "<\\/script"));
    let mut faults = FaultPlan::from_start(Fault::Injected(Box::leak(script.into_boxed_str())));
    if framed {
        faults.add(Fault::Framed);
    }
    let times = ExampleTimes::around(jiff::Timestamp::now());
    let portal = Portal::start(Scheme::Http, faults, world(&times)).await.unwrap();
    write(folder, &portal.url(), &times, 40_000).unwrap();
    println!("{}, account {ACCOUNT}, password {PASSWORD}", portal.url());
    std::future::pending::<()>().await;
}
