//! The limit of open files: every listener and every source is one.

/// Makes room for `sockets` sockets by raising the limit of this process as far as it may.
///
/// # Errors
/// When the hard limit is too low and may not be raised either.
#[cfg(unix)]
pub(super) fn make_room(sockets: u64) -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// Standard streams, epoll instances, timers, libraries.
    const OTHER_FILES: u64 = 64;
    let needed = sockets + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    // More than the hard limit is for root to ask for.
    let maximum = limit.maximum.map(|maximum| maximum.max(needed));
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum }).map_err(|error| {
        let allowed = limit.maximum.or(limit.current).unwrap_or_default();
        anyhow::anyhow!(
            "every listener and source is an open file, so {needed} are needed, but this process may open {allowed} \
             ({error}): raise the limit (as root `ulimit -n {needed}`, or LimitNOFILE= of a service), or use fewer \
             --listeners; a relay on this machine needs as many"
        )
    })
}

/// Elsewhere sockets do not count as open files.
#[cfg(not(unix))]
pub(super) fn make_room(_sockets: u64) -> anyhow::Result<()> {
    Ok(())
}
