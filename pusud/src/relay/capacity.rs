//! The capacity of this process for connections: as the settings ask for, as far as the open-file limit goes.

use crate::admission::{self, REFUSING_MAX};
use crate::config::Config;
use crate::mesh::{addresses_max, connections_max};
use crate::operations;
use crate::relay::entrance::{ENTRANCE_THREADS_MAX, GUESTS_MAX};
use anyhow::bail;
use std::fmt;

/// Open files that are no client's and no relay's: the log, plugins, the control socket, and connections that are being
/// turned away.
const RESERVED_FILES: u64 = 128;
/// Those that are left of them while as many connections as can be are being turned away.
const _: () = assert!(RESERVED_FILES >= (REFUSING_MAX + GUESTS_MAX) as u64 + 64);
/// Open files of a runtime: of a shard's, and of the network's.
const FILES_PER_RUNTIME: u64 = 3;
/// Open files of a shard: its runtime's, and the timer for ends of authorizations.
const FILES_PER_SHARD: u64 = FILES_PER_RUNTIME + 1;
/// The connection to a NATS server, the next one when that is about to stop, and the files that it takes.
const FILES_OF_NATS: u64 = 4;
/// The socket where relays connect, and a connection that it gives out and that is one too many.
const FILES_OF_NETWORK_PORT: u64 = 2;

/// Open files of a listener: its socket, for those who look after it and for the runtime.
const FILES_PER_LISTENER: u64 = 2;

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
        let edge = edge(config);
        let operations = if config.operations_port.number().is_some() { operations::FILES_MAX } else { 0 };
        let mesh = Reserved::of(config.shards, addresses_max(&config.relays));
        let network = config.backplane.nats().map_or(mesh.network, |_| FILES_PER_RUNTIME + FILES_OF_NATS);
        let reserved = Reserved { edge, operations, network, ..mesh };
        let wanted = config.limits.max_connections;
        Self::within(wanted, &reserved, admission::make_room(wanted as u64 + reserved.files()))
    }

    /// The room for `wanted` connections where `allowed` files may be open.
    fn within(wanted: usize, reserved: &Reserved, allowed: Option<u64>) -> anyhow::Result<Self> {
        let files = reserved.files();
        let needed = wanted as u64 + files;
        let Some(allowed) = allowed.filter(|&allowed| allowed < needed) else {
            return Ok(Self { connections: wanted, warning: None });
        };
        let way_out = format!("raise the limit to {needed} (LimitNOFILE= of a service, `ulimit -n` in a shell)");
        if allowed <= files {
            bail!(
                "`limits.max_connections` asks for {wanted} connections, but the open-file limit of this process is \
                 {allowed}, and {files} files are kept for itself ({reserved}), which leaves none for clients: {way_out}"
            );
        }
        let connections = allowed - files;
        let warning = format!(
            "`limits.max_connections` is {wanted}, but the open-file limit of this process, {allowed}, leaves room for \
             {connections} connections beside the {files} files that are kept for itself: {way_out}, or lower \
             `limits.max_connections`"
        );
        // It is less than `wanted`, which is a usize.
        Ok(Self { connections: connections as usize, warning: Some(warning) })
    }
}

/// Open files that are kept for the relay itself, so that clients cannot take them.
struct Reserved {
    shards: usize,
    /// For a network where the list may have so many addresses; 0 where it is empty.
    network: u64,
    relays: usize,
    /// For listeners beside the first, and for connections that wait at the entrance and are not counted yet.
    edge: u64,
    /// For the operations port.
    operations: u64,
}

fn edge(config: &Config) -> u64 {
    let more = config.listeners.len() as u64 - 1;
    let has_entrance = config.listeners.iter().any(|listener| listener.tls.is_some() || listener.proxy_protocol);
    let runtimes = if has_entrance { ENTRANCE_THREADS_MAX as u64 * FILES_PER_RUNTIME } else { 0 };
    // Where a PROXY header comes first nobody is counted before that.
    let is_proxied = config.listeners.iter().any(|listener| listener.proxy_protocol);
    let waiting = if is_proxied { config.limits.max_handshakes as u64 } else { 0 };
    more * FILES_PER_LISTENER + runtimes + waiting
}

