//! How many connections this process has room for: what the settings ask for, as far as the open-file limit goes.

use crate::config::Config;
use crate::open_files;
use anyhow::bail;

/// Open files that are no client's: links to relays, the log, plugins, the control socket, and connections that are
/// being turned away.
const RESERVED_FILES: u64 = 128;
/// Open files of a shard's runtime.
const FILES_PER_SHARD: u64 = 3;

/// What there is room for.
#[derive(Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Connections of clients.
    pub connections: usize,
    /// For the operator, where that is less than the settings say.
    pub warning: Option<String>,
}

impl Capacity {
    /// Finds out, and raises the open-file limit of this process where that helps and is allowed.
    ///
    /// # Errors
    /// There is no room for a single client: says which limit to raise.
    pub fn make(config: &Config) -> anyhow::Result<Self> {
        let (wanted, shards) = (config.limits.max_connections, config.shards);
        Self::within(wanted, shards, open_files::make_room(wanted as u64 + reserved(shards)))
    }

    /// The room for `wanted` connections where `allowed` files may be open.
    fn within(wanted: usize, shards: usize, allowed: Option<u64>) -> anyhow::Result<Self> {
        let reserved = reserved(shards);
        let needed = wanted as u64 + reserved;
        let Some(allowed) = allowed.filter(|&allowed| allowed < needed) else {
            return Ok(Self { connections: wanted, warning: None });
        };
        let way_out = format!("raise the limit to {needed} (LimitNOFILE= of a service, `ulimit -n` in a shell)");
        if allowed <= reserved {
            bail!(
                "`limits.max_connections` asks for {wanted} connections, but the open-file limit of this process is \
                 {allowed}, and {reserved} files are kept for itself (128, and 3 for each of its {shards} shards), which \
                 leaves none for clients: {way_out}"
            );
        }
        let connections = allowed - reserved;
        let warning = format!(
            "`limits.max_connections` is {wanted}, but the open-file limit of this process, {allowed}, leaves room for \
             {connections} connections beside the {reserved} files that are kept for itself: {way_out}, or lower \
             `limits.max_connections`"
        );
        // It is less than `wanted`, which is a usize.
        Ok(Self { connections: connections as usize, warning: Some(warning) })
    }
}

fn reserved(shards: usize) -> u64 {
    RESERVED_FILES + FILES_PER_SHARD * shards as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_the_open_file_limit() {
        for (wanted, allowed, expected) in
            [(10_000, None, 10_000), (10_000, Some(20_000), 10_000), (100, Some(234), 100), (100, Some(233), 99)]
        {
            let capacity = Capacity::within(wanted, 2, allowed).unwrap();
            assert_eq!(capacity.connections, expected, "{wanted} of {allowed:?}");
            assert_eq!(capacity.warning.is_some(), expected < wanted, "{capacity:?}");
        }
        let warning = Capacity::within(10_000, 2, Some(1024)).unwrap().warning.unwrap();
        for part in ["`limits.max_connections` is 10000", "1024", "890 connections", "10134", "LimitNOFILE"] {
            assert!(warning.contains(part), "{part} is not in: {warning}");
        }
    }

    #[test]
    fn no_room_at_all_is_an_error_with_a_way_out() {
        let error = Capacity::within(10_000, 2, Some(134)).unwrap_err().to_string();
        for part in ["`limits.max_connections`", "10000", "134", "10134", "ulimit -n"] {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }
}
