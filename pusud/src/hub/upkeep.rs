//! Upkeep of a shard's clients: keepalive pings, ends of slow consumers and of clients that are gone, and disconnects
//! when `max_queued_bytes` is exceeded.
//!
//! One timer for all clients; each tick checks the few of them whose turn it is.

use super::{Hub, State};
use crate::hub::outbox::Outbox;
use crate::protocol::{Disconnect, Refusal};
use crate::routing::Stats;
use crate::{admission, websocket};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// How often it is checked whether anything is due.
pub(super) const TICK: Duration = Duration::from_millis(500);
/// The most time that counts as passed between two ticks: a relay that was stopped or had no processor time has not served
/// its clients meanwhile, and disconnects nobody for it.
const PASSED_MAX: Duration = Duration::from_secs(1);

impl Hub {
    /// Runs keepalive, the write deadline and the memory limit, for ever.
    pub async fn run_upkeep(&self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = Instant::now();
        loop {
            ticks.tick().await;
            let passed = last.elapsed().min(PASSED_MAX);
            last = Instant::now();
            self.end_slow_consumers(passed);
            if !self.limits.ping_interval.is_zero() {
                self.ping(passed);
            }
            self.relieve();
        }
    }

    /// Cuts the clients with most of what is held, if all shards together hold more than `max_queued_bytes`.
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

    fn end_slow_consumers(&self, passed: Duration) {
        let state = &mut *self.state.borrow_mut();
        let mut slow_consumers = std::mem::take(&mut state.slow_consumers);
        slow_consumers.check(passed, &self.limits, |outbox, refusal| {
            state.close_run();
            state.cut(outbox, refusal);
            self.schedule_flush();
        });
        state.slow_consumers = slow_consumers;
    }

    fn ping(&self, passed: Duration) {
        let state = &mut *self.state.borrow_mut();
        let (first, step) = state.keepalive.next_tick(passed);
        let mut pinged = Vec::new();
        for listener in (first..state.outboxes.capacity()).step_by(step) {
            if let Some(outbox) = state.outboxes.get(listener)
                && state.keepalive.check(outbox, self.limits.pong_timeout)
            {
                pinged.push(outbox.clone());
            }
        }
        if !pinged.is_empty() {
            state.close_run();
            for outbox in &pinged {
                state.push(outbox, state.ping.clone());
            }
            self.schedule_flush();
        }
        while let Some(outbox) = state.keepalive.next_gone() {
            state.close_run();
            state.stats.refusals.count(Refusal::PongTimeout);
            self.close_one(state, &outbox, Disconnect::PingTimeout);
        }
    }
}

impl State {
    /// What is on its way to this shard and from it. What was set aside is held by this thread already.
    fn passing_bytes(&self) -> usize {
        self.outgoing.bytes().saturating_sub(self.aside.bytes())
    }

    fn cut(&mut self, outbox: &Rc<Outbox>, refusal: Refusal) {
        let dropped_bytes = if refusal == Refusal::MaxQueuedBytes { outbox.cut_for_memory() } else { outbox.cut() };
        count_cut(&mut self.stats, outbox, refusal, dropped_bytes);
        self.mark(outbox);
    }

    /// Lets go of so many bytes, and of an eighth of the shard's `part` with them, so that it is not done over and over.
    /// True if somebody was cut.
    ///
    /// Nobody is cut for whom it would be in vain: not while those who are leaving will let go of enough, and not if all
    /// clients had as little as this one and were cut together.
    fn relieve(&mut self, excess: usize, part: usize) -> bool {
        let held = websocket::held();
        let is_closing = |outbox: &&Rc<Outbox>| outbox.is_closing();
        let leaving = self.outboxes.iter().map(|(_, outbox)| outbox).filter(is_closing);
        // What is unfinished, and what has left by half, is let go of when the client's task has had its turn.
        let mut promised: usize = leaving.map(|outbox| outbox.part() + outbox.incoming.unfinished_bytes()).sum();
        if promised >= excess {
            return false;
        }
        let mut has_cut = false;
        let mut clients: Vec<_> = self
            .outboxes
            .iter()
            .filter(|(_, outbox)| !outbox.is_closing())
            .map(|(_, outbox)| (outbox.part().max(outbox.incoming.arrived_bytes()), outbox.clone()))
            .collect();
        clients.sort_unstable_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        let count = clients.len();
        for (bytes, outbox) in clients {
            let relieved = held.saturating_sub(websocket::held()) + promised;
            let taken = bytes.max(outbox.incoming.unfinished_bytes());
            let is_in_vain = taken.saturating_mul(count) < excess.saturating_sub(relieved);
            if relieved >= excess + part / 8 || is_in_vain {
                break;
            }
            has_cut = true;
            let unfinished = outbox.incoming.unfinished_bytes();
            if outbox.part() >= outbox.incoming.arrived_bytes() {
                self.cut(&outbox, Refusal::MaxQueuedBytes);
            } else {
                self.stats.refusals.count(Refusal::MaxQueuedBytes);
                self.stats.disconnects.count(Disconnect::Overloaded);
                warn!(client = client(&outbox), unfinished, "client disconnected: max_queued_bytes exceeded");
                outbox.close(Disconnect::Overloaded);
                self.mark(&outbox);
            }
            promised += unfinished + outbox.part();
        }
        has_cut
    }
}

/// Counts a client that was cut because it took too little, and says so once.
pub(super) fn count_cut(stats: &mut Stats, outbox: &Outbox, refusal: Refusal, dropped_bytes: usize) {
    stats.count_slow_consumer(refusal, dropped_bytes);
    warn!(client = client(outbox), limit = refusal.key(), dropped_bytes, "slow consumer disconnected");
}

/// Its address.
fn client(outbox: &Outbox) -> String {
    match outbox.socket().peer_addr() {
        Ok(address) => admission::readable(address).to_string(),
        Err(_) => "gone".to_owned(),
    }
}
