//! Confinement of a plugin's process: it gives up rights before it loads any of the plugin.
//!
//! This is no sandbox: the plugin keeps the user, the files and the network of the daemon. It keeps a plugin that fails
//! from taking the machine along, and its memory from ending up on the disk. Here is also said which limit a plugin may
//! have failed at, since plugins seldom know.

use crate::authenticator::library::NO_REASON;
use crate::config::format_bytes;
use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Most open files.
const FILES_MAX: u64 = 1024;
/// Words of those who got no memory: of the C library, of loaders, and of runtimes.
const WORDS_OF_NO_MEMORY: [&str; 5] = ["memory", "alloc", "mmap", "map segment", "address space"];

/// Gives it all up but memory, for this process and for whatever it starts.
///
/// # Errors
/// The system does not allow even less than there is.
pub(super) fn confine() -> Result<()> {
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

/// Bounds the address space of this process and of whatever it starts.
///
/// # Errors
/// The system does not allow even less than there is.
pub(super) fn limit_memory(bytes: u64) -> Result<()> {
    lower(Resource::As, bytes).context("cannot limit the memory")
}

/// Lowers both limits to `most`, unless they are lower.
fn lower(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let now = getrlimit(resource);
    let lowered = |limit: Option<u64>| Some(limit.unwrap_or(u64::MAX).min(most));
    setrlimit(resource, Rlimit { current: lowered(now.current), maximum: lowered(now.maximum) })
}

/// What an operator is told of the limit on memory where a plugin has failed for the reason `why`: nothing, if that
/// reason is another one.
pub(super) fn memory_hint(why: &str, memory_bytes_max: Option<u64>) -> String {
    let lower_case = why.to_lowercase();
    let is_likely = why.ends_with(NO_REASON) || WORDS_OF_NO_MEMORY.iter().any(|word| lower_case.contains(word));
    if is_likely { limit_hint(memory_bytes_max) } else { String::new() }
}

/// The same where the process has ended, which is how many runtimes answer when they get no memory.
pub(super) fn limit_hint(memory_bytes_max: Option<u64>) -> String {
    match memory_bytes_max {
        Some(bytes) => format!(
            "; a likely cause is `isolation_memory` in the settings: its process may reserve {} of address space, and \
             wasm runtimes, Go and hardened allocators reserve more than they use; raise it, or set it to 0 for no limit",
            format_bytes(bytes)
        ),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_named_where_it_is_a_likely_cause() {
        for why in [
            "failed in `create` (status 1): it gives no reason",
            "failed in `create` (status 1): cannot reserve 6 GiB: Cannot allocate memory",
            "cannot be loaded: failed to map segment from shared object",
        ] {
            let hint = memory_hint(why, Some(4 << 30));
            assert!(hint.contains("`isolation_memory`") && hint.contains("4 GiB"), "{why}: {hint}");
            assert_eq!(memory_hint(why, None), "", "{why}");
        }
        assert_eq!(memory_hint("does not take its options: the key has 3 bytes", Some(4 << 30)), "");
    }
}
