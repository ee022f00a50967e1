//! Telling the linked relays of what happens at this one, beside publications and interest, and operators of who listens
//! where. What is told is for [`Peers`](crate::peers::Peers) to say: it is only brought there, and the links are woken.

use super::Mesh;
use crate::mesh::membership::LinkId;
use crate::peers::Keys;
use crate::routing::{Door, Order, OrderReply, OrderTicket, OwnDecider};

impl<D: Door> Mesh<D> {
    /// Has the links send whose peers may have to be told something.
    pub(super) fn wake(&mut self) {
        while let Some(id) = self.peers.next_to_write() {
            if let Some(link) = self.links.get(&id) {
                link.signals.send.notify_one();
            }
        }
    }

    /// The revocations have changed.
    pub(crate) fn revocations_changed(&mut self) {
        self.peers.revocations_changed();
        self.wake();
    }

    /// Tells the linked relays of an operator's order.
    pub(crate) fn order(&mut self, order: &Order, reply: &OrderReply) {
        self.peers.order(order, reply);
        self.wake();
    }

    /// So many connections were ended here for a peer.
    pub(crate) fn kicked(&mut self, ticket: OrderTicket, count: u64) {
        self.peers.kicked(ticket, count);
        self.wake();
    }

    /// So many clients are authorized by what a peer has revoked.
    pub(crate) fn counted_revoked(&mut self, ticket: OrderTicket, count: u64) {
        self.peers.counted_revoked(ticket, count);
        self.wake();
    }

    /// This relay's own deciders from here on. All peers are told.
    pub(crate) fn decide_by(&mut self, own: &[OwnDecider], keys: Option<&Keys>) {
        self.peers.decide_by(own, keys);
        self.wake();
    }

    /// Has the peer of a link told of this relay's links, if they are others than it was told last. Called once a second.
    pub(crate) fn tell_links(&mut self, id: LinkId) {
        self.peers.tell_links(id, self.links.values().map(|link| (&*link.name, link.is_linked())));
        self.wake();
    }

    /// Which of the linked relays have listeners of each of these channels, by name.
    pub(crate) fn who_listens(&self, channels: &[Box<str>]) -> Vec<Vec<String>> {
        let listening = |channel: &str| {
            let have_some = self.links.values().filter(|link| link.announced.table().contains(channel));
            have_some.map(|link| link.name.to_string()).collect()
        };
        channels.iter().map(|channel| listening(channel)).collect()
    }
}
