//! Secrets come from the environment or from a program; never from a file or an argument. What came from the environment is taken
//! out of it, so that no other program of the same account finds it there.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::OnceLock;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::set_name;
use secrecy::{ExposeSecret as _, SecretString};

use super::settings::{PASSWORD, SECRET};

/// Names the open file that a process of ours handed its secrets over in, when it started itself anew.
pub(super) const HANDED: &str = "PORTAL_AGENT_HANDED";

/// Name of that file, which lies in memory alone.
const FILE: &str = "portal-agent";

/// Secrets that were taken out of the environment.
static TAKEN: OnceLock<Vec<(&str, SecretString)>> = OnceLock::new();

/// Lets no other process of this account look into this one, and starts it anew without secrets in its environment. To be called
/// before anything else. Where the system does not let it, it goes on as it is: with the secrets where they were.
pub fn withdraw(arguments: impl Iterator<Item = OsString>) {
    // No core file, no tracing, no reading of its environment, by any program that is not root's.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let given: Vec<(&str, OsString)> =
        [PASSWORD, SECRET].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))).collect();
    if !given.is_empty() {
        // Returns only if it failed.
        let _ = start_anew(&given, arguments);
    } else if let Some(handed) = std::env::var_os(HANDED) {
        // The system calls a process that was started by that path after its last part, `exe`.
        let _ = set_name(c"portal-agent");
        // Another program may have passed the variable on, and not the file.
        let _ = taken(&handed).map(|taken| TAKEN.set(taken));
    }
}

fn start_anew(given: &[(&str, OsString)], mut arguments: impl Iterator<Item = OsString>) -> io::Result<()> {
    let mut file = File::from(memfd_create(FILE, MemfdFlags::empty())?);
    for (name, value) in given {
        // What is no text is for the new process to complain about, which it does of what it finds in the environment.
        let value = value.to_str().ok_or(io::ErrorKind::InvalidData)?;
        write!(file, "{name}={value}\0")?;
    }
    let mut command = Command::new("/proc/self/exe");
    command.arg0(arguments.next().unwrap_or_else(|| FILE.into())).args(arguments);
    for (name, _) in given {
        command.env_remove(name);
    }
    Err(command.env(HANDED, file.as_raw_fd().to_string()).exec())
}

/// Reads what was handed over, and empties the file.
fn taken(handed: &OsStr) -> io::Result<Vec<(&'static str, SecretString)>> {
    let number: u32 = handed.to_str().and_then(|text| text.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let path = format!("/proc/self/fd/{number}");
    if std::fs::read_link(&path)? != OsStr::new(&format!("/memfd:{FILE} (deleted)")) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    file.set_len(0)?;
    let known = |name: &str| [PASSWORD, SECRET].into_iter().find(|known| *known == name);
    let entries = text.split_terminator('\0').filter_map(|entry| entry.split_once('='));
    Ok(entries.filter_map(|(name, value)| Some((known(name)?, SecretString::from(value)))).collect())
}

/// A secret from the environment, or else as a program prints it.
///
/// # Errors
///
/// Why there is none; nothing of what was printed.
pub fn secret(variable: &str, command: Option<&[String]>) -> Result<SecretString, String> {
    let mut taken = TAKEN.get().into_iter().flatten();
    if let Some((_, secret)) = taken.find(|(name, _)| *name == variable) {
        return Ok(SecretString::from(secret.expose_secret()));
    }
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