impl Reserved {
    fn of(shards: usize, relays: usize) -> Self {
        let network = match relays {
            0 => 0,
            listed => FILES_PER_RUNTIME + FILES_OF_NETWORK_PORT + connections_max(listed) as u64,
        };
        Self { shards, network, relays, edge: 0, operations: 0 }
    }

    fn files(&self) -> u64 {
        RESERVED_FILES + FILES_PER_SHARD * self.shards as u64 + self.network + self.edge + self.operations
    }
}

impl fmt::Display for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shards, network, relays, edge, operations } = self;
        write!(f, "{RESERVED_FILES}, {FILES_PER_SHARD} for each of its {shards} shards")?;
        match (*network, *relays) {
            (0, _) => {}
            (_, 0) => write!(f, ", and {network} for NATS")?,
            _ => write!(f, ", and {network} for relays at up to {relays} addresses")?,
        }
        if *edge > 0 {
            write!(f, ", and {edge} for listeners and connections that shake hands")?;
        }
        if *operations > 0 {
            write!(f, ", and {operations} for operators")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_the_open_file_limit() {
        for (wanted, allowed, expected) in
            [(10_000, None, 10_000), (10_000, Some(20_000), 10_000), (100, Some(236), 100), (100, Some(235), 99)]
        {
            let capacity = Capacity::within(wanted, &Reserved::of(2, 0), allowed).unwrap();
            assert_eq!(capacity.connections, expected, "{wanted} of {allowed:?}");
            assert_eq!(capacity.warning.is_some(), expected < wanted, "{capacity:?}");
        }
        let warning = Capacity::within(10_000, &Reserved::of(2, 0), Some(1024)).unwrap().warning.unwrap();
        for part in ["`limits.max_connections` is 10000", "1024", "888 connections", "10136", "LimitNOFILE"] {
            assert!(warning.contains(part), "{part} is not in: {warning}");
        }
    }

    #[test]
    fn no_room_at_all_is_an_error_with_a_way_out() {
        let error = Capacity::within(10_000, &Reserved::of(2, 0), Some(134)).unwrap_err().to_string();
        for part in
            ["`limits.max_connections`", "10000", "134", "10136", "ulimit -n", "(128, 4 for each of its 2 shards)"]
        {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }

    #[test]
    fn what_waits_at_the_entrance_has_its_files() {
        let edge = |listeners: &str| {
            let text = format!("authenticator: A\nlimits: {{max_handshakes: 100}}\nlisteners:\n{listeners}");
            edge(&Config::from_text(&text, std::path::Path::new("/settings.yaml")).unwrap())
        };
        assert_eq!((edge("  - port: 1\n"), edge("  - port: 1\n  - port: 2\n")), (0, 2));
        assert_eq!(edge("  - port: 1\n    tls: {certificate: a, key: b}\n"), 12);
        assert_eq!(edge("  - {port: 1, proxy_protocol: required, trusted_proxies: [10.0.0.1]}\n"), 112);
        let error = Capacity::within(10, &Reserved { edge: 112, ..Reserved::of(1, 0) }, Some(244)).unwrap_err();
        assert!(error.to_string().contains("and 112 for listeners"), "{error}");
    }

    /// Whatever clients do, there are files for every relay that is dialled, every link and every stranger.
    #[test]
    fn a_network_has_its_files_beside_the_clients() {
        let files = |relays| Reserved::of(2, relays).files();
        assert_eq!((files(0), files(1)), (136, 136 + 5 + 64 + 2 + 1 + 17));
        // One more that is dialled, one more that may be a link from the other side, and two places for its address.
        assert_eq!(files(3), files(2) + 4);
        // More links than this there never are.
        assert_eq!(files(300), files(299) + 3);
        assert_eq!(files(300), 136 + 5 + 64 + 600 + 300 + 256);
        let error = Capacity::within(100, &Reserved::of(2, 3), Some(233)).unwrap_err().to_string();
        assert!(error.contains("233 files") && error.contains("97 for relays at up to 3 addresses"), "{error}");
        assert_eq!(Capacity::within(100, &Reserved::of(2, 3), Some(234)).unwrap().connections, 1);
    }
}
