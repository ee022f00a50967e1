//! The network of relays: one thread that owns all links to other relays. docs/protocol/relay-link.md is the norm of
//! what they say.
//!
//! The thread exists only where relays are configured. It reaches the rest of the relay through a [`Door`] and is told
//! what happens there by [`Event`](crate::routing::Event)s; it shares nothing else with the shards, and it never waits
//! for one of its links before it takes its next event.

mod handshake;
mod interest;
mod links;
mod membership;
mod memory;
mod node;
mod status;
mod tasks;
#[cfg(test)]
mod tests;
mod wire;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use handshake::{Handshake, Role, Step, VERSION};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use interest::Announced;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use links::Incoming;
#[cfg(test)]
pub(crate) use links::QUEUE_BYTES_MAX;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use links::Queue;
pub use membership::{ADDRESSES_PER_NAME_MAX, UNLISTED_LINKS_MAX, links_max};
pub(crate) use membership::{LinkEncryption, Settings, addresses_max, connections_max};
pub(crate) use memory::{history_bytes_max, interest_bytes_max, network_bytes_max};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use wire::FRAME_BYTES_OVER_CONTENT;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use wire::{Frame, HANDSHAKE_FRAME_BYTES_MAX, Hello, any, kind, parse};

use crate::peers::Started;
use crate::routing::{Door, Events, Status, start_backplane};
use links::Tcp;
use std::net::TcpListener;
use tokio::sync::oneshot;

/// What the network is made of.
pub struct Network<D, E> {
    /// The settings.
    pub settings: Settings,
    /// This start of this relay.
    pub started: Started,
    /// Where other relays connect: bound, listening.
    pub listener: TcpListener,
    /// The way to the relay.
    pub door: D,
    /// The network's inbox.
    pub events: E,
}

impl<D: Door + Send, E: Events + Send> Network<D, E> {
    /// Starts the thread. The receiver gets how the links were when the stop was asked for, when the thread has ended;
    /// it gets an error when the thread has died.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made, or the listener cannot be taken over.
    pub fn start(self) -> anyhow::Result<oneshot::Receiver<Status>> {
        let Self { settings, started: Started { boot, random }, listener, door, events } = self;
        start_backplane(move || Ok(tasks::run(settings, boot, (door, events), Tcp::new(listener)?, random)))
    }
}
