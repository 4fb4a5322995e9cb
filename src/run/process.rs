//! Which process this is, and whether another one still runs: by host, boot, table of processes, number and start.

use std::fs;

use crate::evidence::claims::{Alive, Holder};

fn first_line(path: &str) -> String {
    fs::read_to_string(path).map(|text| text.lines().next().unwrap_or_default().trim().to_owned()).unwrap_or_default()
}

/// When a process started, in ticks since the host did: field 22 of `/proc/PID/stat`, counted after the name, which may hold
/// anything.
pub fn started(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // A process that has ended and waits for its parent is gone.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// This process.
pub fn me() -> Holder {
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let processes = fs::read_link("/proc/self/ns/pid").map(|path| path.display().to_string()).unwrap_or_default();
    Holder {
        host: first_line("/proc/sys/kernel/hostname"),
        boot: first_line("/proc/sys/kernel/random/boot_id"),
        processes,
        pid,
        started: started(pid).unwrap_or_default(),
    }
}

/// Whether `holder` still runs, as far as `here` can tell.
///
/// A host that was started anew is another one: its name proves nothing, since copies of a machine share it. A person vouches then.
pub fn alive(holder: &Holder, here: &Holder, started: impl Fn(i32) -> Option<u64>) -> Alive {
    if holder.boot != here.boot || holder.processes != here.processes || here.boot.is_empty() {
        return Alive::Elsewhere;
    }
    if started(holder.pid) == Some(holder.started) { Alive::Yes } else { Alive::Gone }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself_to_be_alive() {
        let me = me();
        assert!(!me.boot.is_empty() && !me.processes.is_empty() && me.started > 0);
        assert_eq!(alive(&me, &me, started), Alive::Yes);
    }

    #[test]
    fn another_process_of_the_same_number_is_not_the_holder() {
        let me = me();
        let earlier = Holder { started: me.started - 1, ..me.clone() };
        assert_eq!(alive(&earlier, &me, started), Alive::Gone);
        assert_eq!(alive(&me, &me, |_| None), Alive::Gone);
    }

    #[test]
    fn a_process_of_another_host_or_container_cannot_be_told_from_here() {
        let me = me();
        for other in [Holder { boot: "x".into(), ..me.clone() }, Holder { processes: "x".into(), ..me.clone() }] {
            assert_eq!(alive(&other, &me, |_| None), Alive::Elsewhere);
        }
    }
}
