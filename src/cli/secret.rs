//! Secrets come from the environment or from a program; never from a file or an argument.

use std::process::Command;

use secrecy::SecretString;

/// A secret from the environment, or else as a program prints it.
///
/// # Errors
///
/// Why there is none; nothing of what was printed.
pub fn secret(variable: &str, command: Option<&[String]>) -> Result<SecretString, String> {
    if let Ok(secret) = std::env::var(variable) {
        return Ok(SecretString::from(secret));
    }
    let Some([program, arguments @ ..]) = command else {
        return Err("none is set".into());
    };
    let ran = Command::new(program).args(arguments).output();
    let ran = ran.map_err(|error| format!("{program} did not start: {error}"))?;
    if !ran.status.success() {
        return Err(format!("{program} failed ({})", ran.status));
    }
    let text = String::from_utf8(ran.stdout).map_err(|_| format!("{program} printed no text"))?;
    Ok(SecretString::from(text.trim_end_matches(['\n', '\r']).to_owned()))
}
