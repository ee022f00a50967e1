//! Memory: how much of it this process may still have, where it is bounded, as that of a plugin in a process of its own is.

/// How many bytes it may still reserve; `None`: without a bound, or the system does not tell.
pub(crate) fn left() -> Option<u64> {
    Some(most()?.saturating_sub(reserved().unwrap_or_default()))
}

/// Whether it gets so many bytes now, in one piece.
pub(crate) fn has(bytes: u64) -> bool {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
}

/// The bound on its address space.
#[cfg(any(target_os = "android", target_os = "freebsd", target_os = "linux", target_os = "macos"))]
fn most() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

#[cfg(not(any(target_os = "android", target_os = "freebsd", target_os = "linux", target_os = "macos")))]
fn most() -> Option<u64> {
    None
}

/// What it has reserved of that already.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn reserved() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    let kibibytes: u64 = size.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn reserved() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_is_not_had() {
        assert!(has(1 << 10) && !has(u64::MAX));
        #[cfg(target_os = "linux")]
        assert!(reserved().is_some_and(|bytes| bytes > 1 << 20));
    }
}
