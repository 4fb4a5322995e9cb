//! Tells a program of the user's choice that a run needs somebody. What that program does changes nothing about the run.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::ending::hands_over;
use crate::evidence::documents::RunDocument;
use crate::mask::masked::Masked;

/// How long the program may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Gives the run's document, as JSON, to the program's standard input, where the run halted or is in doubt.
pub(super) async fn notify(command: Option<&[String]>, document: &Masked<RunDocument>) {
    let Some(command) = command.filter(|_| hands_over(document.get().outcome)) else { return };
    if let Err(why) = told(command, document).await {
        tracing::warn!("notify_command: {why}");
    }
}

async fn told(command: &[String], document: &Masked<RunDocument>) -> Result<(), String> {
    let [program, arguments @ ..] = command else { return Err("is empty".to_owned()) };
    let bytes = serde_json::to_vec(document).map_err(|error| error.to_string())?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = child.map_err(|error| format!("{program} did not start: {error}"))?;
    let input = child.stdin.take();
    let ended = tokio::time::timeout(WITHIN, async {
        if let Some(mut input) = input {
            // A program need not read what it is given.
            let _ = input.write_all(&bytes).await;
        }
        child.wait().await
    });
    match ended.await {
        Err(_) => Err(format!("{program} took more than {} s", WITHIN.as_secs())),
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Ok(Ok(status)) if !status.success() => Err(format!("{program} failed ({status})")),
        Ok(Ok(_)) => Ok(()),
    }
}
