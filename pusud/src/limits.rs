//! Bounds on what one client may use, with their defaults.

use crate::origin::Origin;
use std::time::Duration;

/// Longest channel name, in bytes.
pub const CHANNEL_BYTES_MAX: usize = 255;

/// Most authorizations that one client has at a time; what does not give more than another is not counted.
pub const AUTHORIZATIONS_MAX: usize = 16;

/// The `limits:` of the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Longest message a client may send, in bytes; past it: close 1009.
    pub max_message_bytes: usize,
    /// The same, as long as the client is not authorized.
    pub max_unauthorized_message_bytes: usize,
    /// Longest HTTP request head, in bytes; past it: HTTP 431.
    pub max_header_bytes: usize,
    /// From accept to a complete WebSocket handshake; past it the connection is closed.
    pub handshake_timeout: Duration,
    /// From accept to the client's first authorization; past it: close 4003.
    pub authorize_timeout: Duration,
    /// Authorizations in a row that give a client nothing new; past it: close 4501.
    pub max_authorize_attempts: usize,
    /// How long the authenticator may take for one decision; past it: `unavailable`, close 1013.
    pub authorize_call_timeout: Duration,
    /// Bytes that may wait for one client beyond what the kernel holds; past it: close 4001.
    pub outbox_bytes: usize,
    /// Connections in all, as far as the open-file limit goes; past it: HTTP 503.
    pub max_connections: usize,
    /// Connections that are not authorized yet; past it: HTTP 503.
    pub max_unauthorized: usize,
    /// The same, of one address that is not this machine's; 0: no limit.
    pub max_unauthorized_per_address: usize,
    /// Connections of one address that is not this machine's; past it: HTTP 429. 0: no limit.
    pub max_connections_per_address: usize,
    /// The origins whose pages may connect; others: HTTP 403. Empty: all.
    pub allowed_origins: Vec<Origin>,
    /// From the wish to stop to the first client that is disconnected; 0: at once.
    pub drain_grace: Duration,
    /// From the first client that is disconnected to the last, when the relay stops; 0: all at once.
    pub drain_spread: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 1024 * 1024,
            max_unauthorized_message_bytes: 16 * 1024,
            max_header_bytes: 8 * 1024,
            handshake_timeout: Duration::from_secs(5),
            authorize_timeout: Duration::from_secs(10),
            max_authorize_attempts: 3,
            authorize_call_timeout: Duration::from_secs(5),
            outbox_bytes: 1024 * 1024,
            max_connections: 10_000,
            max_unauthorized: 512,
            max_unauthorized_per_address: 32,
            max_connections_per_address: 256,
            allowed_origins: Vec::new(),
            drain_grace: Duration::from_secs(2),
            drain_spread: Duration::from_secs(20),
        }
    }
}
