//! The most memory that the network over NATS takes.

use super::published::REMEMBERED_MAX;
use super::queue::{ANSWERS_BYTES_MAX, PUBLICATIONS_BYTES_MAX};
use super::roster::RELAYS_MAX;
use crate::history::healing_bytes_max;
use crate::peers::FRAME_BYTES_MAX;
use crate::protocol::Limits;
use crate::routing::{INBOX_BYTES_MAX, run_bytes_max};

/// A channel that was published to, beside its name and its subject.
const PUBLISHED_BYTES: usize = 200;
/// The longest subject of a channel, in bytes: each byte of its name and of the network's may take three.
const SUBJECT_BYTES_MAX: usize = 2 * 3 * 255 + 16;
/// A channel that this relay's clients listen to, beside the name, which is kept twice, and what each other relay adds.
const INTEREST_BYTES: usize = 200;
const INTEREST_BYTES_PER_RELAY: usize = 16;
/// Relays that publish to one channel, as far as memory is set aside for them.
const SOURCES: usize = 4;
/// Relays for which publications to channels with history are dropped at a time, as far as memory is set aside for that.
const BEHIND: usize = 16;
/// What is known of a relay, beside what it tells in frames: the longest of those, and the piece that follows on a part of one.
const RELAY_BYTES: usize = 2048;
const DECODER_BYTES: usize = FRAME_BYTES_MAX + 64 * 1024;

/// Bytes of the connection to NATS, of what waits for it, and of the network's inbox.
pub(crate) fn network_bytes_max(limits: &Limits) -> usize {
    let message = limits.max_message_bytes;
    // What waits, what is being written, what comes in a buffer that has doubled, and one payload that is being made.
    // Answers may be written behind each other into one buffer, which doubles when it grows.
    let connection = 2 * PUBLICATIONS_BYTES_MAX + 2 * ANSWERS_BYTES_MAX + 4 * message;
    let published = REMEMBERED_MAX * (2 * limits.max_channel_bytes + SUBJECT_BYTES_MAX + PUBLISHED_BYTES);
    connection + published + RELAYS_MAX * (RELAY_BYTES + DECODER_BYTES) + INBOX_BYTES_MAX + run_bytes_max(message)
}

/// Bytes that the network takes more where channels have history.
pub(crate) fn history_bytes_max(limits: &Limits) -> usize {
    healing_bytes_max(BEHIND, limits.max_channel_bytes)
}

/// Bytes of what one client listens to, in the network's table, and of its subscriptions when all are told to another server.
pub(crate) fn interest_bytes_max(limits: &Limits) -> usize {
    let told = SUBJECT_BYTES_MAX;
    limits.max_subscriptions
        * (2 * limits.max_channel_bytes + INTEREST_BYTES + SOURCES * INTEREST_BYTES_PER_RELAY + told)
}
