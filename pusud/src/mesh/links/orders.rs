//! Orders of operators over one link: revocations, which each side tells the other, and kicks, which are answered.
//!
//! **Invariant:** a peer has a bounded number of orders under way.

use super::Mesh;
use super::counted::Heard;
use crate::mesh::handshake::Refusal;
use crate::mesh::links::link::Link;
use crate::mesh::links::taken_in::{Acknowledgement, TakenIn};
use crate::mesh::links::told::Told;
use crate::mesh::membership::LinkId;
use crate::mesh::wire::{self, Entries, Malformed, kind};
use crate::revocation::{Entry, NoRoom, Revocations};
use crate::routing::{Door, Kick, Order, OrderNews, OrderReply, OrderTicket, TakenIn as Outcome};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{info, warn};

/// Most kicks of one side that are not answered.
const KICKS_MAX: usize = 64;
/// Least time between two times at which a peer is to tell everything again.
const ROOM_PAUSE: Duration = Duration::from_secs(1);

/// The orders over one link.
pub(crate) struct Orders {
    revocations: Arc<Revocations>,
    told: Told,
    /// What is to be acknowledged.
    taken_in: TakenIn,
    /// The peer was told that there was no room here for some of what it has told.
    lacks: bool,
    /// When it was last asked to tell everything again.
    asked: Option<Instant>,
    kicks: u64,
    to_send: VecDeque<(u64, Kick)>,
    sent: Vec<(u64, OrderReply)>,
    /// Kicks of the peer that have come and are not answered, and the answers to some.
    received: usize,
    to_answer: VecDeque<(u64, u64)>,
}

impl Orders {
    /// Of a link that has just come up.
    pub(super) fn new(revocations: Arc<Revocations>, link: LinkId) -> Self {
        Self {
            told: Told::new(&revocations, link),
            revocations,
            taken_in: TakenIn::default(),
            lacks: false,
            asked: None,
            kicks: 0,
            to_send: VecDeque::new(),
            sent: Vec::new(),
            received: 0,
            to_answer: VecDeque::new(),
        }
    }

    /// Appends what is to be sent next.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        while let Some(Acknowledgement { number, outcome, clients, .. }) = self.taken_in.next() {
            self.lacks |= outcome == Outcome::NoRoom;
            wire::revoked(out, number, outcome, clients);
        }
        self.ask_again(out);
        for (number, count) in self.to_answer.drain(..) {
            self.received -= 1;
            wire::kicked(out, number, count);
        }
        for (number, kick) in self.to_send.drain(..) {
            let (by, whom) = kick.parts();
            wire::kick(out, number, by, whom);
        }
        if let Some((frame, entries)) = self.told.next(&self.revocations) {
            wire::revocations(out, frame, self.revocations.now_ms(), entries);
        }
    }

    /// Asks the peer to tell everything again, once there is room for what it was told that there was none for. Each heartbeat
    /// comes by.
    fn ask_again(&mut self, out: &mut Vec<u8>) {
        let is_soon = self.asked.is_some_and(|asked| asked.elapsed() < ROOM_PAUSE);
        if self.lacks && !is_soon && self.revocations.has_room() {
            (self.lacks, self.asked) = (false, Some(Instant::now()));
            wire::bare(out, kind::ROOM);
        }
    }

    /// Sends a kick.
    fn kick(&mut self, name: &str, kick: Kick, reply: OrderReply) {
        // Those whose operators have given up are not waited for.
        self.sent.retain(|(_, reply)| !reply.is_closed());
        tell(&reply, OrderNews::Sent(name.to_owned()));
        if self.sent.len() < KICKS_MAX {
            self.kicks += 1;
            self.to_send.push_back((self.kicks, kick));
            self.sent.push((self.kicks, reply));
        }
    }

    /// Tells by `reply` when the peer has taken in the change `number`.
    fn await_change(&mut self, name: &str, number: u64, reply: OrderReply) {
        tell(&reply, OrderNews::Sent(name.to_owned()));
        self.told.await_change(name, number, reply);
    }

    fn answered(&mut self, name: &str, number: u64, count: u64) {
        // It may have been given up.
        if let Some(at) = self.sent.iter().position(|(sent, _)| *sent == number) {
            tell(&self.sent.swap_remove(at).1, OrderNews::Done(name.to_owned(), count));
        }
    }
}

/// Whoever asked may have given up.
fn tell(reply: &OrderReply, news: OrderNews) {
    let _ = reply.send(news);
}

impl<D: Door> Mesh<D> {
    /// The revocations have changed.
    pub(crate) fn revocations_changed(&self) {
        self.links.values().for_each(|link| link.signals.send.notify_one());
    }

    /// Tells the linked relays of an operator's order.
    pub(crate) fn order(&mut self, order: &Order, reply: &OrderReply) {
        for link in self.links.values_mut() {
            match (&mut link.orders, order) {
                (None, _) => tell(reply, OrderNews::TooOld(link.name.to_string())),
                (Some(orders), Order::Kick(kick)) => orders.kick(&link.name, kick.clone(), reply.clone()),
                (Some(orders), Order::Revocations(number)) => orders.await_change(&link.name, *number, reply.clone()),
            }
            link.signals.send.notify_one();
        }
    }

