//! The operator's hand in a shard: clients whose connections are ended, and those of whom something was revoked.

use super::{Hub, ListenerId, Outbox};
use crate::protocol::Disconnect;
use crate::routing::KickTarget;
use std::rc::{Rc, Weak};
use tokio::task::yield_now;

/// Clients that are looked at before others have their turn.
const LOOKED_AT_ONCE: usize = 1024;

impl Hub {
    /// Something of this number is revoked: has every client that is authorized by it look.
    pub fn suspect(&self, key: u64) {
        for (_, outbox) in self.state.borrow().outboxes.iter().filter(|(_, outbox)| outbox.is_authorized_by(key)) {
            outbox.suspect();
        }
    }

    /// Ends the connections that are meant, among those that there are now. Gives how many that were.
    pub async fn kick(&self, target: &KickTarget) -> usize {
        let clients: Vec<(ListenerId, Weak<Outbox>)> = {
            let state = self.state.borrow();
            let number = |key| ListenerId::try_from(key).expect("connections are bounded far below 2^32");
            state.outboxes.iter().map(|(key, outbox)| (number(key), Rc::downgrade(outbox))).collect()
        };
        let mut count = 0;
        for some in clients.chunks(LOOKED_AT_ONCE) {
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
        match target {
            KickTarget::Client(shown) => outbox.transport().describe_client() == *shown,
            KickTarget::Subject(key) => outbox.is_authorized_by(*key),
            KickTarget::Address(networks) => {
                let ip = outbox.transport().client().and_then(|client| client.ip());
                ip.is_some_and(|ip| networks.contains(ip))
            }
            KickTarget::Channel(channel) => {
                let state = self.state.borrow();
                // A number is given out anew when its client has gone.
                let is_it = state.outboxes.get(listener as usize).is_some_and(|now| Rc::ptr_eq(now, outbox));
                is_it && state.subscriptions.is_subscribed(listener, channel)
            }
        }
    }
}
