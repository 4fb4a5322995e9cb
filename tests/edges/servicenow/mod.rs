//! Change management over HTTP: the record that comes of it, and every answer that must not become one.

mod contradictions;
mod decisions;
mod encrypted;
mod faults;
mod instance;
mod reading;
mod scene;

use std::time::Duration;

use portal_agent::model::ids::ChangeId;
use portal_agent::sources::SourceError;
use portal_agent::sources::record_file::ReadRecord;

use instance::{Instance, SECRET};

/// Time allowed; no test waits for it.
const WITHIN: Duration = Duration::from_secs(30);

async fn record(instance: &Instance) -> Result<ReadRecord, SourceError> {
    instance.client().record(&ChangeId::parse(scene::CHANGE).unwrap(), WITHIN).await
}

/// Asserts that no record came, that nothing is left, and that no message tells what nobody should read.
async fn refused(instance: &Instance) -> SourceError {
    let error = record(instance).await.expect_err("a record came");
    check_message(&error);
    assert_eq!(instance.left(), 0, "attachments were left");
    error
}

fn check_message(error: &SourceError) {
    for told in [error.to_string(), format!("{error:?}")] {
        assert!(!told.contains(SECRET) && !told.contains("canary"), "{told}");
        assert!(!told.contains("sysparm") && !told.contains("Basic"), "{told}");
    }
}

async fn unavailable(instance: &Instance, because: &str) {
    match refused(instance).await {
        SourceError::Unavailable { what, .. } => assert!(what.contains(because), "{what}"),
        SourceError::Invalid { mistake: told, .. } => panic!("invalid: {told}"),
    }
}

async fn invalid(instance: &Instance, because: &str) {
    match refused(instance).await {
        SourceError::Invalid { mistake: told, .. } => assert!(told.to_string().contains(because), "{told}"),
        SourceError::Unavailable { what, .. } => panic!("unavailable: {what}"),
    }
}
