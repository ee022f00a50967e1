//! Settings of the network over NATS, which do not change while it runs.

use crate::nats::server::{ServerAddress, ServerSettings};
use crate::peers::Keys;

/// The settings of the network.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// This relay and its network.
    pub identity: Identity,
    /// The servers, at least one.
    pub servers: Vec<ServerAddress>,
    /// What is the same for all servers.
    pub server: ServerSettings,
    /// Whether channels of this relay may have history.
    pub has_history: bool,
    /// `network_key_file`: what is compared of authenticators' options is hashed with it.
    pub keys: Option<Keys>,
}

/// A relay in its network.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// This relay's name, 1 to 255 bytes without control characters; two relays of a network must not have the same.
    pub name: Box<str>,
    /// The network's name, as long.
    pub network: Box<str>,
    /// The longest content of a publication, in bytes: `limits.max_message_bytes`.
    pub content_bytes_max: usize,
}
