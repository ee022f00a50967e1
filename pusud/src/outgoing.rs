//! What leaves a thread for others: publications to the shards and to the network of relays, a batch for each.
//!
//! A shard has one of these, and so has the network, for what comes from linked relays. Handing over never waits; who
//! reads a source or a link asks for room first.

use crate::batch::{Batch, Publications};
use crate::inbox::{InboxSender, Item};
use crate::network::local::{Event, Ticket};
use crate::shard_index::ShardSet;
use std::task::{Context, Poll};

/// The ways out of one member of the shard index.
pub struct Outgoing {
    member: usize,
    inboxes: Vec<InboxSender>,
    network: Option<InboxSender<Event>>,
    /// What each of the shards gets at the end of the batch, and behind them the network.
    batches: Vec<Batch>,
}

impl Outgoing {
    /// Those of shard number `shard`, which is reached by the others through `inboxes[shard]`. The network, if there is
    /// one, is member number `inboxes.len()` of the index.
    pub fn of_shard(shard: usize, inboxes: Vec<InboxSender>, network: Option<InboxSender<Event>>) -> Self {
        let batches = (0..inboxes.len() + usize::from(network.is_some())).map(|_| Batch::default()).collect();
        Self { member: shard, inboxes, network, batches }
    }

    /// Those of the network.
    pub fn of_network(inboxes: Vec<InboxSender>) -> Self {
        Self::of_shard(inboxes.len(), inboxes, None)
    }

    /// The member's own number in the index.
    pub fn member(&self) -> usize {
        self.member
    }

    /// How many shards the relay has.
    pub fn shards_len(&self) -> usize {
        self.inboxes.len()
    }

    /// Whether there is nobody else.
    pub fn is_alone(&self) -> bool {
        self.batches.len() == 1 && self.member == 0
    }

    /// Whether there is a network.
    pub fn has_network(&self) -> bool {
        self.network.is_some()
    }

    /// Adds publications to the batches of `members`.
    pub fn push(&mut self, members: ShardSet, publications: &Publications<'_>) {
        for member in members.iter() {
            self.batches[member].push(publications);
        }
    }

    /// Hands over what there is.
    pub fn send(&mut self) {
        for (inbox, batch) in self.inboxes.iter().zip(&mut self.batches) {
            if !batch.is_empty() {
                inbox.send(Item::Batch(std::mem::take(batch)));
            }
        }
        if let Some(network) = &self.network
            && let Some(batch) = self.batches.last_mut().filter(|batch| !batch.is_empty())
        {
            network.send(Event::Publications(std::mem::take(batch)));
        }
    }

    /// Asks the network to answer, under `number`, when all linked relays know of a listener of `channel`.
    pub fn settle(&self, channel: &str, number: u64) {
        if let Some(network) = &self.network {
            network.send(Event::Settle { channel: channel.into(), ticket: Ticket { shard: self.member, number } });
        }
    }

    /// Answers a shard's question.
    pub fn settled(&self, ticket: Ticket) {
        self.inboxes[ticket.shard].send(Item::Settled(ticket.number));
    }

    /// Whether all others have room.
    pub fn has_room(&self) -> bool {
        self.others().all(InboxSender::has_room) && self.network.as_ref().is_none_or(InboxSender::has_room)
    }

    /// Ready while all others have room.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut room = Poll::Ready(());
        for inbox in self.others() {
            if inbox.poll_room(cx).is_pending() {
                room = Poll::Pending;
            }
        }
        if self.network.as_ref().is_some_and(|network| network.poll_room(cx).is_pending()) {
            room = Poll::Pending;
        }
        room
    }

    fn others(&self) -> impl Iterator<Item = &InboxSender> {
        self.inboxes.iter().enumerate().filter(|&(shard, _)| shard != self.member).map(|(_, inbox)| inbox)
    }
}
