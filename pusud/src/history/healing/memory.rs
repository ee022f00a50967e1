//! The most memory that healing takes, beside what logs do.

use super::holes::{HOLES_MAX, WAITING_BYTES_MAX};
use super::news::NEWS_MAX;
use super::peers::OVERFLOWED_MAX;

/// A hole, beside the name of its channel, which is kept three times; a channel of which there is news, or publications of which were
/// dropped, beside its name.
const HOLE_BYTES: usize = 512;
const NAMED_BYTES: usize = 64;

/// Bytes of what is missing, what waits behind that, and what is known of so many peers.
pub fn healing_bytes_max(peers: usize, channel_bytes_max: usize) -> usize {
    let named = channel_bytes_max + NAMED_BYTES;
    let holes = HOLES_MAX * (HOLE_BYTES + 3 * channel_bytes_max);
    WAITING_BYTES_MAX + holes + (NEWS_MAX + peers * OVERFLOWED_MAX) * named
}
