//! The most memory that a shard takes, without what its clients take one by one.

use crate::protocol::Limits;
use crate::{client, hub, routing};

/// Bytes of a shard that exchanges publications with so many `others`, shards or the network: what is being read, the open
/// run, what is exchanged, the inbox, and what an operator looks at.
pub fn shard_bytes_max(limits: &Limits, others: usize) -> usize {
    client::shared_bytes_max(limits)
        + routing::run_bytes_max(limits.max_message_bytes)
        + others * hub::exchange_bytes_max(limits)
        + routing::INBOX_BYTES_MAX
        + hub::looking_bytes_max()
}
