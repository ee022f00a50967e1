//! Slow consumers: clients for which too much waits, or for too long. They are disconnected, counted and logged here.
//!
//! It never decides when: an outbox says that it is full (outbox.rs), the stalls for how long (stalls.rs), and the relief
//! that memory is needed (relief.rs).

use super::{Hub, State, ended};
use crate::frames::Dropped;
use crate::hub::outbox::Outbox;
use crate::protocol::Refusal;
use crate::routing::Stats;
use std::rc::Rc;
use std::time::Duration;
use tracing::{info, warn};

impl Hub {
    /// Disconnects those that have taken too little for too long, `passed` after the last time.
    pub(super) fn disconnect_slow_consumers(&self, passed: Duration) {
        let state = &mut *self.state.borrow_mut();
        let mut stalls = std::mem::take(&mut state.stalls);
        stalls.check(passed, &self.limits, |outbox, refusal| {
            state.close_run();
            state.disconnect_slow_consumer(outbox, refusal);
            self.schedule_flush();
        });
        state.stalls = stalls;
    }
}

impl State {
    /// Disconnects one, for this limit: what waits for it is dropped and counted.
    pub(super) fn disconnect_slow_consumer(&mut self, outbox: &Rc<Outbox>, refusal: Refusal) {
        let dropped = if refusal == Refusal::MaxQueuedBytes {
            outbox.disconnect_for_memory()
        } else {
            outbox.disconnect_slow_consumer()
        };
        count_slow_consumer(&mut self.stats, outbox, refusal, dropped);
        self.mark(outbox);
    }
}

/// Counts a client that is disconnected because it takes too little, and says so once.
pub(super) fn count_slow_consumer(stats: &mut Stats, outbox: &Outbox, refusal: Refusal, dropped: Dropped) {
    if outbox.is_operators() {
        info!(
            limit = refusal.key(),
            dropped_bytes = dropped.bytes,
            "operator's session disconnected: it reads too slowly"
        );
        return;
    }
    stats.count_slow_consumer(refusal, dropped);
    ended::remember_slow(stats, outbox, refusal);
    warn!(
        client = outbox.transport().describe_client(),
        limit = refusal.key(),
        dropped_bytes = dropped.bytes,
        "slow consumer disconnected"
    );
}
