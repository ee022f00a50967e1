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

/// The size of the folder of them is their number since Linux 6.2, and 0 before. Counting takes a millisecond for each thousand.
#[cfg(target_os = "linux")]
fn used() -> Option<u64> {
    let folder = "/proc/self/fd";
    match std::fs::metadata(folder).ok()?.len() {
        0 => count(folder),
        known => Some(known),
    }
}

#[cfg(target_os = "macos")]
fn used() -> Option<u64> {
    count("/dev/fd")
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "macos"))))]
fn used() -> Option<u64> {
    None
}

/// The entries of a folder of open files, in which looking is one itself.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn count(folder: &str) -> Option<u64> {
    let count = std::fs::read_dir(folder).ok()?.count() as u64;
    Some(count.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn files_that_are_open_are_counted() {
        let before = used().unwrap();
        let files: Vec<_> = (0..100).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        let (after, counted) = (used().unwrap(), count("/proc/self/fd").unwrap());
        // Other tests of this process may open and close some.
        assert!(after >= before + 50 && counted.abs_diff(after) < 50, "{before} {after} {counted}");
        drop(files);
    }
}
