//! The limit on open files of this process, of which every connection is one.
//!
//! Raises what a process may raise for itself, and never asks for more than it is told is needed: code that assumes few
//! open files, in a plugin perhaps, then meets as few as before.

/// Makes room for `wanted` open files as far as this process may, and says how many it may have open now; `None`: the
/// system sets no limit.
#[cfg(unix)]
pub fn make_room(wanted: u64) -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current?;
    let raised = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if raised <= current {
        return Some(current);
    }
    // Refused where the system has a lower bound than it says, as macOS has: then the limit stays what it is.
    let is_raised = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }).is_ok();
    Some(if is_raised { raised } else { current })
}

/// Elsewhere sockets do not count as open files.
#[cfg(not(unix))]
pub fn make_room(_wanted: u64) -> Option<u64> {
    None
}
