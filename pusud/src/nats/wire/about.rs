//! About a relay: everything that it says of itself with each heartbeat.

/// One relay, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::nats) struct About {
    /// Counts its heartbeats, from 1.
    pub heartbeat: u64,
    /// The protocol's minor version that it knows.
    pub minor: u16,
    /// The longest content that it takes, in bytes.
    pub content_bytes_max: u32,
    /// All that were there have answered since it was connected: it publishes.
    pub has_joined: bool,
    /// It stops as planned.
    pub is_stopping: bool,
    /// It takes numbered publications of channels with history, and numbers its own.
    pub has_history: bool,
    /// The id of its server.
    pub server: Box<str>,
    /// The name of its server's cluster; empty for a server alone.
    pub cluster: Box<str>,
    /// Its network.
    pub network: Box<str>,
    /// Its name.
    pub name: Box<str>,
}
