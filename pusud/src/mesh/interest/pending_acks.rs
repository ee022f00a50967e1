//! Subscriptions that wait until the linked relays know of them.
//!
//! A link owns the waits for its peer, in the order of the numbers that are waited for. Does not announce anything.

use crate::mesh::interest::pace::Pace;
use crate::routing::Ticket;
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a subscription waits for a peer.
pub(crate) const SETTLE_MAX: Duration = Duration::from_secs(1);

/// One question, and how many links have not answered it.
pub(crate) struct PendingAck {
    ticket: Ticket,
    open: Cell<usize>,
}

impl PendingAck {
    /// Nobody has to answer it yet.
    pub(crate) fn new(ticket: Ticket) -> Rc<Self> {
        Rc::new(Self { ticket, open: Cell::new(0) })
    }

    /// Whether nobody has to answer it any more.
    pub(crate) fn is_settled(&self) -> bool {
        self.open.get() == 0
    }
}

struct Wait {
    number: u64,
    deadline: Instant,
    settling: Rc<PendingAck>,
}

/// What waits for one peer.
#[derive(Default)]
pub(crate) struct PendingAcks {
    waits: VecDeque<Wait>,
    /// Whether the peer is fast enough to be waited for.
    pub pace: Pace,
}

impl PendingAcks {
    /// Waits until the peer has acknowledged `number`.
    pub(crate) fn add(&mut self, number: u64, settling: &Rc<PendingAck>, now: Instant) {
        settling.open.set(settling.open.get() + 1);
        self.waits.push_back(Wait { number, deadline: now + SETTLE_MAX, settling: settling.clone() });
    }

    /// The peer has acknowledged everything up to `number`. Gives the tickets that are settled now.
    pub(crate) fn acknowledge(&mut self, number: u64, now: Instant) -> Vec<Ticket> {
        self.pace.acknowledge(number, now);
        let answered = self.waits.iter().take_while(|wait| wait.number <= number).count();
        self.waits.drain(..answered).filter_map(answer).collect()
    }

    /// Gives up waiting where that has lasted too long: nothing waits for this peer until it is fast again, and has
    /// acknowledged `last`. Gives the tickets that are settled now, and whether that is new.
    pub(crate) fn expire(&mut self, now: Instant, last: u64) -> (Vec<Ticket>, bool) {
        if self.waits.front().is_none_or(|wait| wait.deadline > now) {
            return (Vec::new(), false);
        }
        (self.give_up(), self.pace.lag(last, now))
    }

    /// Stops all waiting; gives the tickets that are settled now.
    pub(crate) fn give_up(&mut self) -> Vec<Ticket> {
        self.waits.drain(..).filter_map(answer).collect()
    }

    /// When waiting will have lasted too long, or the peer is to be measured.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let wait = self.waits.front().map(|wait| wait.deadline);
        wait.into_iter().chain(self.pace.probe_at()).min()
    }
}

fn answer(wait: Wait) -> Option<Ticket> {
    let open = wait.settling.open.get() - 1;
    wait.settling.open.set(open);
    (open == 0).then_some(wait.settling.ticket)
}
