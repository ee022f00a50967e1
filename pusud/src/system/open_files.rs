//! The open files of this process, and how many it may have.

/// Files that are open now, and how many may be; `None` where the system does not say, or sets no limit.
#[cfg(unix)]
pub fn open_files() -> (Option<u64>, Option<u64>) {
    use rustix::process::{Resource, getrlimit};
    (used(), getrlimit(Resource::Nofile).current)
}

/// Elsewhere sockets do not count as open files.
#[cfg(not(unix))]
pub fn open_files() -> (Option<u64>, Option<u64>) {
    (None, None)
}

/// Linux and others have a folder of them, in which looking is one open file itself.
#[cfg(unix)]
fn used() -> Option<u64> {
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let count = std::fs::read_dir(folder).ok()?.count() as u64;
    Some(count.saturating_sub(1))
}
