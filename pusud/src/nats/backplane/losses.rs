//! Losses in the log: messages of other relays that were lost on the way, at a bounded rate.
//!
//! Counting is others' business. **Invariant:** however many losses there are, a relay has one line a minute at the most.

use super::Backplane;
use crate::routing::Door;
use std::time::Duration;
use tokio::time::Instant;
use tracing::warn;

/// Least time between two lines about the losses of one relay.
const LOSSES_PAUSE: Duration = Duration::from_secs(60);

impl<D: Door> Backplane<D> {
    /// Says what was lost of relays since it was last said of them.
    pub(super) fn tell_losses(&mut self, now: Instant) {
        let is_due = |at: Option<Instant>| at.is_none_or(|at| at + LOSSES_PAUSE <= now);
        let due: Vec<_> = self
            .roster
            .all()
            .filter(|(_, relay)| relay.traffic.missed > relay.losses.told && is_due(relay.losses.at))
            .map(|(id, _)| id)
            .collect();
        for id in due {
            // Those that have to wait are told the next time, with what has been lost until then.
            if !self.may_warn(now) {
                return;
            }
            let Some(relay) = self.roster.get_mut(id) else { continue };
            let missed = relay.traffic.missed - relay.losses.told;
            (relay.losses.told, relay.losses.at) = (relay.traffic.missed, Some(now));
            warn!(relay = %relay.shown(), missed, "messages of the relay were lost on the way over NATS");
        }
    }
}
