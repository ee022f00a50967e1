//! Settings of the network over NATS, which do not change while it runs.

/// What the network knows of its relay.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// This relay's name, 1 to 255 bytes without control characters; two relays of a network must not have the same.
    pub name: Box<str>,
    /// The network's name, as long.
    pub network: Box<str>,
    /// The longest content of a publication, in bytes: `limits.max_message_bytes`.
    pub content_bytes_max: usize,
}
