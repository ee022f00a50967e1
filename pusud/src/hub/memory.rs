//! The most memory that a shard's state takes.

use super::BATCH_BYTES_MAX;
use super::sample::SAMPLE_BYTES_MAX;
use crate::protocol::Limits;

/// A subscription to a channel that nobody else listens to, beside the name, which is kept twice.
const SUBSCRIPTION_BYTES: usize = 400;

/// Bytes for each shard, or network, that publications are exchanged with: what waits for it, and what it has sent at once
/// beyond what the inbox takes.
pub fn exchange_bytes_max(limits: &Limits) -> usize {
    2 * (BATCH_BYTES_MAX + limits.max_message_bytes)
}

/// Bytes of a shard while an operator looks at it: a sample that is taken, and the one before it, whose rows are still made.
pub fn looking_bytes_max() -> usize {
    2 * SAMPLE_BYTES_MAX
}

/// Bytes of all subscriptions of one client.
pub fn subscriptions_bytes_max(limits: &Limits) -> usize {
    limits.max_subscriptions * (2 * limits.max_channel_bytes + SUBSCRIPTION_BYTES)
}
