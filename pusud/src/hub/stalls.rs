//! Stalls of a shard's clients: those that take less than what comes for them, and how long each may.
//!
//! Only outboxes that the kernel takes nothing more for are in here: a client that reads costs nothing. The outbox itself
//! bounds how much may wait; this bounds for how long.
//! **Invariant:** time in which the relay does not run counts against nobody: it is told how much has passed.

use crate::hub::outbox::{Outbox, Progress};
use crate::protocol::{Limits, Refusal};
use std::rc::Rc;
use std::time::Duration;

/// The outboxes that are watched.
#[derive(Default)]
pub(crate) struct Stalls(Vec<Watched>);

struct Watched {
    outbox: Rc<Outbox>,
    /// For how long the kernel has taken nothing.
    stalled: Duration,
    /// For how long more than `outbox_soft_bytes` have waited.
    full: Duration,
}

impl Stalls {
    /// From here on `outbox` is watched, until it has nothing to wait for.
    pub(crate) fn watch(&mut self, outbox: Rc<Outbox>) {
        self.0.push(Watched { outbox, stalled: Duration::ZERO, full: Duration::ZERO });
    }

    /// For how long the kernel has taken nothing for `outbox`.
    pub(crate) fn stalled(&self, outbox: &Rc<Outbox>) -> Duration {
        let watched = self.0.iter().find(|watched| Rc::ptr_eq(&watched.outbox, outbox));
        watched.map_or(Duration::ZERO, |watched| watched.stalled)
    }

    /// Checks all of them, `passed` after the last check; `disconnect` is called for each whose time is up, with the limit.
    pub(crate) fn check(
        &mut self,
        passed: Duration,
        limits: &Limits,
        mut disconnect: impl FnMut(&Rc<Outbox>, Refusal),
    ) {
        self.0.retain_mut(|watched| {
            match watched.outbox.check_progress() {
                Progress::Done => return false,
                Progress::Moving => watched.stalled = Duration::ZERO,
                Progress::Stalled => watched.stalled += passed,
            }
            if watched.outbox.cost() > limits.outbox_soft_bytes {
                watched.full += passed;
            } else {
                watched.full = Duration::ZERO;
            }
            let refusal = if watched.stalled >= limits.write_deadline {
                Refusal::WriteDeadline
            } else if watched.full >= limits.outbox_soft_time {
                Refusal::OutboxSoftBytes
            } else {
                return true;
            };
            disconnect(&watched.outbox, refusal);
            false
        });
    }
}
