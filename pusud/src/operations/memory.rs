//! The most memory that the operations port takes.

use super::connections::CONNECTIONS_MAX;
use super::content::BODY_BYTES_MAX;
use super::conversation::HEAD_BYTES_MAX;
use super::streams::{LIVE_MAX, TAILS_MAX, WAITING_MAX};
use crate::tls;

/// A status as it is kept and as it is written, with the metrics of plugins, and lists of a thousand rows.
const ANSWER_BYTES: usize = 1 << 20;
/// Statuses that are kept for what has grown lately, and the last one.
const STATUSES: usize = 8;

/// With messages of at most so many bytes.
pub fn bytes_max(message_bytes_max: usize) -> usize {
    let session = 2 * tls::RECORD_BYTES_MAX + tls::handshake_bytes_max();
    let connections = CONNECTIONS_MAX * (HEAD_BYTES_MAX + BODY_BYTES_MAX + session);
    // Each event that waits, the one that is made, and the one that is being written; a message is copied once.
    let tails = TAILS_MAX * (WAITING_MAX + 3) * message_bytes_max;
    let live = LIVE_MAX * (WAITING_MAX + 2) * ANSWER_BYTES;
    connections + tails + live + (STATUSES + LIVE_MAX) * ANSWER_BYTES
}
