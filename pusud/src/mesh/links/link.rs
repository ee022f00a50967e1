//! One link, while it is up: what is to be sent over it, and what is known of its peer.
//!
//! A value without a socket: `conversation` moves bytes between the two. Does not know other links.

mod dropped;

use crate::history::Origin;
use crate::mesh::handshake::Refusal;
use crate::mesh::interest::{Announced, Announcer, PendingAcks, Table};
use crate::mesh::links::history::{self, HistoryQueue};
use crate::mesh::links::holding::Holding;
use crate::mesh::links::queue::{QUEUE_BYTES_MAX, Queue};
use crate::mesh::links::sequence::Arrival;
use crate::mesh::membership::{Account, Candidate, LinkId};
use crate::mesh::wire::{self, Names, Publications, kind};
use crate::peers::{Malformed, bare};
use serde_json::value::RawValue;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{info, warn};

/// What is written in one go, in bytes, as far as frames are not larger.
pub(crate) const WRITE_BYTES: usize = 64 * 1024;

/// How the tasks of a link are woken.
#[derive(Default)]
pub(crate) struct Signals {
    /// There is something to send.
    pub send: Notify,
    /// A subscription has begun to wait for the peer.
    pub wait: Notify,
    /// The link has been ended from outside.
    pub ended: Notify,
    /// Why it has been ended from outside.
    pub why: RefCell<Option<Refusal>>,
}

/// Short things to send ahead of all else. Each at most once, so that a peer that does not read makes none of it grow.
#[derive(Default)]
pub(crate) struct Duties {
    /// Ask whether the peer is there.
    pub ping: bool,
    /// Answer a ping with this time.
    pub pong: Option<u64>,
    /// Acknowledge interest up to this number.
    pub acknowledge: Option<u64>,
    /// Tell how much interest there is, once all of it is told.
    pub check: bool,
    /// Ask for everything again.
    pub resync: bool,
}

/// A link that is up.
pub(crate) struct Link {
    /// Which connection it is.
    pub id: LinkId,
    /// The peer's name.
    pub name: Box<str>,
    /// Where the peer is.
    pub remote: SocketAddr,
    /// Whether it is encrypted.
    pub is_encrypted: bool,
    /// When it came up.
    pub since: Instant,
    /// Numbers and counts.
    pub account: Account,
    /// What the peer is told of our interest.
    pub announcer: Announcer,
    /// What the peer has told of its interest.
    pub announced: Announced,
    /// What the peer is told of channels that it is to send no more of; none where it knows no such frames.
    pub holding: Option<Holding>,
    /// Subscriptions that wait for the peer.
    pub waits: PendingAcks,
    /// From a ping to its pong, the last time.
    pub round_trip: Option<Duration>,
    /// Short things to send.
    pub duties: Duties,
    /// How the link's tasks are woken.
    pub signals: Rc<Signals>,
    /// The peer, as numbers name it.
    pub origin: Origin,
    /// The peer stops as planned.
    pub has_heard_goodbye: bool,
    /// What waits of channels with history; `None`: nothing is told over this link about their numbers.
    pub(super) history: Option<HistoryQueue>,
    queue: Queue,
    /// Publications that were dropped since the queue was last found with room.
    dropped_in_a_row: u64,
    pub(super) content_bytes_max: usize,
    has_said_goodbye: bool,
}

impl Link {
    /// A link to the peer of `candidate` that has just come up. `holding`: if the peer knows such frames; `has_history`: the
    /// relays tell each other about numbers.
    pub(crate) fn new(
        candidate: Candidate,
        content_bytes_max: usize,
        account: Account,
        holding: Option<Holding>,
        has_history: bool,
    ) -> Self {
        Self {
            id: candidate.id,
            name: candidate.name,
            remote: candidate.remote,
            is_encrypted: candidate.is_encrypted,
            since: Instant::now(),
            account,
            announcer: Announcer::default(),
            announced: Announced::default(),
            holding,
            waits: PendingAcks::default(),
            round_trip: None,
            duties: Duties { ping: true, ..Duties::default() },
            signals: Rc::default(),
            origin: history::origin(candidate.boot),
            has_heard_goodbye: false,
            history: has_history.then(HistoryQueue::default),
            queue: Queue::default(),
            dropped_in_a_row: 0,
            content_bytes_max,
            has_said_goodbye: false,
        }
    }

    /// Whether the peer knows our interest, as far as it was there when the link began.
    pub(crate) fn is_linked(&self) -> bool {
        self.announcer.acknowledged() > 0
    }

    /// What waits to be sent, in bytes.
    pub(crate) fn queue_bytes(&self) -> usize {
        self.queue.bytes() + self.history.as_ref().map_or(0, HistoryQueue::bytes)
    }

