//! The most memory that is on its way between threads.

use super::inbox::SHARE_BYTES_MAX;
use super::lane::SHARES;
use super::run::RUN_BYTES_MAX;

/// Bytes that wait in an inbox before sources have to.
pub const INBOX_BYTES_MAX: usize = SHARES * SHARE_BYTES_MAX;

/// Bytes of an open run, with messages as long as `message`: its buffer doubles as it grows.
pub fn run_bytes_max(message: usize) -> usize {
    2 * (RUN_BYTES_MAX + message)
}
