//! Messages about history between relays: read, written again, and taken in as what peers tell.

use crate::history::{Way, fuzzed_messages, is_written_again};

/// A message is written again as it was, and whatever peers say, nothing is delivered twice and nothing stays open.
///
/// # Panics
/// Where that does not hold.
pub fn history_messages(bytes: &[u8]) {
    is_written_again(bytes);
    fuzzed_messages(bytes, Way::Links);
    fuzzed_messages(bytes, Way::Lossy);
}
