//! Confinement of a plugin's process: it gives up rights before it loads any of the plugin.
//!
//! This is no sandbox: the plugin keeps the user, the files and the network of the daemon. It keeps a plugin that fails
//! from taking the machine along, and its memory from ending up on the disk.

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Most address space, in bytes: far more than an authenticator needs (allocators and threads reserve much that they
/// never use), far less than would bring the machine to its knees.
const MEMORY_BYTES_MAX: u64 = 4 << 30;
/// Most open files.
const FILES_MAX: u64 = 1024;

/// Gives it all up, for this process and for whatever it starts.
///
/// # Errors
/// The system does not allow even less than there is.
pub(super) fn confine() -> Result<()> {
    lower(Resource::As, MEMORY_BYTES_MAX).context("cannot limit the memory")?;
    lower(Resource::Nofile, FILES_MAX).context("cannot limit the open files")?;
    // A core file would hold options and authorizations.
    lower(Resource::Core, 0).context("cannot turn core files off")?;
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        rustix::thread::set_no_new_privs(true).context("cannot give up new privileges")?;
        // The end of the socket says the same, unless this process is stopped or its threads are all busy.
        set_parent_process_death_signal(Some(Signal::KILL)).context("cannot be tied to the daemon")?;
    }
    Ok(())
}

/// Lowers both limits to `most`, unless they are lower.
fn lower(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let now = getrlimit(resource);
    let lowered = |limit: Option<u64>| Some(limit.unwrap_or(u64::MAX).min(most));
    setrlimit(resource, Rlimit { current: lowered(now.current), maximum: lowered(now.maximum) })
}
