//! What a daemon takes of the machine's memory, as the kernel counts it, and what `pusud check` says that it takes.

use super::{Daemon, pusud, run};
use std::fs;

/// The most that a daemon has taken since a moment, over what it took then.
pub(crate) struct Memory {
    pid: u32,
    before: usize,
}

impl Memory {
    /// From here on.
    pub(crate) fn of(daemon: &Daemon) -> Self {
        let pid = daemon.pid();
        // 5: the peak is what it is now.
        fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
        Self { pid, before: kib(pid, "VmRSS:") }
    }

    /// The most since then, in bytes.
    pub(crate) fn growth(&self) -> usize {
        kib(self.pid, "VmHWM:").saturating_sub(self.before) * 1024
    }

    /// The most since then, with what it took before, in bytes.
    pub(crate) fn peak(&self) -> usize {
        kib(self.pid, "VmHWM:") * 1024
    }

    /// What it takes now over what it took then, in bytes.
    pub(crate) fn left(&self) -> usize {
        kib(self.pid, "VmRSS:").saturating_sub(self.before) * 1024
    }

    /// Asserts that it has grown by no more than `bytes` at any time.
    pub(crate) fn assert_grown_at_most(&self, bytes: usize) {
        let growth = self.growth();
        println!("grew by {} KiB, at most {} KiB", growth / 1024, bytes / 1024);
        assert!(growth <= bytes, "grew by {growth} bytes, more than {bytes}");
    }
}

fn kib(pid: u32, field: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("every process has the field");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// What `pusud check` says of the daemon's settings, in bytes.
pub(crate) fn memory_ceiling(daemon: &Daemon) -> usize {
    checked(daemon, "memory at most ") * 1024 * 1024
}

/// The first number in a line that `pusud check` prints.
pub(crate) fn checked(daemon: &Daemon, beginning: &str) -> usize {
    let shown = run(pusud(&["check", "--config"]).arg(daemon.dir().join("settings.yaml"))).succeeds();
    let line = shown.lines().find_map(|line| line.strip_prefix(beginning)).unwrap_or_else(|| panic!("{shown}"));
    let digits = line.trim_start().split(|char: char| !char.is_ascii_digit());
    digits.flat_map(str::parse).next().unwrap_or_else(|| panic!("no number: {line}"))
}
