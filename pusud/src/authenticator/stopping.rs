//! The end of a pool: nobody is asked any more, everybody who waits is told so, and the instance is destroyed.

use super::facts::DESTROY_TIME;
use super::pool::{Pool, STOPPED, State, unavailable};
use std::sync::PoisonError;
use std::time::Duration;

/// How long those who stop the pool wait for calls that are in the plugin.
const CALLS_WAIT: Duration = Duration::from_secs(1);

impl Pool {
    /// Takes no more calls, answers those who wait, and lets the threads end as they come back from the plugin.
    pub(super) fn begin_stop(&self) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.stopping, true) {
            return;
        }
        self.host.end_hearing();
        let unanswered = self.host.tickets.take_all();
        let jobs: Vec<_> = unanswered.iter().filter_map(|(ticket, _)| self.give_up(&mut state, *ticket)).collect();
        let decider = state.decider.take();
        if let Some(decider) = &decider {
            decider.end();
        }
        // Let go of while every thread still holds its own, so that it is one of them that destroys the instance, and
        // never the one who stops the pool: that may be a shard.
        let decider = decider.filter(|_| state.threads == 0);
        drop(state);
        for condvar in [&self.work, &self.deadlines, &self.cancels, &self.ended] {
            condvar.notify_all();
        }
        drop((jobs, decider));
        for (_, reply) in unanswered {
            reply.send(unavailable(STOPPED));
        }
    }

    /// Waits for calls to come back, and then for the instance to be destroyed. Says how many threads have not ended.
    pub(super) fn wait_for_end(&self) -> usize {
        let is_inside = |state: &mut State| state.threads > 0 && !state.running.is_empty();
        let waited = self.ended.wait_timeout_while(self.lock(), CALLS_WAIT, is_inside);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if !state.running.is_empty() {
            return state.threads;
        }
        let waited = self.ended.wait_timeout_while(state, DESTROY_TIME, |state| state.threads > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.threads
    }

    /// Whether every thread has ended, so that the instance is destroyed.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().threads == 0
    }
}
