//! Told: which changes of the revocations a peer was told of, what it has acknowledged of these, and who waits
//! for that.
//!
//! **Invariant:** a peer is told of every change that it has not told itself, in the order of the table, and acknowledges
//! them in that order.
//! **Invariant:** a bounded number of frames is not acknowledged; nothing more is told until some of them are.

use crate::peers::breach::Breach;
use crate::peers::wire::{self, FRAME_BYTES_MAX};
use crate::revocation::{Entry, Revocations};
use crate::routing::{OrderNews, OrderReply, TakenIn};
use std::collections::VecDeque;

/// Most frames with revocations of one side that are not acknowledged.
pub(super) const UNACKNOWLEDGED_MAX: usize = 64;
/// Most bytes of entries in one frame.
const ENTRIES_BYTES_MAX: usize = FRAME_BYTES_MAX - 1024;
/// Acknowledgements that are remembered: whoever awaits one asks a moment later than the change is told.
const REMEMBERED_MAX: usize = 64;

/// What a peer was told.
pub(super) struct Told {
    id: u64,
    /// The last change when the conversation began. Of those that are made here later each has a frame of its own, so that it is
    /// known how many clients it was about.
    began: u64,
    /// The last change that the peer was told of, and the last one that it ever was.
    last: u64,
    last_ever: u64,
    /// The last change that ever was in a frame: those behind it, up to `last_ever`, nobody needs to know any more.
    in_frames: u64,
    /// How many frames there have been, each of which has its number, and those that are not acknowledged, with the last
    /// change that each is about.
    frames: u64,
    unacknowledged: VecDeque<(u64, u64)>,
    /// The last changes that the peer has taken in: whether it had room, and how many clients were authorized.
    acknowledged: VecDeque<(u64, TakenIn, u64)>,
    awaited: Vec<Awaited>,
    /// It had no room for some of them, and has not asked to be told again.
    was_refused: bool,
}

/// Somebody waits until the peer has taken in a change.
struct Awaited {
    change: u64,
    relay: String,
    reply: OrderReply,
}

impl Told {
    /// Of a conversation that begins, which has this number.
    pub(super) fn new(revocations: &Revocations, id: u64) -> Self {
        Self {
            id,
            began: revocations.last(),
            last: 0,
            last_ever: 0,
            in_frames: 0,
            frames: 0,
            unacknowledged: VecDeque::new(),
            acknowledged: VecDeque::new(),
            awaited: Vec::new(),
            was_refused: false,
        }
    }

    /// The number and the entries of the next frame; `None`: there is nothing to tell, or too much is not acknowledged.
    pub(super) fn next(&mut self, revocations: &Revocations) -> Option<(u64, Vec<Entry>)> {
        if self.unacknowledged.len() >= UNACKNOWLEDGED_MAX {
            return None;
        }
        let (mut bytes, mut is_alone) = (0, false);
        let (entries, last) = revocations.after(self.last, self.id, |entry, made_here| {
            let goes_alone = made_here.is_some_and(|number| number > self.began);
            let is_full = is_alone || goes_alone && bytes > 0;
            is_alone = goes_alone;
            bytes += wire::entry_len(entry);
            is_full || bytes > ENTRIES_BYTES_MAX
        });
        self.last = last;
        self.last_ever = self.last_ever.max(last);
        let frame = (!entries.is_empty()).then(|| {
            self.frames += 1;
            self.in_frames = self.in_frames.max(last);
            self.unacknowledged.push_back((self.frames, last));
            (self.frames, entries)
        });
        let mut awaited = std::mem::take(&mut self.awaited);
        awaited.retain(|awaited| !self.is_needless(awaited.change) || awaited.tell(TakenIn::Held, 0));
        self.awaited = awaited;
        frame
    }

    /// Whether it is a change that the peer need not be told of any more: what has taken its place comes from the peer, or
    /// it was forgotten.
    fn is_needless(&self, change: u64) -> bool {
        change > self.in_frames && change <= self.last_ever
    }

    /// Tells by `reply` when the peer, which has this name, has taken in a change.
    pub(super) fn await_change(&mut self, relay: &str, change: u64, reply: OrderReply) {
        self.awaited.retain(|awaited| !awaited.reply.is_closed());
        let awaited = Awaited { change, relay: relay.to_owned(), reply };
        match self.acknowledged.iter().find(|(acknowledged, ..)| *acknowledged >= change) {
            Some((_, outcome, clients)) => drop(awaited.tell(*outcome, *clients)),
            None if self.is_needless(change) => drop(awaited.tell(TakenIn::Held, 0)),
            None => self.awaited.push(awaited),
        }
    }

    /// The peer has taken in everything up to this frame.
    ///
    /// # Errors
    /// It is none that waits to be acknowledged.
    pub(super) fn acknowledge(&mut self, frame: u64, outcome: TakenIn, clients: u64) -> Result<(), Breach> {
        let at = self.unacknowledged.iter().position(|(sent, _)| *sent == frame);
        let at = at.ok_or(Breach::Acknowledgement)?;
        let change = self.unacknowledged.drain(..=at).map(|(_, change)| change).max().unwrap_or_default();
        self.was_refused |= outcome == TakenIn::NoRoom;
        if self.acknowledged.len() >= REMEMBERED_MAX {
            self.acknowledged.pop_front();
        }
        self.acknowledged.push_back((change, outcome, clients));
        self.awaited.retain(|awaited| awaited.change > change || awaited.tell(outcome, clients));
        Ok(())
    }

    /// The peer has room for what it had none for, and is told everything again. False: it had room for everything.
    pub(super) fn again(&mut self) -> bool {
        if !std::mem::take(&mut self.was_refused) {
            return false;
        }
        // What was told before has been counted, as far as there was room. What was not goes on to be told by itself.
        self.began = self.began.max(self.last_ever);
        self.last = 0;
        true
    }
}

impl Awaited {
    /// False, since nobody waits any more. Whoever asked may have given up.
    fn tell(&self, outcome: TakenIn, clients: u64) -> bool {
        let relay = self.relay.clone();
        let _ = self.reply.send(match outcome {
            TakenIn::Held => OrderNews::Done(relay, clients),
            TakenIn::NoRoom => OrderNews::NoRoom(relay),
            TakenIn::UnknownKey => OrderNews::UnknownKey(relay),
        });
        false
    }
}

#[cfg(test)]
mod tests;