    /// So many connections were ended here for a peer.
    pub(crate) fn kicked(&mut self, ticket: OrderTicket, count: u64) {
        // The link may have ended meanwhile.
        let Some(link) = self.links.get_mut(&ticket.link) else { return };
        if let Some(orders) = &mut link.orders {
            orders.to_answer.push_back((ticket.number, count));
            link.signals.send.notify_one();
        }
    }

    /// So many clients are authorized by what a peer has revoked.
    pub(crate) fn counted_revoked(&mut self, ticket: OrderTicket, count: u64) {
        for ticket in self.counted.counted(ticket, count).into_iter().chain([ticket]) {
            let Some(link) = self.links.get_mut(&ticket.link) else { continue };
            if let Some(orders) = &mut link.orders {
                orders.taken_in.counted(ticket.number, count);
                link.signals.send.notify_one();
            }
        }
    }

    /// A peer ends connections.
    pub(super) fn receive_kick(&mut self, id: LinkId, number: u64, by: u8, whom: &str) -> Result<(), Refusal> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let orders = orders_of(link, kind::KICK)?;
        orders.received += 1;
        if orders.received > KICKS_MAX {
            return Err(Refusal::protocol("more kicks than can be answered"));
        }
        let kick = Kick::from_parts(by, whom);
        let target = kick.as_ref().and_then(|kick| kick.target(&orders.revocations).ok());
        let Some((kick, target)) = kick.zip(target) else { return Err(Malformed::Fields(kind::KICK).into()) };
        info!(relay = %link.name, whom = %kick, "connections ended by the operator of a linked relay");
        self.door.kick(target, OrderTicket { link: id, number });
        Ok(())
    }

    /// A peer tells of revocations, the last of which has this number, when its clock says `clock_ms`.
    pub(super) fn receive_revocations(
        &mut self,
        id: LinkId,
        (number, clock_ms): (u64, u64),
        entries: Entries<'_>,
    ) -> Result<(), Refusal> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let orders = orders_of(link, kind::REVOCATIONS)?;
        let here = orders.revocations.now_ms();
        let entries = entries.map(|entry| entry.map(|entry| entry.by_clock(here, clock_ms)));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let count = entries.len();
        let is_void = |entry: &Entry| !entry.is_lifted && orders.revocations.is_void(&entry.whom);
        let is_any_void = entries.iter().any(is_void);
        let Some(frame) = orders.taken_in.begin(number) else {
            return Err(Refusal::protocol("more revocations than can be acknowledged"));
        };
        let ticket = OrderTicket { link: id, number: frame };
        let heard = match entries.as_slice() {
            [one] => self.counted.heard(one, ticket),
            _ => Heard::First,
        };
        let taken = match heard {
            Heard::First => orders.revocations.take(entries, Some(id), self.door.count_revoked(ticket)),
            Heard::Open | Heard::Counted(_) => orders.revocations.take(entries, Some(id), drop),
        };
        if let Heard::Counted(clients) = heard {
            orders.taken_in.counted(frame, clients);
        }
        orders.taken_in.settle(match taken {
            Err(NoRoom) => Outcome::NoRoom,
            Ok(()) if is_any_void => Outcome::UnknownKey,
            Ok(()) => Outcome::Held,
        });
        if taken.is_err() {
            self.counted.refused(ticket);
        }
        link.signals.send.notify_one();
        info!(relay = %link.name, count, "revocations taken in from a linked relay");
        if let Err(no_room) = taken {
            warn!(relay = %link.name, "not all revocations of the peer hold here: {no_room}");
        }
        if is_any_void {
            warn!(
                relay = %link.name,
                "not all revocations of the peer hold here: some are of hashes under a key that this relay does not have"
            );
        }
        Ok(())
    }
}

/// A peer has taken in revocations.
pub(super) fn receive_revoked(link: &mut Link, number: u64, outcome: Outcome, clients: u64) -> Result<(), Refusal> {
    orders_of(link, kind::REVOKED)?.told.acknowledge(number, outcome, clients)?;
    // More may wait to be told.
    link.signals.send.notify_one();
    Ok(())
}

/// A peer has room for revocations that it had none for.
pub(super) fn receive_room(link: &mut Link) -> Result<(), Refusal> {
    if orders_of(link, kind::ROOM)?.told.again() {
        link.signals.send.notify_one();
    }
    Ok(())
}

/// A peer has ended connections.
pub(super) fn receive_kicked(link: &mut Link, number: u64, count: u64) -> Result<(), Refusal> {
    let name = link.name.clone();
    orders_of(link, kind::KICKED)?.answered(&name, number, count);
    Ok(())
}

fn orders_of(link: &mut Link, kind: u8) -> Result<&mut Orders, Refusal> {
    link.orders.as_deref_mut().ok_or_else(|| Malformed::UnknownType(kind).into())
}
