//! Resources that this process holds at the moment: memory, open files, threads. Linux tells in /proc; elsewhere
//! nothing is known.

use anyhow::{Result, ensure};
use std::fs;
use std::time::{Duration, Instant};

/// How long threads that are ending get to be gone from the count.
const SETTLING_MAX: Duration = Duration::from_secs(2);

/// What is held. `None`: this system does not tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    memory_bytes: Option<u64>,
    files: Option<usize>,
    threads: Option<usize>,
}

/// Growth of the memory that an allocator may show without any leak, in bytes.
const MEMORY_SLACK_BYTES: u64 = 2 * 1024 * 1024;

impl Held {
    /// Looks.
    pub(super) fn now() -> Self {
        Self { memory_bytes: memory_bytes(), files: entries("/proc/self/fd"), threads: entries("/proc/self/task") }
    }

    /// Makes sure that nothing has been left behind since `self`; for each of `times` repetitions `bytes_each` are
    /// forgiven, as is what an allocator keeps for itself. Gives what was seen, for the report.
    ///
    /// # Errors
    /// What has grown.
    pub(super) fn check_growth(&self, times: usize, bytes_each: u64) -> Result<String> {
        let mut now = Self::now();
        let started = Instant::now();
        // A thread that has said goodbye is gone from /proc a moment later.
        while (now.threads > self.threads || now.files > self.files) && started.elapsed() < SETTLING_MAX {
            std::thread::yield_now();
            now = Self::now();
        }
        for (what, before, after) in [("open files", self.files, now.files), ("threads", self.threads, now.threads)] {
            if let (Some(before), Some(after)) = (before, after) {
                ensure!(after <= before, "{} {what} are left behind after {times} times", after - before);
            }
        }
        let (Some(before), Some(after)) = (self.memory_bytes, now.memory_bytes) else {
            return Ok(format!("{times} times; memory is not measured on this system"));
        };
        let grown = after.saturating_sub(before);
        ensure!(
            grown <= MEMORY_SLACK_BYTES + bytes_each * times as u64,
            "memory has grown by {} KiB in {times} times ({} bytes each)",
            grown / 1024,
            grown / (times as u64).max(1)
        );
        Ok(format!("{times} times, memory grew by {} KiB", grown / 1024))
    }
}

/// What is in memory of this process alone, in bytes.
fn memory_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

fn entries(folder: &str) -> Option<usize> {
    fs::read_dir(folder).ok().map(Iterator::count)
}
