//! A group of processes with a bound on its memory that the kernel holds (a cgroup of version 1 or 2): who is in it and
//! wants more is killed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What the kernel keeps for one connection besides its buffers: the socket, the file, its place in epoll.
const SOCKET_BYTES: usize = 16 * 1024;

/// The group; dropping it removes it. Whatever runs in it has to have ended by then.
pub(crate) struct MemoryGroup {
    folder: PathBuf,
    /// Version 1 of these groups counts the buffers of sockets for themselves; version 2 has one sum.
    counts_buffers: bool,
}

impl MemoryGroup {
    /// Makes one below or beside the group that the test runs in. `Err`: why that cannot be done here.
    pub(crate) fn new() -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| format!("/proc/self/cgroup: {error}"))?;
        let path_of = |line: &str| line.rsplit(':').next().unwrap().trim_start_matches('/').to_owned();
        let version_1 =
            own.lines().find(|line| line.split(':').nth(1).unwrap().split(',').any(|name| name == "memory"));
        let version_2 = own.lines().find(|line| line.starts_with("0::"));
        let (root, line) = match (version_1, version_2) {
            (Some(line), _) => (Path::new("/sys/fs/cgroup/memory"), line),
            (None, Some(line)) => (Path::new("/sys/fs/cgroup"), line),
            (None, None) => return Err("this system has no groups that bound memory".into()),
        };
        let below = root.join(path_of(line));
        let mut reason = String::new();
        for parent in [Some(&*below), below.parent().filter(|parent| parent.starts_with(root))].into_iter().flatten() {
            let folder = parent.join(format!("pusud-test-{}", std::process::id()));
            if let Err(error) = fs::create_dir(&folder) {
                reason = format!("{}: {error}", folder.display());
                continue;
            }
            let group = Self { folder, counts_buffers: version_1.is_none() };
            match fs::write(group.limit_file(), (1u64 << 40).to_string()) {
                Ok(()) => return Ok(group),
                Err(error) => reason = format!("{}: {error}", group.limit_file().display()),
            }
        }
        Err(reason)
    }

    fn limit_file(&self) -> PathBuf {
        self.folder.join(if self.counts_buffers { "memory.max" } else { "memory.limit_in_bytes" })
    }

    /// From here on the group may have so much.
    pub(crate) fn set_limit(&self, bytes: usize) {
        fs::write(self.limit_file(), bytes.to_string()).unwrap();
        // Where there is no swap, or it is not counted, there is no such file.
        fs::write(self.folder.join("memory.swap.max"), "0").ok();
    }

    /// A command that becomes what is appended to it, inside the group.
    pub(crate) fn runner(&self) -> Vec<OsString> {
        let become_it = "echo $$ >\"$0\" && exec \"$@\"";
        ["sh".into(), "-c".into(), become_it.into(), self.folder.join("cgroup.procs").into()].into()
    }

    /// What the kernel itself may take for so many connections, as far as this group counts it: what waits to be sent,
    /// of which there may be as much as `tcp_wmem` says, and what has come and is not read.
    pub(crate) fn kernel_bytes(&self, connections: usize) -> usize {
        let sysctl = |name: &str, at: usize| -> usize {
            let text = fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap();
            text.split_whitespace().nth(at).unwrap().parse().unwrap()
        };
        let buffers = if self.counts_buffers { sysctl("tcp_wmem", 2) + sysctl("tcp_rmem", 1) } else { 0 };
        connections * (SOCKET_BYTES + buffers)
    }

    /// How many processes of the group the kernel has killed.
    pub(crate) fn kills(&self) -> u64 {
        let file = if self.counts_buffers { "memory.events" } else { "memory.oom_control" };
        let text = fs::read_to_string(self.folder.join(file)).unwrap();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")).expect("it is counted").parse().unwrap()
    }

    /// The most that it has had, in bytes, as the kernel counts it; `None` where it does not say.
    pub(crate) fn peak(&self) -> Option<usize> {
        let file = if self.counts_buffers { "memory.peak" } else { "memory.max_usage_in_bytes" };
        fs::read_to_string(self.folder.join(file)).ok()?.trim().parse().ok()
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let started = Instant::now();
        // A process that has just ended leaves its group a moment later.
        while let Err(error) = fs::remove_dir(&self.folder) {
            if started.elapsed() > super::DEADLINE {
                eprintln!("{} is left: {error}", self.folder.display());
                return;
            }
            std::thread::yield_now();
        }
    }
}
