//! The ways out of a thread: publications to the shards and to the network of relays, a batch for each.
//!
//! A shard has one of these, and so has the network, for what comes from linked relays. Handing over never waits; who
//! reads a source or a link asks for room first.

use crate::routing::backplane::{Event, Ticket};
use crate::routing::batch::{Batch, Publications};
use crate::routing::inbox::{InboxSender, Item};
use crate::routing::lane::{SHARES, Share};
use crate::routing::shard_index::ShardSet;
use std::task::{Context, Poll};
use std::time::Instant;

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

    /// How many members the index has.
    pub fn members_len(&self) -> usize {
        self.batches.len()
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

    /// Hands publications over to `members` at once, and to the network if there is one. What stands in batches has to be sent
    /// first.
    pub fn push_now(&self, shards: ShardSet, publications: &Publications<'_>, accepted: Option<Instant>) {
        let batch = || {
            let mut batch = Batch::default();
            batch.accepted = accepted;
            batch.push(publications);
            batch
        };
        for shard in shards.iter() {
            self.inboxes[shard].send(Item::Batch(batch()));
        }
        if let Some(network) = &self.network {
            network.send(Event::Publications(batch()));
        }
    }

    /// The number of the network, if there is one.
    pub fn network_member(&self) -> Option<usize> {
        self.network.as_ref().map(|_| self.inboxes.len())
    }

    /// Hands over what there is, of which the first was accepted then, if somebody has looked.
    pub fn send(&mut self, accepted: Option<Instant>) {
        for (inbox, batch) in self.inboxes.iter().zip(&mut self.batches) {
            if !batch.is_empty() {
                batch.accepted = accepted;
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

    /// Asks the network to answer, under `number`, when it comes to what is handed over here.
    pub fn fence(&self, number: u64) {
        if let Some(network) = &self.network {
            network.send(Event::Fence(Ticket { shard: self.member, number }));
        }
    }

    /// Answers that.
    pub fn passed(&self, ticket: Ticket) {
        self.inboxes[ticket.shard].send(Item::Passed(ticket.number));
    }

    /// Whether so much waits in a shard of `members` that came over links, in bytes.
    pub fn is_behind(&self, members: ShardSet, bytes: usize) -> bool {
        members.iter().any(|member| self.inboxes[member].level(Share::LINKS) >= bytes)
    }

    /// Asks a shard to say when little is left of what has been handed over to it of a channel.
    pub fn mark(&self, shard: usize, channel: &str) {
        self.inboxes[shard].send(Item::Mark(channel.into()));
    }

    /// Answers that, for so many marks.
    pub fn go_on(&self, channel: &str, marks: usize) {
        if let Some(network) = &self.network {
            network.send(Event::GoOn { channel: channel.into(), marks });
        }
    }

    /// Answers a shard's question.
    pub fn settled(&self, ticket: Ticket) {
        self.inboxes[ticket.shard].send(Item::Settled(ticket.number));
    }

    /// One of `members` whose inbox has no room in this share, if there is one.
    #[inline]
    pub fn full_member(&self, members: ShardSet, share: Share) -> Option<usize> {
        members.iter().find(|&member| !self.has_room(member, share))
    }

    fn has_room(&self, member: usize, share: Share) -> bool {
        match self.inboxes.get(member) {
            Some(inbox) => inbox.has_room(share),
            None => self.network.as_ref().is_none_or(|network| network.has_room(share)),
        }
    }

    /// Ready while the inbox of a member has room in this share.
    pub fn poll_member(&self, member: usize, share: Share, cx: &Context<'_>) -> Poll<()> {
        match (self.inboxes.get(member), &self.network) {
            (Some(inbox), _) => inbox.poll_room(share, cx),
            (None, Some(network)) => network.poll_room(share, cx),
            (None, None) => Poll::Ready(()),
        }
    }

    /// Ready while the inboxes of all shards have room for what comes over links.
    pub fn poll_room_for_links(&self, cx: &Context<'_>) -> Poll<()> {
        match self.inboxes.iter().all(|inbox| inbox.poll_room(Share::LINKS, cx).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// So many bytes of each share have come out of the member's own inbox and been delivered.
    pub fn release(&self, by_share: &[usize; SHARES]) {
        self.inboxes[self.member].release(by_share);
    }

    /// What waits for delivery by this member, and what it has not handed over yet, in bytes.
    pub fn bytes(&self) -> usize {
        let own = self.inboxes.get(self.member).map_or(0, InboxSender::bytes);
        own + self.batches.iter().map(Batch::bytes_len).sum::<usize>()
    }
}
