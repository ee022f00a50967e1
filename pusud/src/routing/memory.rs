//! The most memory that is on its way between threads.

use super::inbox::{SHARE_BYTES_MAX, links_bytes_max};
use super::lane::LANES;
use super::run::RUN_BYTES_MAX;

/// Bytes of other shards that wait in an inbox before sources have to.
pub const INBOX_BYTES_MAX: usize = LANES * SHARE_BYTES_MAX;

/// Bytes that came over links and wait in one of so many shards before links have to, with what it costs to set them aside
/// where messages are short.
pub fn from_links_bytes_max(shards: usize, queued_bytes_max: usize) -> usize {
    2 * links_bytes_max(shards, queued_bytes_max)
}

/// Bytes of an open run, with messages as long as `message`: its buffer doubles as it grows.
pub fn run_bytes_max(message: usize) -> usize {
    2 * (RUN_BYTES_MAX + message)
}
