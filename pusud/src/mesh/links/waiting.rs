//! Subscriptions that wait until all linked peers have acknowledged them, and which peers they do not wait for any more.

use super::Mesh;
use crate::mesh::interest::PendingAck;
use crate::mesh::membership::LinkId;
use crate::routing::{Door, Ticket};
use tokio::time::Instant;
use tracing::warn;

impl<D: Door> Mesh<D> {
    /// Tells by the ticket when all linked peers know that the channel has listeners here.
    pub(crate) fn settle(&mut self, channel: &str, ticket: Ticket) {
        self.changed(channel);
        let settling = PendingAck::new(ticket);
        if self.table.contains(channel) {
            for link in self.links.values_mut().filter(|link| link.is_linked() && !link.waits.pace.is_lagging()) {
                let number = link.announcer.last();
                if link.announcer.acknowledged() < number {
                    link.waits.add(number, &settling, Instant::now());
                    link.signals.wait.notify_one();
                }
            }
        }
        if settling.is_settled() {
            self.door.settled(ticket);
        }
    }

    /// Everything that was published before stands in the queues of the links by now.
    pub(crate) fn pass(&mut self, fence: Ticket) {
        self.door.passed(fence);
    }

    /// Subscriptions have waited too long for the peer of this link, or it is time to measure it.
    pub(crate) fn expire(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let now = Instant::now();
        if link.waits.pace.probe(now) {
            link.owe(|duties| duties.ping = true);
        }
        let (settled, is_new) = link.waits.expire(now, link.announcer.last());
        if is_new {
            warn!(relay = %link.name, "the relay acknowledges subscriptions too slowly: `subscribe_ok` does not wait for it");
        }
        for ticket in settled {
            self.door.settled(ticket);
        }
    }
}
