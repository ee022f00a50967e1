//! What the network is told once, when it starts.

use super::key::Keys;
use super::peer_address::PeerAddress;

/// The settings of the network.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This relay's name, 1 to 255 bytes without control characters; two relays of a network must not have the same.
    pub name: String,
    /// The network's name, as long; relays of another network are refused.
    pub network_name: String,
    /// The relays to dial; may hold duplicates and this relay itself.
    pub relays: Vec<PeerAddress>,
    /// `network_key_file`; `None`: whoever reaches the port may publish.
    pub keys: Option<Keys>,
    /// The longest content of a publication, in bytes: `limits.max_message_bytes`.
    pub max_message_bytes: usize,
}
