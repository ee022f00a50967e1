//! Bounds on what one client may use, with their defaults.

use crate::protocol::origin::Origin;
use std::time::Duration;

/// Longest channel name that any setting allows, in bytes.
pub const CHANNEL_BYTES_MAX: usize = 255;
/// Most subscriptions of one client that any setting allows.
pub const SUBSCRIPTIONS_MAX: usize = 10_000;
/// Longest authorization of a client, in bytes: what plugins are tested with.
pub const AUTHORIZATION_BYTES_MAX: usize = 64 * 1024;
/// How deep JSON may be nested outside of `content`, where the protocol knows nothing that is nested.
pub(crate) const JSON_DEPTH_MAX: usize = 32;

/// Most shards of one relay: with the network of relays they are as many as a set of the shard index has bits.
pub const SHARDS_MAX: usize = 63;

/// Most authorizations that one client has at a time; what does not give more than another is not counted.
pub const AUTHORIZATIONS_MAX: usize = 16;

/// The `limits:` of the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Longest message a client may send, in bytes; past it: close 1009.
    pub max_message_bytes: usize,
    /// Most frames of one message; past it: close 1008.
    pub max_fragments: usize,
    /// From the first byte of a message to its last; past it: close 1008.
    pub message_timeout: Duration,
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
    /// A client that has sent nothing for so long is sent a ping; zero: never.
    pub ping_interval: Duration,
    /// From a ping to any byte of the client's; past it: close 4002.
    pub pong_timeout: Duration,
    /// Bytes that may wait for one client beyond what the kernel holds; past it: close 4001.
    pub outbox_bytes: usize,
    /// Bytes that may wait for one client for long.
    pub outbox_soft_bytes: usize,
    /// How long more than `outbox_soft_bytes` may wait; past it: close 4001.
    pub outbox_soft_time: Duration,
    /// How long the kernel may take nothing while something waits; past it: close 4001.
    pub write_deadline: Duration,
    /// Most subscriptions of one client; past it: close 4503.
    pub max_subscriptions: usize,
    /// Longest channel name, in bytes; past it: close 4500.
    pub max_channel_bytes: usize,
    /// How deep `content` may be nested; past it: close 4500.
    pub max_json_depth: usize,
    /// Bytes that may wait in all shards together: for clients to take them, or to finish them. Past it the clients with
    /// most of it are cut.
    pub max_queued_bytes: usize,
    /// Messages that one client may publish in a second for long; past it: close 4503. 0: as many as it likes.
    pub publish_rate: u32,
    /// Messages that one client may publish at once above `publish_rate`.
    pub publish_burst: u32,
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
            max_fragments: 128,
            message_timeout: Duration::from_secs(10),
            max_unauthorized_message_bytes: 16 * 1024,
            max_header_bytes: 8 * 1024,
            handshake_timeout: Duration::from_secs(5),
            authorize_timeout: Duration::from_secs(10),
            max_authorize_attempts: 3,
            authorize_call_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            outbox_bytes: 1024 * 1024,
            outbox_soft_bytes: 512 * 1024,
            outbox_soft_time: Duration::from_secs(10),
            write_deadline: Duration::from_secs(10),
            max_subscriptions: 256,
            max_channel_bytes: CHANNEL_BYTES_MAX,
            max_json_depth: 128,
            max_queued_bytes: 256 * 1024 * 1024,
            publish_rate: 0,
            publish_burst: 100,
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
