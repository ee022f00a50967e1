//! What a daemon takes of the machine, and what it keeps of its clients.

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
    /// Connections, channels with a listener, and subscriptions, as it says itself.
    pub(crate) kept: [u64; 3],
}

impl Footprint {
    /// What `daemon` has now.
    pub(crate) fn of(daemon: &Daemon) -> Self {
        let process = format!("/proc/{}", daemon.pid());
        let count = |dir: &str| fs::read_dir(format!("{process}/{dir}")).unwrap().count();
        let status = fs::read_to_string(format!("{process}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        let (files, threads) = (count("fd"), count("task"));
        // Behind the others, because the question itself needs a file for a moment.
        let status = daemon.asked();
        let kept = [&status["connections"]["total"], &status["channels"], &status["subscriptions"]];
        Self { files, threads, resident: kib * 1024, kept: kept.map(|kept| kept.as_u64().unwrap()) }
    }
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, threads, resident, kept: [clients, channels, subscriptions] } = self;
        let kib = resident / 1024;
        write!(
            f,
            "{files} files, {threads} threads, {kib} KiB, {clients} clients, {channels} channels, {subscriptions} subscriptions"
        )
    }
}
