//! Publications that are not sent to a peer: counted, and said once.

use super::Link;
use crate::mesh::links::queue::Pushed;
use tracing::warn;

impl Link {
    pub(super) fn count_too_large(&mut self, bytes: usize) {
        self.account.traffic.too_large += 1;
        if self.account.traffic.too_large == 1 {
            warn!(
                relay = %self.name, bytes, max = self.content_bytes_max,
                "a message is larger than the peer takes and is not sent to it: set `limits.max_message_bytes` \
                 alike on all relays"
            );
        }
    }

    pub(super) fn count_dropped(&mut self, pushed: Pushed) {
        let traffic = &mut self.account.traffic;
        // What was dropped for it counted as sent before.
        traffic.sent -= pushed.dropped;
        let dropped = pushed.dropped + u64::from(!pushed.is_taken);
        traffic.dropped += dropped;
        if self.dropped_in_a_row == 0 {
            warn!(
                relay = %self.name, queued_bytes = self.queue.bytes(),
                "the peer takes messages more slowly than they come: new ones for it are dropped"
            );
        }
        self.dropped_in_a_row += dropped;
    }
}
