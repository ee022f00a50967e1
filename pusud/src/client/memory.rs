//! The most memory that the clients' tasks take.

use super::read_buffer::READ_BYTES_MAX;
use super::shared_permissions::ABANDONED_BYTES_MAX;
use super::writable::WRITABLE_CHANNELS_MAX;
use crate::protocol::Limits;

/// A connected client that is authorized and subscribed to little: 1 KiB was measured, the WebSocket library takes up to
/// one more where a message is coming, and the allocator does not fill every page.
pub const CLIENT_BYTES: usize = 3 << 10;
/// One header that authenticators see, beside its value.
const SEEN_HEADER_BYTES: usize = 64;
/// A channel whose write permission is remembered, beside the name.
const WRITABLE_CHANNEL_BYTES: usize = 64;

/// Bytes of one client, without its subscriptions and permissions.
pub fn client_bytes_max(limits: &Limits) -> usize {
    CLIENT_BYTES + limits.max_header_bytes
}

/// Bytes of what one client has said in so many headers that authenticators see, beside the request itself: what a question
/// takes of it, and, over HTTP, what the last request said.
pub fn seen_bytes_max(limits: &Limits, headers: usize) -> usize {
    if headers == 0 { 0 } else { 2 * (limits.max_header_bytes + headers * SEEN_HEADER_BYTES) }
}

/// Bytes of the permissions that one client's task remembers.
pub fn permissions_bytes_max(limits: &Limits) -> usize {
    WRITABLE_CHANNELS_MAX * (limits.max_channel_bytes + WRITABLE_CHANNEL_BYTES)
}

/// Bytes of what all clients of a shard share: the buffer for reading, a message that is being handled, once as frames and
/// once as text, and lists of permissions.
pub fn shared_bytes_max(limits: &Limits) -> usize {
    READ_BYTES_MAX + 2 * limits.max_message_bytes + ABANDONED_BYTES_MAX
}
