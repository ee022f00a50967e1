//! The operator's hand in a shard: clients whose connections are ended, and those of whom something was revoked.
//!
//! **Invariant:** whoever walks over the clients lets others have their turn.

use super::{Hub, ListenerId, Outbox};
use crate::protocol::Disconnect;
use crate::routing::{KickTarget, Tally};
use std::rc::{Rc, Weak};
use tokio::task::yield_now;

/// Clients that are looked at before others have their turn.
const LOOKED_AT_ONCE: usize = 1024;

impl Hub {
    /// What these numbers name is revoked, and `tally` is to count the clients that are authorized by any of it, among those
    /// that there are when [`Self::look_for_suspects`] goes by. True: that has to be run, since it does not yet.
    pub fn suspect(&self, numbers: &[u64], tally: Tally) -> bool {
        self.suspicions.add(numbers, tally)
    }

    /// Has every client look that is authorized by something that was revoked, until there is no more of that.
    pub async fn look_for_suspects(&self) {
        while let Some(mut round) = self.suspicions.next() {
            for some in self.numbered_clients().chunks(LOOKED_AT_ONCE) {
                let open = some.iter().filter_map(|(_, outbox)| outbox.upgrade()).filter(|outbox| !outbox.is_closing());
                open.for_each(|outbox| round.look_at(&outbox));
                yield_now().await;
            }
            round.finish();
        }
    }

    fn numbered_clients(&self) -> Vec<(ListenerId, Weak<Outbox>)> {
        let number = |key| ListenerId::try_from(key).expect("connections are bounded far below 2^32");
        self.state.borrow().outboxes.iter().map(|(key, outbox)| (number(key), Rc::downgrade(outbox))).collect()
    }

    /// Ends the connections that are meant, among those that there are now. Gives how many that were.
    pub async fn kick(&self, target: &KickTarget) -> usize {
        let all = match target {
            KickTarget::Id(id) => self.by_id(*id).iter().map(|outbox| (id.number, Rc::downgrade(outbox))).collect(),
            _ => self.numbered_clients(),
        };
        let mut count = 0;
        for some in all.chunks(LOOKED_AT_ONCE) {
            for (listener, outbox) in some {
                let Some(outbox) = outbox.upgrade().filter(|outbox| !outbox.is_closing()) else { continue };
                if self.is_meant(target, *listener, &outbox) {
                    self.close(&outbox, Disconnect::ByOperator);
                    count += 1;
                }
            }
            yield_now().await;
        }
        count
    }

    fn is_meant(&self, target: &KickTarget, listener: ListenerId, outbox: &Rc<Outbox>) -> bool {
        // Whoever looks on is shown as `operator`, and may be called as clients are.
        match target {
            KickTarget::Id(id) => *id == self.id_of(listener),
            KickTarget::Client(shown) => !outbox.is_operators() && outbox.transport().describe_client() == *shown,
            KickTarget::Subject(key) => outbox.is_authorized_by(*key),
            KickTarget::Address(networks) => {
                let ip = outbox.transport().client().and_then(|client| client.ip());
                ip.is_some_and(|ip| networks.contains(ip))
            }
            KickTarget::Channel(channel) => {
                // A number is given out anew when its client has gone.
                self.is_still(listener, outbox) && self.state.borrow().subscriptions.is_subscribed(listener, channel)
            }
        }
    }

    /// Whether this number is still that of this client.
    pub(super) fn is_still(&self, listener: ListenerId, outbox: &Rc<Outbox>) -> bool {
        self.state.borrow().outboxes.get(listener as usize).is_some_and(|now| Rc::ptr_eq(now, outbox))
    }
}
