//! Asking an authenticator without waiting for it: calls go through a bounded queue to threads of the authenticator's
//! own, and come back by ticket.
//!
//! This is the side of those who ask; pool.rs is the threads' side.
//! **Invariant:** whatever goes wrong, whoever asks gets [`Decision::Unavailable`] or a refusal, never silence.

use super::answer::Understood;
use super::callbacks::Callbacks as _;
use super::decider::{Condition, Counts, Decider};
use super::host::Host;
use super::metrics::{Definition, Value};
use super::pool::{Pool, STOPPED, unavailable};
use super::verdict::{Decision, Request};
use anyhow::Result;
use std::sync::Arc;
use std::time::Duration;

/// A running pool of threads. Dropping it stops it without waiting.
pub(super) struct Workers(Arc<Pool>);

impl Workers {
    /// Starts the threads. `flags` are the manifest's; `timeout` is the time that one call may take.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(super) fn start(decider: Arc<dyn Decider>, host: Arc<Host>, flags: u32, timeout: Duration) -> Result<Self> {
        Pool::start(decider, host, flags, timeout).map(Self)
    }

    /// Asks. A future that is dropped gives its ticket up, and the plugin is told so.
    pub(super) async fn ask(&self, request: Request) -> Decision {
        self.ask_in_detail(request).await.verdict
    }

    /// As [`Self::ask`], with what the plugin says beside it.
    pub(super) async fn ask_in_detail(&self, request: Request) -> Understood {
        let (ticket, receiver) = match self.0.submit(request) {
            Ok(submitted) => submitted,
            Err(verdict) => return (*verdict).into(),
        };
        let waiting = Waiting { pool: &self.0, ticket };
        let answer = receiver.await;
        // Its ticket is closed now.
        std::mem::forget(waiting);
        answer.unwrap_or_else(|_| unavailable(STOPPED).into())
    }

    /// Whether a call would be taken now.
    pub(super) fn ready(&self) -> bool {
        self.0.ready()
    }

    /// Whether nothing will be decided any more, or not for as long as its threads hang.
    pub(super) fn is_lost(&self) -> bool {
        self.0.is_lost()
    }

    /// Whether the plugin has panicked, so that its instance is not asked any more.
    pub(super) fn retired(&self) -> bool {
        self.0.lock().retired
    }

    /// From here on the instance is the one that hears of grants.
    pub(super) fn begin_hearing(&self) {
        self.0.begin_hearing();
    }

    /// Whether the plugin can read its files again.
    pub(super) fn can_reload(&self) -> bool {
        self.0.lock().decider.as_ref().is_some_and(|decider| decider.offers().reloads)
    }

    /// Has the plugin read its files again; `None`: it has no way to. Waits at most for `within`.
    pub(super) fn reload(&self, within: Duration) -> Option<Result<(), String>> {
        self.0.reload(within)
    }

    /// The instance hears of no grant any more.
    pub(super) fn end_hearing(&self) {
        self.0.host.end_hearing();
    }

    /// The condition of the plugin, as it said last.
    pub(super) fn condition(&self) -> Condition {
        self.0.host.condition()
    }

    /// Every series that the plugin has defined, with what it says.
    pub(super) fn metrics(&self) -> Vec<(Definition, Value)> {
        self.0.host.metrics().read()
    }

    /// How many calls wait for a thread.
    pub(super) fn queued(&self) -> usize {
        self.0.lock().queue.len()
    }

    /// The plugin's id, for the log.
    pub(super) fn plugin(&self) -> &str {
        &self.0.host.plugin
    }

    /// What went wrong so far.
    pub(super) fn counts(&self) -> Counts {
        self.0.counts()
    }

    /// Takes no more calls, answers everybody who waits, and has the instance destroyed without waiting for it.
    pub(super) fn give_up(&self) {
        self.0.begin_stop();
    }

    /// Whether every thread has come back, so that the instance is destroyed.
    pub(super) fn has_ended(&self) -> bool {
        self.0.has_ended()
    }

    /// Answers everybody who waits, destroys the instance, and waits a second at most for calls that are in the plugin.
    /// Gives the number of threads that are still in it.
    pub(super) fn stop(&self) -> usize {
        self.0.begin_stop();
        let left = self.0.wait_for_end();
        if left > 0 {
            tracing::warn!(
                plugin = self.0.host.plugin,
                "stopped, leaving {left} threads behind that are still in the plugin"
            );
        }
        left
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.0.begin_stop();
    }
}

/// Gives the ticket up when the one who waits for it goes away.
struct Waiting<'a> {
    pool: &'a Pool,
    ticket: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.pool.abandon(self.ticket);
    }
}
