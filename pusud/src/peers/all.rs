//! All peers of a relay: the conversation with each, and what they have in common.
//!
//! **Invariant:** whatever gives a peer something to be told makes it one of [`Peers::next_to_write`], until it is given
//! there. What waits for a peer is bounded, however long it is not written to.

use super::breach::Breach;
use super::counted::Counted;
use super::deciders::{PeerDeciders, keyed};
use super::key::Keys;
use super::links::PeerLinks;
use super::orders::{Orders, tell};
use super::wire::{Decider, Frame, Malformed};
use crate::revocation::Revocations;
use crate::routing::{Door, Order, OrderNews, OrderReply, OrderTicket, OwnDecider, SeenRelay};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The conversations with all linked relays. Each has a number of its own, which is never given to another one: it stands
/// in the [`OrderTicket`]s of this conversation and in the table of revocations.
pub(crate) struct Peers {
    revocations: Arc<Revocations>,
    counted: Counted,
    /// Who decides here.
    deciders: Vec<Decider>,
    all: BTreeMap<u64, Peer>,
    to_write: BTreeSet<u64>,
}

/// One conversation.
struct Peer {
    relay: Box<str>,
    /// It knows the frames of this wing.
    knows: bool,
    orders: Orders,
    deciders: PeerDeciders,
    links: PeerLinks,
}

impl Peers {
    /// Of a relay with these revocations ([`Door::revocations`]), which is linked with nobody.
    pub(crate) fn new(revocations: Arc<Revocations>) -> Self {
        Self {
            revocations,
            counted: Counted::default(),
            deciders: Vec::new(),
            all: BTreeMap::new(),
            to_write: BTreeSet::new(),
        }
    }

    /// A conversation begins with the relay of this name: it is told everything. `knows`: it speaks a version that knows
    /// these frames; else it is told nothing, and whoever gives an order hears so.
    pub(crate) fn begin(&mut self, id: u64, relay: &str, knows: bool) {
        let peer = Peer {
            relay: relay.into(),
            knows,
            orders: Orders::new(self.revocations.clone(), id, relay),
            deciders: PeerDeciders::new(!self.deciders.is_empty()),
            links: PeerLinks::default(),
        };
        self.all.insert(id, peer);
        self.to_write.insert(id);
    }

    /// A conversation has ended. Whoever waits for answers hears of no more.
    pub(crate) fn end(&mut self, id: u64) {
        self.all.remove(&id);
        self.to_write.remove(&id);
    }

    /// A peer that may have to be told something since it was given here last; each once. To be asked after every other
    /// call but [`Self::write`].
    pub(crate) fn next_to_write(&mut self) -> Option<u64> {
        self.to_write.pop_first()
    }

    /// Appends what a peer is to be told next, in whole frames: less than 256 KiB. There may be more until nothing is
    /// appended. To be called every few seconds too, for what becomes due by time.
    pub(crate) fn write(&mut self, id: u64, out: &mut Vec<u8>) {
        let Some(peer) = self.all.get_mut(&id).filter(|peer| peer.knows) else { return };
        peer.deciders.write(&self.deciders, out);
        peer.links.write(out);
        peer.orders.write(out);
    }

    /// A peer has sent a frame.
    ///
    /// # Errors
    /// It must not have: the conversation has to end.
    pub(crate) fn receive<D: Door>(&mut self, id: u64, frame: Frame<'_>, door: &mut D) -> Result<(), Breach> {
        let Some(peer) = self.all.get_mut(&id) else { return Ok(()) };
        if !peer.knows {
            return Err(Malformed::UnknownType(frame.kind()).into());
        }
        self.to_write.insert(id);
        let Peer { relay, orders, deciders, links, .. } = peer;
        match frame {
            Frame::Deciders(theirs) => deciders.told(relay, theirs, &self.deciders),
            Frame::Links(theirs) => links.told(theirs),
            Frame::Revocations { number, clock_ms, entries } => {
                return orders.revocations(number, clock_ms, entries, &mut self.counted, door);
            }
            Frame::Revoked { number, outcome, clients } => return orders.revoked(number, outcome, clients),
            Frame::Room => orders.room(),
            Frame::Kick { number, by, whom } => return orders.kick(number, by, whom, door),
            Frame::Kicked { number, count } => orders.kicked(number, count),
        }
        Ok(())
    }

    /// The revocations have changed ([`Event::RevocationsChanged`](crate::routing::Event)).
    pub(crate) fn revocations_changed(&mut self) {
        self.to_write.extend(self.all.keys());
    }

    /// Tells all peers of an operator's order ([`Event::Order`](crate::routing::Event)).
    pub(crate) fn order(&mut self, order: &Order, reply: &OrderReply) {
        for (id, peer) in &mut self.all {
            match order {
                _ if !peer.knows => tell(reply, OrderNews::TooOld(peer.relay.to_string())),
                Order::Kick(kick) => peer.orders.send_kick(kick.clone(), reply.clone()),
                Order::Revocations(number) => peer.orders.await_change(*number, reply.clone()),
            }
            self.to_write.insert(*id);
        }
    }

    /// So many connections were ended here for a peer ([`Event::Kicked`](crate::routing::Event)).
    pub(crate) fn kicked(&mut self, ticket: OrderTicket, count: u64) {
        // The conversation may have ended meanwhile.
        if let Some(peer) = self.all.get_mut(&ticket.link) {
            peer.orders.answer_kick(ticket.number, count);
            self.to_write.insert(ticket.link);
        }
    }

    /// So many clients are authorized by what a peer has revoked ([`Event::Revoked`](crate::routing::Event)).
    pub(crate) fn counted_revoked(&mut self, ticket: OrderTicket, count: u64) {
        for ticket in self.counted.counted(ticket, count).into_iter().chain([ticket]) {
            if let Some(peer) = self.all.get_mut(&ticket.link) {
                peer.orders.counted_revoked(ticket.number, count);
                self.to_write.insert(ticket.link);
            }
        }
    }

    /// These decide at this relay from here on ([`Event::Deciders`](crate::routing::Event)), in a network with these keys.
    /// All peers are told.
    pub(crate) fn decide_by(&mut self, own: &[OwnDecider], keys: Option<&Keys>) {
        self.deciders = own.iter().map(|own| keyed(own, keys)).collect();
        for peer in self.all.values_mut() {
            peer.deciders.tell(&peer.relay, &self.deciders);
        }
        self.to_write.extend(self.all.keys());
    }

    /// Has a peer told of this relay's links, by the names at their other ends and whether each is linked, if they are
    /// others than it was told last. To be called once a second.
    pub(crate) fn tell_links<'a>(&mut self, id: u64, own: impl Iterator<Item = (&'a str, bool)>) {
        let Some(peer) = self.all.get_mut(&id).filter(|peer| peer.knows) else { return };
        if peer.links.tell(own) {
            self.to_write.insert(id);
        }
    }

    /// What differs between those that decide there and here, in words; `None`: nothing, as far as is known.
    pub(crate) fn difference(&self, id: u64) -> Option<&str> {
        self.all.get(&id)?.deciders.difference()
    }

    /// The links that a peer has told of, for the operator; `None`: none, or not all of them, since it has too many.
    pub(crate) fn seen_by(&self, id: u64) -> Option<Vec<SeenRelay>> {
        self.all.get(&id)?.links.shown()
    }
}
