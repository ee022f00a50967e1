//! Orders of operators over one link: revocations, which each side tells the other, and kicks, which are answered.
//!
//! **Invariant:** a peer is told of every change of the revocations that it has not told itself, in the order of the
//! table, and acknowledges them in that order.

use super::Mesh;
use crate::mesh::handshake::Refusal;
use crate::mesh::links::link::Link;
use crate::mesh::links::taken_in::{Acknowledgement, TakenIn};
use crate::mesh::membership::LinkId;
use crate::mesh::wire::{self, Entries, FRAME_BYTES_OVER_CONTENT, Malformed, kind};
use crate::revocation::{Revocations, now_ms};
use crate::routing::{Door, Kick, Order, OrderNews, OrderReply, OrderTicket};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{info, warn};

/// Most kicks of one side that are not answered.
const KICKS_MAX: usize = 64;
/// Most bytes of entries in one frame.
const ENTRIES_BYTES_MAX: usize = FRAME_BYTES_OVER_CONTENT - 1024;
/// Acknowledgements that are remembered: whoever awaits one asks a moment later than the change is told.
const REMEMBERED_MAX: usize = 64;
/// Least time between two times at which a peer is to tell everything again.
const ROOM_PAUSE: Duration = Duration::from_secs(1);

/// The orders over one link.
pub(crate) struct Orders {
    revocations: Arc<Revocations>,
    link: LinkId,
    /// The last change when the link began. Of those that are made here later each has a frame of its own, so that it is
    /// known how many clients it was about.
    began: u64,
    /// The last change that the peer was told of, and the last one that it ever was.
    told: u64,
    told_max: u64,
    /// The last changes that it has taken in: whether it had room, and how many clients were authorized.
    acknowledged: VecDeque<(u64, bool, u64)>,
    /// Who waits until it has taken in which change.
    awaited: Vec<(u64, OrderReply)>,
    /// What is to be acknowledged.
    taken_in: TakenIn,
    /// There was no room here for some of what the peer has told.
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
        let began = revocations.last();
        Self {
            revocations,
            link,
            began,
            told: 0,
            told_max: 0,
            acknowledged: VecDeque::new(),
            awaited: Vec::new(),
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
        while let Some(Acknowledgement { number, has_room, clients, .. }) = self.taken_in.next() {
            wire::revoked(out, number, has_room, clients);
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
        let (mut bytes, mut is_alone) = (0, false);
        let (entries, last) = self.revocations.after(self.told, self.link, |entry, made_here| {
            let goes_alone = made_here.is_some_and(|number| number > self.began);
            let is_full = is_alone || goes_alone && bytes > 0;
            is_alone = goes_alone;
            bytes += wire::entry_len(entry);
            is_full || bytes > ENTRIES_BYTES_MAX
        });
        self.told = last;
        self.told_max = self.told_max.max(last);
        if !entries.is_empty() {
            wire::revocations(out, last, now_ms(), entries);
        }
    }

    /// Asks the peer to tell everything again, once there is room for what there was none for. Each heartbeat comes by.
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
        self.awaited.retain(|(_, reply)| !reply.is_closed());
        tell(&reply, OrderNews::Sent(name.to_owned()));
        match self.acknowledged.iter().find(|(acknowledged, ..)| *acknowledged >= number) {
            Some((_, has_room, clients)) => tell(&reply, outcome(name, *has_room, *clients)),
            None => self.awaited.push((number, reply)),
        }
    }

    /// The peer has taken in everything up to `number`.
    fn acknowledge(&mut self, name: &str, number: u64, has_room: bool, clients: u64) -> Result<(), Refusal> {
        if number > self.told_max {
            return Err(Refusal::protocol("an acknowledgement of revocations that were not told"));
        }
        if self.acknowledged.len() >= REMEMBERED_MAX {
            self.acknowledged.pop_front();
        }
        self.acknowledged.push_back((number, has_room, clients));
        self.awaited.retain(|(awaited, reply)| {
            if *awaited <= number {
                tell(reply, outcome(name, has_room, clients));
            }
            *awaited > number
        });
        Ok(())
    }

    fn answered(&mut self, name: &str, number: u64, count: u64) {
        // It may have been given up.
        if let Some(at) = self.sent.iter().position(|(sent, _)| *sent == number) {
            tell(&self.sent.swap_remove(at).1, OrderNews::Done(name.to_owned(), count));
        }
    }
}

fn outcome(name: &str, has_room: bool, clients: u64) -> OrderNews {
    if has_room { OrderNews::Done(name.to_owned(), clients) } else { OrderNews::NoRoom(name.to_owned()) }
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
        let Some(link) = self.links.get_mut(&ticket.link) else { return };
        if let Some(orders) = &mut link.orders {
            orders.taken_in.counted(ticket.number, count);
            link.signals.send.notify_one();
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
        let here = now_ms();
        let entries = entries.map(|entry| entry.map(|entry| entry.by_clock(here, clock_ms)));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let count = entries.len();
        let frame = orders.taken_in.begin(number);
        let counted = self.door.count_revoked(OrderTicket { link: id, number: frame });
        let taken = orders.revocations.take(entries, Some(id), counted);
        if taken.is_err() {
            orders.taken_in.refuse();
            orders.lacks = true;
        }
        link.signals.send.notify_one();
        info!(relay = %link.name, count, "revocations taken in from a linked relay");
        if let Err(no_room) = taken {
            warn!(relay = %link.name, "not all revocations of the peer hold here: {no_room}");
        }
        Ok(())
    }
}

/// A peer has taken in revocations.
pub(super) fn receive_revoked(link: &mut Link, number: u64, has_room: bool, clients: u64) -> Result<(), Refusal> {
    let name = link.name.clone();
    orders_of(link, kind::REVOKED)?.acknowledge(&name, number, has_room, clients)
}

/// A peer has room for revocations that it had none for.
pub(super) fn receive_room(link: &mut Link) -> Result<(), Refusal> {
    let orders = orders_of(link, kind::ROOM)?;
    // What was told before has been counted, as far as there was room.
    (orders.told, orders.began) = (0, orders.revocations.last());
    link.signals.send.notify_one();
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
