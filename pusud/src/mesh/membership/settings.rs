//! Settings of the network, which do not change while it runs, and how many connections follow from them.

use crate::config::PeerAddress;
use crate::mesh::handshake::Keys;

/// Most connections that others have made and that are not linked, beside those with kept places.
pub(crate) const STRANGERS_MAX: usize = 64;
/// Most of them of one address.
pub(crate) const STRANGERS_PER_ADDRESS_MAX: usize = 4;
/// Places that are kept for the address of each relay that the settings list: for the connection that it makes now, and
/// for one before it that has not been noticed to be broken.
pub(crate) const KEPT_STRANGERS: usize = 2;
/// Most linked relays, whatever the settings say.
pub(crate) const LINKS_MAX: usize = 256;
/// Most linked relays beyond as many as the settings list. A relay reads its list when it starts: so those that are added
/// to a network dial relays that do not know them yet, and stay linked until the last one has been restarted.
pub const UNLISTED_LINKS_MAX: usize = 16;

/// How many relays may be linked at a time to one whose settings list so many.
pub fn links_max(listed: usize) -> usize {
    (listed + UNLISTED_LINKS_MAX).min(LINKS_MAX)
}

/// How many connections others may have made and not linked, where the settings list so many relays.
pub(crate) fn strangers_max(listed: usize) -> usize {
    STRANGERS_MAX + KEPT_STRANGERS * listed
}

/// How many connections the network of a relay has at a time, whose settings list so many: one to each that it dials,
/// those that have become links from the other side, and strangers.
pub(crate) fn connections_max(listed: usize) -> usize {
    listed + links_max(listed) + strangers_max(listed)
}

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
