//! What a process uses while it lives.

use std::path::PathBuf;
use std::time::Duration;

/// What a process used.
pub struct Usage {
    /// Processor time.
    pub cpu: Duration,
    /// Largest memory, in megabytes.
    pub peak_mb: f64,
}

/// CPU and peak memory of one process, read until it is gone. Browsers are processes of their own and do not count.
pub fn watch(pid: u32) -> Usage {
    let stat = PathBuf::from(format!("/proc/{pid}/stat"));
    let status = PathBuf::from(format!("/proc/{pid}/status"));
    let (mut cpu, mut peak_mb) = (Duration::ZERO, 0.0_f64);
    // A zombie keeps its last times; its memory is gone, so the largest value seen counts.
    while let Ok(text) = std::fs::read_to_string(&stat) {
        let fields: Vec<&str> = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        cpu = Duration::from_millis((ticks(11) + ticks(12)) * 10);
        let memory = std::fs::read_to_string(&status).unwrap_or_default();
        let line = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or_default();
        peak_mb = peak_mb.max(kilobytes / 1024.0);
        if fields.first() == Some(&"Z") {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    Usage { cpu, peak_mb }
}