    /// Queues publications to a channel. Never waits: without room some are dropped and counted.
    pub(crate) fn publish<'a>(&mut self, channel: &Rc<str>, contents: impl Iterator<Item = &'a [u8]>) {
        let was_idle = self.queue.is_idle();
        let place = self.queue.place(channel);
        for content in contents {
            if content.len() > self.content_bytes_max {
                self.count_too_large(content.len());
                continue;
            }
            let pushed = self.queue.push(place, content);
            self.account.traffic.sent += u64::from(pushed.is_taken);
            if !pushed.is_taken || pushed.dropped > 0 {
                self.count_dropped(pushed);
            }
        }
        // Half of the room has to be free again, so that a queue at its bound does not fill the log.
        if self.dropped_in_a_row > 0 && self.queue.bytes() < QUEUE_BYTES_MAX / 2 {
            let dropped = std::mem::take(&mut self.dropped_in_a_row);
            info!(relay = %self.name, dropped, "the peer's queue has room again");
        }
        if was_idle && !self.queue.is_idle() {
            self.signals.send.notify_one();
        }
    }

    /// The peer holds channels, or lets go of them.
    ///
    /// # Errors
    /// That cannot be right, and the link has to end.
    pub(crate) fn hold(&mut self, channels: Names<'_>, is_held: bool) -> Result<(), Refusal> {
        if self.holding.is_none() {
            return Err(Malformed::UnknownType(if is_held { kind::HOLD } else { kind::GO }).into());
        }
        for channel in channels {
            let channel = channel?;
            let done = if is_held { self.queue.hold(channel) } else { self.queue.go_on(channel) };
            done.map_err(Refusal::protocol)?;
            if let Some(history) = &mut self.history {
                if is_held { history.hold(channel) } else { history.go_on(channel) }
            }
        }
        self.signals.send.notify_one();
        Ok(())
    }

    /// The link has ended: what waits still gets its numbers, so that both sides count it as lost.
    pub(crate) fn end(&mut self) -> Account {
        let mut account = std::mem::take(&mut self.account);
        account.outgoing.give(self.queue.messages());
        account
    }

    /// Takes publications of the peer in, none of whose contents may be longer than `content_bytes_max`, and hands on what
    /// has not come before.
    ///
    /// # Errors
    /// The peer has sent what it must not: the link has to end.
    pub(crate) fn take(
        &mut self,
        first: u64,
        publications: Publications<'_>,
        content_bytes_max: usize,
        mut deliver: impl FnMut(&str, &str),
    ) -> Result<(), Refusal> {
        let traffic = &mut self.account.traffic;
        let mut number = first;
        for publication in publications {
            let (channel, content) = publication?;
            if content.len() > content_bytes_max {
                return Err(Refusal::protocol(format_args!("a content of {} bytes", content.len())));
            }
            // White space around a value is not part of it, and nothing may follow it.
            if serde_json::from_str::<&RawValue>(content).map_or(true, |value| value.get().len() != content.len()) {
                return Err(Refusal::protocol("a content that is not JSON"));
            }
            let arrival = self.account.incoming.arrive(number);
            number = number.saturating_add(1);
            match arrival {
                Arrival::Next => {}
                Arrival::Gap(count) => {
                    traffic.gaps = traffic.gaps.saturating_add(count);
                    warn!(relay = %self.name, count, "messages of the peer are missing");
                }
                Arrival::Duplicate => {
                    traffic.duplicates += 1;
                    warn!(relay = %self.name, "a message of the peer came twice; the second one is thrown away");
                    continue;
                }
            }
            traffic.received += 1;
            deliver(channel, content);
        }
        Ok(())
    }

    /// Has one of the short things sent.
    pub(crate) fn owe(&mut self, duty: impl FnOnce(&mut Duties)) {
        duty(&mut self.duties);
        self.signals.send.notify_one();
    }

    /// Appends what is to be sent ahead of all else: short things, and what is held. `clock`: the time for a ping, in
    /// microseconds.
    pub(crate) fn write_first(&mut self, clock: u64, out: &mut Vec<u8>) {
        let seen = self.account.incoming.seen();
        if let Some(time) = self.duties.pong.take() {
            wire::heartbeat(out, kind::PONG, time, seen);
        }
        if std::mem::take(&mut self.duties.ping) {
            wire::heartbeat(out, kind::PING, clock, seen);
        }
        if let Some(number) = self.duties.acknowledge.take() {
            wire::acknowledge(out, number);
        }
        if std::mem::take(&mut self.duties.resync) {
            bare(out, kind::RESYNC);
        }
        if let Some(holding) = &mut self.holding {
            holding.write(out);
        }
    }

    /// Appends the rest of what is to be sent next: interest, publications, and where that is wanted a goodbye behind all of it.
    pub(crate) fn write(&mut self, table: &Table, says_goodbye: bool, out: &mut Vec<u8>) {
        self.announcer.write(table, out);
        if self.announcer.is_idle() && std::mem::take(&mut self.duties.check) {
            wire::check(out, table.total());
            self.announcer.checked();
        }
        if let Some(history) = &mut self.history {
            history.write(out);
        }
        let written = self.queue.write(self.account.outgoing.next(), out, WRITE_BYTES);
        self.account.outgoing.give(written);
        let is_empty = self.queue.is_empty() && self.history.as_ref().is_none_or(HistoryQueue::is_empty);
        if says_goodbye && !self.has_said_goodbye && is_empty {
            bare(out, kind::GOODBYE);
            self.has_said_goodbye = true;
        }
    }
}
