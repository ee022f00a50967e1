//! Resources that this process holds at the moment, and those that it has started: memory, open files, threads. Linux
//! tells in /proc; elsewhere nothing is known.

use anyhow::{Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long threads and files that are going get to be gone from the count.
const SETTLING_MAX: Duration = Duration::from_secs(2);

/// A count is taken for settled once so many looks in a row agree, with so much time between two of them.
const LOOKS: usize = 5;
const LOOKS_APART: Duration = Duration::from_millis(2);

/// What is held. `None`: this system does not tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    memory_bytes: Option<u64>,
    files: Option<usize>,
    threads: Option<usize>,
    /// How many more threads are forgiven: of a plugin's process, or of its language's runtime. Both are started as they are
    /// needed, and stay.
    threads_forgiven: usize,
}

/// Growth of the memory that an allocator may show without any leak, in bytes.
const MEMORY_SLACK_BYTES: u64 = 2 * 1024 * 1024;

/// As many as a plugin's process ever has for calls.
const THREADS_FORGIVEN: usize = 64;

impl Held {
    /// Looks, once nothing is on its way any more: what was counted now and closes later would hide as much that is left
    /// behind. `has_runtime`: the plugin brings a runtime with threads of its own.
    pub(super) fn before(has_runtime: bool) -> Self {
        let started = Instant::now();
        let (mut seen, mut agree) = (Self::now(has_runtime), 1);
        while agree < LOOKS && started.elapsed() < SETTLING_MAX {
            thread::sleep(LOOKS_APART);
            let now = Self::now(has_runtime);
            agree = if (now.files, now.threads) == (seen.files, seen.threads) { agree + 1 } else { 1 };
            seen = now;
        }
        seen
    }

    fn now(has_runtime: bool) -> Self {
        let processes = processes();
        let sum = |count: fn(&Path) -> Option<usize>| {
            let counts: Vec<usize> = processes.iter().filter_map(|process| count(process)).collect();
            (!counts.is_empty()).then(|| counts.into_iter().sum())
        };
        Self {
            memory_bytes: sum(memory_bytes).map(|bytes| bytes as u64),
            files: sum(|process| entries(&process.join("fd"))),
            threads: sum(|process| entries(&process.join("task"))),
            threads_forgiven: if has_runtime || processes.len() > 1 { THREADS_FORGIVEN } else { 0 },
        }
    }

    /// Makes sure that nothing has been left behind since `self`; for each of `times` repetitions `bytes_each` are
    /// forgiven, as is what an allocator keeps for itself. Gives what was seen, for the report.
    ///
    /// # Errors
    /// What has grown.
    pub(super) fn check_growth(&self, times: usize, bytes_each: u64) -> Result<String> {
        let mut now = Self::now(false);
        let started = Instant::now();
        // A thread that has said goodbye is gone from /proc a moment later.
        let threads_before = self.threads.map(|threads| threads + self.threads_forgiven);
        while (now.threads > threads_before || now.files > self.files) && started.elapsed() < SETTLING_MAX {
            thread::yield_now();
            now = Self::now(false);
        }
        for (what, before, after) in [("open files", self.files, now.files), ("threads", threads_before, now.threads)] {
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

/// This process and its children: with `isolation: process` the plugin is in one of those.
fn processes() -> Vec<PathBuf> {
    let this = PathBuf::from("/proc/self");
    let tasks = fs::read_dir(this.join("task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<PathBuf> = children
        .flat_map(|list| list.split_whitespace().map(|id| Path::new("/proc").join(id)).collect::<Vec<_>>())
        .collect();
    [this].into_iter().chain(children).collect()
}

/// What is in memory of a process alone, in bytes.
fn memory_bytes(process: &Path) -> Option<usize> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<usize>().ok()? * 1024)
}

fn entries(folder: &Path) -> Option<usize> {
    fs::read_dir(folder).ok().map(Iterator::count)
}
