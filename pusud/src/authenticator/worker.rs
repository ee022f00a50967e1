//! The pool's threads: how many there are, and what one does: it takes jobs, calls the plugin, and sees to it that
//! every call gets an answer.
//!
//! **Invariant:** an authorization is wiped as soon as the call it was made for has returned.

use super::attendants;
use super::decider::{Decider, Gone};
use super::pool::{FAILED, Job, Pool, Running, STUCK_MAX, State, TIMED_OUT, unavailable};
use super::watcher;
use anyhow::{Context, Result};
use pusu_plugin_abi as abi;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Instant;

/// Threads that serve, unless the plugin is SERIAL and has one.
const THREADS: usize = 4;
/// The stack of a thread that runs plugin code, in bytes.
pub(super) const STACK_BYTES: usize = 4 * 1024 * 1024;
/// How the names of the threads begin that call the plugin.
pub(super) const WORKER_NAME: &str = "pusu-auth-";

/// What a thread does next.
enum Work {
    Call(u64, Job),
    /// Of a SERIAL plugin's thread alone; others have a thread for it.
    Cancel(u64),
}

impl Pool {
    /// Starts everything that a new pool has.
    pub(super) fn start_threads(self: &Arc<Self>) -> Result<()> {
        let mut state = self.lock();
        for _ in 0..self.threads_wanted() {
            self.spawn_worker(&mut state)?;
        }
        if state.can_cancel && !self.serial {
            self.spawn(&mut state, "pusu-canceller".into(), watcher::cancel)?;
        }
        if state.decider.as_ref().is_some_and(|decider| decider.offers().tells_health) {
            self.spawn(&mut state, "pusu-auth-health".into(), attendants::watch_health)?;
        }
        self.spawn(&mut state, "pusu-auth-watch".into(), |pool, decider| {
            // It calls no plugin, and must not keep the instance from being destroyed.
            drop(decider);
            watcher::watch(pool);
        })
    }

    /// How many threads are to serve.
    pub(super) fn threads_wanted(&self) -> usize {
        if self.serial { 1 } else { THREADS }
    }

    /// How many threads may be stuck and replaced. None of a SERIAL plugin's: its instance is in use as long as it
    /// hangs.
    pub(super) fn replaceable(&self) -> usize {
        if self.serial { 0 } else { STUCK_MAX }
    }

    /// Starts one more thread that serves, and counts it.
    pub(super) fn spawn_worker(self: &Arc<Self>, state: &mut State) -> Result<()> {
        let name = format!("{WORKER_NAME}{}", state.started);
        self.spawn(state, name, |pool, decider| pool.serve(&*decider))?;
        state.started += 1;
        state.serving += 1;
        Ok(())
    }

    pub(super) fn spawn(
        self: &Arc<Self>,
        state: &mut State,
        name: String,
        body: impl FnOnce(&Arc<Self>, Arc<dyn Decider>) + Send + 'static,
    ) -> Result<()> {
        let decider = state.decider.clone().context("the pool stops")?;
        let pool = Arc::clone(self);
        thread::Builder::new().name(name).stack_size(STACK_BYTES).spawn(move || {
            // The last one to let go of the decider destroys the instance: on a thread of the pool, and before that
            // thread counts as ended.
            body(&pool, decider);
            pool.lock().threads -= 1;
            pool.ended.notify_all();
        })?;
        state.threads += 1;
        Ok(())
    }

    /// A thread's life: takes jobs and calls the plugin, until the pool stops or the thread is one too many.
    pub(super) fn serve(self: &Arc<Self>, decider: &dyn Decider) {
        while let Some(work) = self.next() {
            let (ticket, job) = match work {
                Work::Call(ticket, job) => (ticket, job),
                Work::Cancel(ticket) => {
                    decider.cancel(ticket);
                    continue;
                }
            };
            let left = job.deadline.saturating_duration_since(Instant::now());
            let status = decider.authorize(ticket, left, &job.request);
            // Wipes the authorization.
            drop(job);
            self.settle(ticket, status, decider);
            if !self.finish(ticket) {
                return;
            }
        }
    }

    fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if self.serial
                && let Some(ticket) = state.to_cancel.pop_front()
            {
                return Some(Work::Cancel(ticket));
            }
            if state.stopping {
                return None;
            }
            if let Some((ticket, job)) = state.queue.pop_first() {
                let now = Instant::now();
                if job.deadline > now {
                    state.running.insert(ticket, Running { overdue: now + self.timeout, stuck: false });
                    return Some(Work::Call(ticket, job));
                }
                // The watcher is about to find this out too; whoever closes the ticket counts it.
                if let Some(reply) = self.host.tickets.take(ticket) {
                    self.timed_out.fetch_add(1, Ordering::Relaxed);
                    reply.send(unavailable(TIMED_OUT));
                }
            } else {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Sees to it that a call which has returned has an answer, or will have one.
    fn settle(&self, ticket: u64, status: Result<abi::Status, Gone>, decider: &dyn Decider) {
        let problem = match status {
            Err(Gone) => "its process ended in the middle of a call".to_owned(),
            Ok(abi::OK) => "`authorize` says OK, but has not called `complete`".to_owned(),
            Ok(abi::PENDING) if self.may_pend => return,
            Ok(abi::PENDING) => "`authorize` says PENDING without the flag ASYNC in its manifest".to_owned(),
            // Its process is ended by whoever has read that.
            Ok(abi::ERR_PANIC) if decider.can_renew() => "panicked in `authorize`".to_owned(),
            Ok(abi::ERR_PANIC) => return self.retire(decider),
            Ok(other) => format!("`authorize` failed (status {other})"),
        };
        if let Some(reply) = self.host.tickets.take(ticket) {
            self.failed.fetch_add(1, Ordering::Relaxed);
            self.host.complaints.warn(&self.host.plugin, problem);
            reply.send(unavailable(FAILED));
        }
    }

    /// Gives an instance up whose state is unknown: nobody who waits gets anything from it, and nobody asks it again.
    fn retire(&self, decider: &dyn Decider) {
        let mut state = self.lock();
        let first = !std::mem::replace(&mut state.retired, true);
        // Nothing of it is called but `destroy`.
        state.can_cancel = false;
        state.to_cancel.clear();
        let queue = std::mem::take(&mut state.queue);
        drop(state);
        drop(queue);
        for (_, reply) in self.host.tickets.take_all() {
            self.failed.fetch_add(1, Ordering::Relaxed);
            reply.send(unavailable(FAILED));
        }
        if first {
            let then = if decider.lost() {
                "a new instance of it is made"
            } else {
                "nobody can be authorized until the daemon makes a new instance (SIGHUP) or is restarted"
            };
            tracing::error!(
                plugin = self.host.plugin,
                "the authenticator has panicked, and this instance is not asked any more: {then}"
            );
        }
    }

    /// Ends a call's entry; `false` if the thread was replaced meanwhile and is one too many now.
    fn finish(&self, ticket: u64) -> bool {
        let mut state = self.lock();
        let running = state.running.remove(&ticket);
        if state.stopping && state.running.is_empty() {
            self.ended.notify_all();
        }
        if running.is_none_or(|running| !running.stuck) {
            return true;
        }
        state.stuck -= 1;
        let needed = state.serving < self.threads_wanted();
        if needed {
            state.serving += 1;
        }
        drop(state);
        tracing::info!(plugin = self.host.plugin, "a hanging thread has returned from the plugin");
        needed
    }
}
