//! Relief of memory: disconnects the clients that hold most of it when all shards together hold more than
//! `max_queued_bytes`.

use super::{Hub, State, ended};
use crate::frames;
use crate::hub::outbox::Outbox;
use crate::protocol::{Disconnect, Refusal};
use std::rc::Rc;
use tracing::warn;

impl Hub {
    /// Disconnects the clients with most of what is held, if all shards together hold more than `max_queued_bytes`.
    pub fn relieve(&self) {
        self.relieve_now(&mut self.state.borrow_mut());
    }

    /// Whether there is still too much, since those who were disconnected for it have not had their turn to let go.
    pub(crate) fn is_relieved(&self) -> bool {
        self.queued_memory.excess(self.shard, self.state.borrow().passing_bytes()) == 0
    }

    pub(super) fn relieve_now(&self, state: &mut State) {
        let excess = self.queued_memory.excess(self.shard, state.passing_bytes());
        if excess > 0 {
            state.close_run();
            // Only if there is something new to flush: this is called by each flush, which would never end otherwise.
            if state.relieve(excess, self.limits.max_queued_bytes / state.outgoing.shards_len()) {
                self.schedule_flush();
            }
        }
    }
}

impl State {
    /// What is on its way to this shard and from it. What was set aside is held by this thread already.
    fn passing_bytes(&self) -> usize {
        self.outgoing.bytes().saturating_sub(self.aside.bytes())
    }

    /// Lets go of so many bytes, and of an eighth of the shard's `part` with them, so that it is not done over and over.
    /// True if somebody was disconnected.
    ///
    /// Nobody is disconnected for whom it would be in vain: not while those who are leaving will let go of enough, and
    /// not if all clients had as little as this one and were disconnected together.
    fn relieve(&mut self, excess: usize, part: usize) -> bool {
        let held = frames::held();
        let is_closing = |outbox: &&Rc<Outbox>| outbox.is_closing();
        let leaving = self.outboxes.iter().map(|(_, outbox)| outbox).filter(is_closing);
        // What is unfinished, and what has left by half, is let go of when the client's task has had its turn.
        let mut promised: usize = leaving.map(|outbox| outbox.part() + outbox.incoming.unfinished_bytes()).sum();
        if promised >= excess {
            return false;
        }
        let mut has_disconnected = false;
        let mut clients: Vec<_> = self
            .outboxes
            .iter()
            .filter(|(_, outbox)| !outbox.is_closing())
            .map(|(_, outbox)| (outbox.part().max(outbox.incoming.arrived_bytes()), outbox.clone()))
            .collect();
        clients.sort_unstable_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        let count = clients.len();
        for (bytes, outbox) in clients {
            let relieved = held.saturating_sub(frames::held()) + promised;
            let taken = bytes.max(outbox.incoming.unfinished_bytes());
            let is_in_vain = taken.saturating_mul(count) < excess.saturating_sub(relieved);
            if relieved >= excess + part / 8 || is_in_vain {
                break;
            }
            has_disconnected = true;
            let unfinished = outbox.incoming.unfinished_bytes();
            if outbox.part() >= outbox.incoming.arrived_bytes() {
                self.disconnect_slow_consumer(&outbox, Refusal::MaxQueuedBytes);
            } else {
                if !outbox.is_operators() {
                    self.stats.refusals.count(Refusal::MaxQueuedBytes);
                }
                ended::count_disconnect(&mut self.stats, &outbox, Disconnect::Overloaded);
                warn!(
                    client = outbox.transport().describe_client(),
                    unfinished, "client disconnected: max_queued_bytes exceeded"
                );
                outbox.close(Disconnect::Overloaded);
                self.mark(&outbox);
            }
            promised += unfinished + outbox.part();
        }
        has_disconnected
    }
}
