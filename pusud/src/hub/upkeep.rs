//! Upkeep of a shard's clients: one timer for keepalive, slow consumers and memory. Each tick checks the few clients whose
//! turn it is.

use super::{Hub, Stage};
use crate::protocol::{Disconnect, Refusal};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

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
            self.disconnect_slow_consumers(passed);
            if !self.limits.ping_interval.is_zero() {
                self.ping(passed);
            }
            self.relieve();
            self.forget_replays();
        }
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
                if let Stage::EventStream(body) = outbox.stage() {
                    state.push(outbox, state.comments[body as usize].clone());
                } else {
                    state.push(outbox, state.ping.clone());
                }
            }
            self.schedule_flush();
        }
        while let Some(outbox) = state.keepalive.next_gone() {
            state.close_run();
            if !outbox.is_operators() {
                state.stats.refusals.count(Refusal::PongTimeout);
            }
            self.close_one(state, &outbox, Disconnect::PingTimeout);
        }
    }
}
