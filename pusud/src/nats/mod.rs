//! NATS as the backplane: relays tell each other by way of NATS servers, in the place of links of their own.
//! docs/protocol/nats.md is the norm of what they say.
//!
//! The thread exists only where the settings have NATS as the backplane. It reaches the rest of the relay through a
//! [`Door`], as that of the mesh does, and never waits for a server before it takes its next event.

mod backplane;
mod barrier;
mod candidates;
mod check;
mod conversation;
mod interest;
mod measured;
mod memory;
mod published;
mod queue;
mod roster;
mod server;
mod servers;
mod settings;
mod subjects;
mod tasks;
mod wire;

pub(crate) use check::check;
pub use measured::{Publishing, Receiving};
pub(crate) use memory::{history_bytes_max, interest_bytes_max, network_bytes_max};
pub(crate) use server::{Credentials, ServerAddress, ServerSettings, TlsFiles};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use server::{LINE_BYTES_MAX, Malformed, Op, Parser};
pub(crate) use settings::{Identity, Settings};

use crate::peers::Started;
use crate::routing::{Door, Events, Status, start_backplane};
use backplane::Backplane;
use servers::RealServers;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Bytes that a payload has beside a single content.
const CONTENT_OVERHEAD_BYTES: usize = wire::PUBLICATIONS_HEAD_BYTES + wire::CONTENT_HEAD_BYTES;

/// The same of a message about history, which says more of each: at most so much.
const HISTORY_OVERHEAD_BYTES: usize = wire::HEADER_BYTES + 512;

/// What the network is made of.
pub(crate) struct Network<D, E> {
    /// The settings.
    pub settings: Settings,
    /// This start of this relay.
    pub started: Started,
    /// The way to the relay.
    pub door: D,
    /// The network's inbox.
    pub events: E,
}

impl<D: Door + Send, E: Events + Send> Network<D, E> {
    /// Starts the thread. The receiver gets how the network was when the stop was asked for, when the thread has ended; it gets
    /// an error when the thread has died. Servers that are not there are tried until they are.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made.
    pub(crate) fn start(self) -> anyhow::Result<oneshot::Receiver<Status>> {
        let Self { settings, started: Started { boot, random }, door, events } = self;
        let Settings { identity, servers, server, keys, .. } = settings;
        start_backplane(move || {
            let backplane = Backplane::new(identity, boot, door, keys, Instant::now());
            Ok(tasks::run(backplane, events, RealServers(server), servers, random))
        })
    }
}

/// What servers have to take at least, in bytes, where contents have so many (`max_payload`).
fn needed_payload_bytes(content_bytes_max: usize, has_history: bool) -> usize {
    let overhead = if has_history { HISTORY_OVERHEAD_BYTES } else { CONTENT_OVERHEAD_BYTES };
    (content_bytes_max + overhead).max(wire::LIST_BYTES_MAX + 1024)
}

/// The longest payload of a message of a relay, in bytes, where contents have so many.
pub(crate) fn payload_bytes_max(content_bytes_max: usize) -> usize {
    HISTORY_OVERHEAD_BYTES + content_bytes_max.max(2 * wire::LIST_BYTES_MAX)
}

#[cfg(test)]
mod tests;
