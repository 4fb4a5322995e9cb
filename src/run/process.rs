//! Which process this is, and whether another one still runs: by host, boot, table of processes, number and start.

use std::fs;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::evidence::claims::{Alive, Holder};

fn first_line(path: &str) -> String {
    fs::read_to_string(path).map(|text| text.lines().next().unwrap_or_default().trim().to_owned()).unwrap_or_default()
}

/// What the host tells of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// It runs since then, in ticks since the host started.
    Since(u64),
    /// There is none of that number, or it has ended and waits for its parent.
    Gone,
    /// There is one, of which nothing may be known: `/proc` can be mounted so that processes are hidden from each other.
    Untold,
}

/// What is told of a process: field 22 of `/proc/PID/stat`, counted after the name, which may hold anything.
pub fn process(pid: i32) -> Process {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        let found = Pid::from_raw(pid).map(test_kill_process);
        return if matches!(found, None | Some(Err(Errno::SRCH))) { Process::Gone } else { Process::Untold };
    };
    let mut fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).into_iter().flatten();
    if fields.next() == Some("Z") {
        return Process::Gone;
    }
    fields.nth(18).and_then(|ticks| ticks.parse().ok()).map_or(Process::Untold, Process::Since)
}

/// When a process started, in ticks since the host did, where that is told.
pub fn started(pid: i32) -> Option<u64> {
    match process(pid) {
        Process::Since(ticks) => Some(ticks),
        Process::Gone | Process::Untold => None,
    }
}

/// Name of this host, for people.
pub(crate) fn host() -> String {
    first_line("/proc/sys/kernel/hostname")
}

/// This process.
pub fn me() -> Holder {
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let processes = fs::read_link("/proc/self/ns/pid").map(|path| path.display().to_string()).unwrap_or_default();
    Holder {
        host: host(),
        boot: first_line("/proc/sys/kernel/random/boot_id"),
        processes,
        pid,
        started: started(pid).unwrap_or_default(),
    }
}

/// Whether `holder` still runs, as far as `here` can tell.
///
/// A host that was started anew is another one: its name proves nothing, since copies of a machine share it. A person vouches then.
/// A process of which nothing is told may be the holder, and counts as one that cannot be told from here.
pub fn alive(holder: &Holder, here: &Holder, process: impl Fn(i32) -> Process) -> Alive {
    if holder.boot != here.boot || holder.processes != here.processes || here.boot.is_empty() {
        return Alive::Elsewhere;
    }
    match process(holder.pid) {
        Process::Since(started) if started == holder.started => Alive::Yes,
        Process::Since(_) | Process::Gone => Alive::Gone,
        Process::Untold => Alive::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself_to_be_alive() {
        let me = me();
        assert!(!me.boot.is_empty() && !me.processes.is_empty() && me.started > 0);
        assert_eq!(alive(&me, &me, process), Alive::Yes);
    }

    #[test]
    fn another_process_of_the_same_number_is_not_the_holder() {
        let me = me();
        let earlier = Holder { started: me.started - 1, ..me.clone() };
        assert_eq!(alive(&earlier, &me, process), Alive::Gone);
        assert_eq!(alive(&me, &me, |_| Process::Gone), Alive::Gone);
    }

    #[test]
    fn a_process_that_is_hidden_is_not_taken_for_dead() {
        let me = me();
        assert_eq!(alive(&me, &me, |_| Process::Untold), Alive::Elsewhere);
        assert_eq!(process(i32::MAX), Process::Gone);
    }

    #[test]
    fn a_process_of_another_host_or_container_cannot_be_told_from_here() {
        let me = me();
        for other in [Holder { boot: "x".into(), ..me.clone() }, Holder { processes: "x".into(), ..me.clone() }] {
            assert_eq!(alive(&other, &me, |_| Process::Gone), Alive::Elsewhere);
        }
    }
}
