//! What a daemon takes of the machine.

use super::Daemon;
use std::fmt;
use std::fs;

/// What a daemon has at one moment.
pub(crate) struct Footprint {
    /// Open files, sockets included.
    pub(crate) files: usize,
    /// Threads.
    pub(crate) threads: usize,
    /// Memory that is in use, in bytes.
    pub(crate) resident: u64,
}

impl Footprint {
    /// What `daemon` has now.
    pub(crate) fn of(daemon: &Daemon) -> Self {
        let process = format!("/proc/{}", daemon.pid());
        let count = |dir: &str| fs::read_dir(format!("{process}/{dir}")).unwrap().count();
        let status = fs::read_to_string(format!("{process}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self { files: count("fd"), threads: count("task"), resident: kib * 1024 }
    }
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, threads, resident } = self;
        write!(f, "{files} files, {threads} threads, {} KiB", resident / 1024)
    }
}
