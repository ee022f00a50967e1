//! Bounds on what one client may use, with their defaults.

use std::time::Duration;

/// Longest channel name, in bytes.
pub const CHANNEL_BYTES_MAX: usize = 255;

/// The `limits:` of the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Longest message a client may send, in bytes; past it: close 1009.
    pub max_message_bytes: usize,
    /// Longest HTTP request head, in bytes; past it: HTTP 431.
    pub max_header_bytes: usize,
    /// From accept to a complete WebSocket handshake; past it the connection is closed.
    pub handshake_timeout: Duration,
    /// How long the authenticator may take for one decision; past it: `unavailable`, close 1013.
    pub authorize_call_timeout: Duration,
    /// Bytes that may wait for one client beyond what the kernel holds; past it: close 4001.
    pub outbox_bytes: usize,
    /// From the wish to stop to the first client that is disconnected; 0: at once.
    pub drain_grace: Duration,
    /// From the first client that is disconnected to the last, when the relay stops; 0: all at once.
    pub drain_spread: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 1024 * 1024,
            max_header_bytes: 8 * 1024,
            handshake_timeout: Duration::from_secs(5),
            authorize_call_timeout: Duration::from_secs(5),
            outbox_bytes: 1024 * 1024,
            drain_grace: Duration::from_secs(2),
            drain_spread: Duration::from_secs(20),
        }
    }
}
