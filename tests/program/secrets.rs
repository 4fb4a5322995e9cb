//! Where a secret from the environment is still to be found once the program runs.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

const SECRET: &str = "correct-horse-battery-staple";

/// A program that the agent starts, as a hook of the system or an attacker's might be: it writes down its own environment and that
/// of its parent, the agent, as far as it may read it.
const PROGRAM: &str = "env > own; tr '\\0' '\\n' < /proc/$PPID/environ > parents; stat -c %u /proc/$PPID/environ > owner; cat /proc/$PPID/comm > name; echo x";

#[test]
fn no_other_program_finds_a_secret_in_an_environment() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portal-agent"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PORTAL_AGENT_")) {
        command.env_remove(name);
    }
    command.arg("doctor").current_dir(folder.path());
    command.env("PORTAL_AGENT_CHANGE_MANAGEMENT_SECRET", SECRET).env("HERE", "yes");
    // No browser: this is about what runs before one.
    command.env("PATH", "/usr/bin:/bin").env("PORTAL_AGENT_BROWSER", "firefox");
    std::fs::write(
        folder.path().join("portal-agent.toml"),
        format!("password_command = [\"sh\", \"-c\", {PROGRAM:?}]\n"),
    )
    .unwrap();
    let told = command.output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("password   can be read"), "{told}");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("own").contains("HERE=yes") && !read("own").contains(SECRET), "{}", read("own"));
    // Root reads everything, and so sees that it is gone; anybody else sees nothing.
    let (parents, root) = (read("parents"), rustix::process::geteuid().is_root());
    assert!(parents.contains("HERE=yes") == root && !parents.contains(SECRET), "{parents}");
    // Nobody but root may trace it or read it: its entries belong to root.
    assert_eq!(read("owner").trim(), "0");
    // It is found by its name, though it started itself anew.
    assert_eq!(read("name").trim(), "portal-agent");
}

#[test]
fn what_goes_into_the_browsers_network_ends_no_group_that_is_not_its_own() {
    let mut bystander = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
    let group = i32::try_from(bystander.id()).unwrap();
    let (_agent, inside) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portal-agent"));
    // As it is asked for by the agent, but by somebody in a shell.
    command.arg0("portal-agent-network").arg("true").process_group(group).stdin(std::os::fd::OwnedFd::from(inside));
    let ended = command.status().unwrap();
    assert_eq!((ended.code(), bystander.try_wait().unwrap()), (Some(1), None));
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}
