//! Orders of operators in one conversation: revocations, which each side tells the other, and kicks, which are answered.
//!
//! **Invariant:** a peer has a bounded number of orders under way.

mod taken_in;
mod told;

use super::breach::Breach;
use super::counted::{Counted, Heard};
use super::wire::{self, Entries, Malformed};
use crate::revocation::{Entry, NoRoom, Revocations};
use crate::routing::{Door, Kick, OrderNews, OrderReply, OrderTicket, TakenIn as Outcome};

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use taken_in::{Acknowledgement, TakenIn};
use tokio::time::Instant;
use told::Told;
use tracing::{info, warn};

/// Most kicks of one side that are not answered.
const KICKS_MAX: usize = 64;
/// Least time between two times at which a peer is to tell everything again.
const ROOM_PAUSE: Duration = Duration::from_secs(1);

/// The orders in one conversation.
pub(super) struct Orders {
    /// The conversation.
    id: u64,
    /// The peer's name.
    relay: Box<str>,
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
    /// Of a conversation that begins.
    pub(super) fn new(revocations: Arc<Revocations>, id: u64, relay: &str) -> Self {
        Self {
            id,
            relay: relay.into(),
            told: Told::new(&revocations, id),
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

    /// Asks the peer to tell everything again, once there is room for what it was told that there was none for.
    fn ask_again(&mut self, out: &mut Vec<u8>) {
        let is_soon = self.asked.is_some_and(|asked| asked.elapsed() < ROOM_PAUSE);
        if self.lacks && !is_soon && self.revocations.has_room() {
            (self.lacks, self.asked) = (false, Some(Instant::now()));
            wire::room(out);
        }
    }

    /// Sends a kick.
    pub(super) fn send_kick(&mut self, kick: Kick, reply: OrderReply) {
        // Those whose operators have given up are not waited for.
        self.sent.retain(|(_, reply)| !reply.is_closed());
        tell(&reply, OrderNews::Sent(self.relay.to_string()));
        if self.sent.len().max(self.to_send.len()) < KICKS_MAX {
            self.kicks += 1;
            self.to_send.push_back((self.kicks, kick));
            self.sent.push((self.kicks, reply));
        }
    }

    /// Tells by `reply` when the peer has taken in the change `number`.
    pub(super) fn await_change(&mut self, number: u64, reply: OrderReply) {
        tell(&reply, OrderNews::Sent(self.relay.to_string()));
        self.told.await_change(&self.relay, number, reply);
    }

    /// The answer to a kick of the peer: so many connections were ended.
    pub(super) fn answer_kick(&mut self, number: u64, count: u64) {
        self.to_answer.push_back((number, count));
    }

    /// So many clients are authorized by what a frame of the peer has revoked.
    pub(super) fn counted_revoked(&mut self, frame: u64, count: u64) {
        self.taken_in.counted(frame, count);
    }

    /// The peer ends connections.
    pub(super) fn kick(&mut self, number: u64, by: u8, whom: &str, door: &mut impl Door) -> Result<(), Breach> {
        self.received += 1;
        if self.received > KICKS_MAX {
            return Err(Breach::Kicks);
        }
        let kick = Kick::from_parts(by, whom);
        let target = kick.as_ref().and_then(|kick| kick.target(&self.revocations).ok());
        let (kick, target) = kick.zip(target).ok_or(Malformed::Fields(wire::kind::KICK))?;
        info!(relay = %self.relay, whom = %kick, "connections ended by the operator of a linked relay");
        door.kick(target, OrderTicket { link: self.id, number });
        Ok(())
    }

    /// The peer tells of revocations, the last of which has this number, when its clock says `clock_ms`.
    pub(super) fn revocations(
        &mut self,
        number: u64,
        clock_ms: u64,
        entries: Entries<'_>,
        counted: &mut Counted,
        door: &impl Door,
    ) -> Result<(), Breach> {
        let here = self.revocations.now_ms();
        let entries = entries.map(|entry| entry.map(|entry| entry.by_clock(here, clock_ms)));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let count = entries.len();
        let is_void = |entry: &Entry| !entry.is_lifted && self.revocations.is_void(&entry.whom);
        let is_any_void = entries.iter().any(is_void);
        let frame = self.taken_in.begin(number).ok_or(Breach::Revocations)?;
        let ticket = OrderTicket { link: self.id, number: frame };
        let heard = match entries.as_slice() {
            [one] => counted.heard(one, ticket),
            _ => Heard::First,
        };
        let taken = match heard {
            Heard::First => self.revocations.take(entries, Some(self.id), door.count_revoked(ticket)),
            Heard::Open | Heard::Counted(_) => self.revocations.take(entries, Some(self.id), drop),
        };
        if let Heard::Counted(clients) = heard {
            self.taken_in.counted(frame, clients);
        }
        self.taken_in.settle(match taken {
            Err(NoRoom) => Outcome::NoRoom,
            Ok(()) if is_any_void => Outcome::UnknownKey,
            Ok(()) => Outcome::Held,
        });
        if taken.is_err() {
            counted.refused(ticket);
        }
        self.report(count, taken, is_any_void);
        Ok(())
    }

    fn report(&self, count: usize, taken: Result<(), NoRoom>, is_any_void: bool) {
        let relay = &*self.relay;
        info!(relay, count, "revocations taken in from a linked relay");
        if let Err(no_room) = taken {
            warn!(relay, "not all revocations of the peer hold here: {no_room}");
        }
        if is_any_void {
            warn!(
                relay,
                "not all revocations of the peer hold here: some are of hashes under a key that this relay does not have"
            );
        }
    }

    /// The peer has taken in revocations. More may wait to be told.
    pub(super) fn revoked(&mut self, number: u64, outcome: Outcome, clients: u64) -> Result<(), Breach> {
        self.told.acknowledge(number, outcome, clients)
    }

    /// The peer has room for revocations that it had none for.
    pub(super) fn room(&mut self) {
        self.told.again();
    }

    /// The peer has ended connections.
    pub(super) fn kicked(&mut self, number: u64, count: u64) {
        // It may have been given up.
        if let Some(at) = self.sent.iter().position(|(sent, _)| *sent == number) {
            tell(&self.sent.swap_remove(at).1, OrderNews::Done(self.relay.to_string(), count));
        }
    }
}

/// Whoever asked may have given up.
pub(super) fn tell(reply: &OrderReply, news: OrderNews) {
    let _ = reply.send(news);
}
