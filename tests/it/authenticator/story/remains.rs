//! What a relay and the processes that came out of it take of the machine.

use crate::harness::{DEADLINE, Daemon};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

/// A variable in the environment of a relay and of all that comes out of it, which tells them from those of other tests.
pub(super) const MARK: &str = "TEST_STORY";

/// What it takes at one moment, but for memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remains {
    /// Open files, sockets included.
    pub(super) files: usize,
    /// Threads of the relay, by name; those that call the plugin have one.
    pub(super) threads: BTreeMap<String, usize>,
    /// Processes beside its own, zombies included.
    pub(super) processes: usize,
}

impl Remains {
    /// What `daemon` has now.
    pub(super) fn of(daemon: &Daemon) -> Self {
        let process = format!("/proc/{}", daemon.pid());
        let files = fs::read_dir(format!("{process}/fd")).unwrap().count();
        let mut threads = BTreeMap::new();
        for thread in fs::read_dir(format!("{process}/task")).unwrap().flatten() {
            // It may have ended meanwhile.
            let Ok(name) = fs::read_to_string(thread.path().join("comm")) else { continue };
            let name = name.trim();
            let numbered = name.strip_prefix("pusu-auth-").is_some_and(|rest| rest.parse::<u32>().is_ok());
            *threads.entry(if numbered { "pusu-auth-N".into() } else { name.to_owned() }).or_default() += 1;
        }
        Self { files, threads, processes: others(daemon).len() }
    }

    /// What it has once that stays the same for a while.
    pub(super) fn at_rest(daemon: &Daemon) -> Self {
        let (mut same, mut last) = (0, Self::of(daemon));
        let began = Instant::now();
        while same < 10 {
            assert!(began.elapsed() < DEADLINE, "it never comes to rest: {last:?}");
            std::thread::park_timeout(Duration::from_millis(20));
            let now = Self::of(daemon);
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        last
    }

    /// The threads that there are beyond those of `before`, by name.
    pub(super) fn threads_beyond(&self, before: &Self) -> BTreeMap<String, usize> {
        let more = |(name, count): (&String, &usize)| {
            let more = count.saturating_sub(before.threads.get(name).copied().unwrap_or(0));
            (more > 0).then(|| (name.clone(), more))
        };
        self.threads.iter().filter_map(more).collect()
    }
}

/// The processes that came out of the relay, whoever is their parent now.
fn others(daemon: &Daemon) -> Vec<u32> {
    let mark = [MARK.as_bytes(), b"=", daemon.plugins().path().as_os_str().as_bytes()].concat();
    let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|process: &u32| *process != daemon.pid() && (is_marked(*process, &mark) || is_child(*process, daemon)))
        .collect()
}

fn is_marked(process: u32, mark: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark)
}

/// A zombie has no environment any more.
fn is_child(process: u32, daemon: &Daemon) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
    parent.is_some_and(|parent| parent == daemon.pid().to_string())
}

/// The memory of the relay and of all processes that came out of it, in bytes: what they have in common counts in parts,
/// and what is read from files does not, which relays of other tests share.
pub(super) fn memory(daemon: &Daemon) -> u64 {
    let all = [daemon.pid()].into_iter().chain(others(daemon));
    all.map(proportional).sum::<u64>() * 1024
}

/// In KiB; none where the process has ended.
fn proportional(process: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let kinds =
        rollup.lines().filter_map(|line| ["Pss_Anon:", "Pss_Shmem:"].iter().find_map(|kind| line.strip_prefix(kind)));
    kinds.map(|value| value.trim().trim_end_matches(" kB").parse::<u64>().unwrap()).sum()
}
