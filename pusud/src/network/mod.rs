//! The network of relays: one thread that owns all links to other relays. NETWORK.md is the norm of what they say.
//!
//! The thread exists only where relays are configured. It reaches the rest of the relay through a [`Door`] and is told
//! what happens there by [`Event`]s; it shares nothing else with the shards, and it never waits for one of its links
//! before it takes its next event.

pub mod door;
pub mod key;
pub mod local;
pub mod peer_address;
pub mod status;

pub use key::Keys;
pub use local::{Door, Event, Events, Ticket};
pub use peer_address::PeerAddress;
pub use status::Status;

use std::net::TcpListener;
use tokio::sync::oneshot;

/// What the network is made of.
pub struct Network<D, E> {
    /// The settings.
    pub settings: Settings,
    /// Where other relays connect: bound, listening.
    pub listener: TcpListener,
    /// The way to the relay.
    pub door: D,
    /// The network's inbox.
    pub events: E,
}

/// What the network is told once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This relay's name, 1 to 255 bytes; two relays of a network must not have the same.
    pub name: String,
    /// The network's name, 1 to 255 bytes; relays of another network are refused.
    pub network_name: String,
    /// The relays to dial; may hold duplicates and this relay itself.
    pub relays: Vec<PeerAddress>,
    /// `network_key_file`; `None`: whoever reaches the port may publish.
    pub keys: Option<Keys>,
    /// The longest content of a publication, in bytes: `limits.max_message_bytes`.
    pub max_message_bytes: usize,
}

impl<D: Door + Send, E: Events + Send> Network<D, E> {
    /// Starts the thread. The receiver gets how the links were at the end, when the thread has ended.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made, or the listener cannot be taken over.
    pub fn start(self) -> anyhow::Result<oneshot::Receiver<Status>> {
        anyhow::bail!("the network of relays is not there yet")
    }
}
