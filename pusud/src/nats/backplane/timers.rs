//! Timers: everything that has its time.

use super::Backplane;
use crate::routing::Door;
use std::time::Duration;
use tokio::time::Instant;

/// How often it is looked who is silent.
const LOOK: Duration = Duration::from_millis(250);

impl<D: Door> Backplane<D> {
    /// Does everything that is due. Gives when it has to be called again, unless it is woken before.
    pub(in crate::nats) fn tick(&mut self, now: Instant) -> Instant {
        self.join_on(now);
        self.beat(now);
        self.look_for_silent(now);
        self.tell_losses(now);
        self.settle_waiting(now);
        self.ask_again(now);
        self.ask_lagging(now);
        self.try_again(now);
        let has_joined = self.has_joined();
        if has_joined {
            self.send_notes(now);
            self.resume_all(now);
        }
        // What cannot be done before the relay has joined is not due, however long ago its time was.
        let (notes, resume) = match has_joined {
            true => (self.published.next_due(), self.resume_due()),
            false => (None, None),
        };
        let due = [self.joining_due(), self.beat_due(), self.barriers.next_due(has_joined), resume, notes];
        due.into_iter().flatten().min().map_or(now + LOOK, |due| due.min(now + LOOK))
    }
}
