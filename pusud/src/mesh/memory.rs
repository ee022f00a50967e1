//! The most memory that the network of relays takes.

use super::links::{HISTORY_BYTES_MAX, QUEUE_BYTES_MAX, READ_BYTES, TABLES_BYTES_MAX, WRITE_BYTES};
use super::membership::{links_max, strangers_max};
use super::wire::FRAME_BYTES_OVER_CONTENT;
use crate::history::healing_bytes_max;
use crate::protocol::Limits;
use crate::routing::{INBOX_BYTES_MAX, run_bytes_max};
use crate::tls::{LINK_HANDSHAKE_BYTES_MAX, LINK_SESSION_BYTES_MAX};

/// A channel in the network's table of its own clients' interest, beside the name, and what each link that is being told
/// of all channels takes more for one.
const INTEREST_BYTES: usize = 100;
const SNAPSHOT_BYTES: usize = 16;
/// A connection of the network that is shaking hands: frames are at most 1 KiB, in buffers on either side.
const HANDSHAKE_BYTES: usize = 16 << 10;

/// Bytes of the links to other relays, where the list has so many addresses, and of the network's inbox. Relays that
/// are in no list may link too. `encrypts`: links may be encrypted.
pub(crate) fn network_bytes_max(limits: &Limits, listed: usize, encrypts: bool) -> usize {
    let message = limits.max_message_bytes;
    let frame = message + FRAME_BYTES_OVER_CONTENT;
    let (session, handshake) = if encrypts { (LINK_SESSION_BYTES_MAX, LINK_HANDSHAKE_BYTES_MAX) } else { (0, 0) };
    // What waits for a peer; what is being written, in a buffer that has doubled; what comes, in another such buffer, and
    // as text.
    let link = QUEUE_BYTES_MAX + TABLES_BYTES_MAX + 2 * (frame + WRITE_BYTES) + READ_BYTES + 3 * frame + session;
    let handshakes = (strangers_max(listed) + listed) * (HANDSHAKE_BYTES + handshake);
    links_max(listed) * link + handshakes + INBOX_BYTES_MAX + run_bytes_max(message)
}

/// Bytes that links take more where channels have history.
pub(crate) fn history_bytes_max(limits: &Limits, listed: usize) -> usize {
    let links = links_max(listed);
    links * HISTORY_BYTES_MAX + healing_bytes_max(links, limits.max_channel_bytes)
}

/// Bytes of what one client listens to, in the network's table.
pub(crate) fn interest_bytes_max(limits: &Limits, listed: usize) -> usize {
    limits.max_subscriptions * (limits.max_channel_bytes + INTEREST_BYTES + SNAPSHOT_BYTES * links_max(listed))
}
