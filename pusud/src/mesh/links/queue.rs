//! Publications that wait for one link: channels take turns (deficit round robin), and each keeps its order.
//!
//! Bounded in bytes; where there is no room, the channel with most waiting loses its newest. A channel that the peer holds
//! has no turns. **Invariant:** each channel with something waiting that is not held has its place among those that take
//! turns, once. Others that are there lose it when it is their turn.

mod fifo;
mod frames;
mod hold;
mod size_classes;
#[cfg(test)]
mod tests;

pub(crate) use hold::HELD_MAX;

use fifo::{CHUNK_BYTES, Fifo};
use frames::Frames;
use size_classes::SizeClasses;
use slab::Slab;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// What may wait for one link, in bytes of memory.
pub(crate) const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What the queue's tables keep when the channels have gone that they were once made for, in bytes at the most.
pub(crate) const TABLES_BYTES_MAX: usize = QUEUE_BYTES_MAX / 2;
/// What a channel sends in its turn, in bytes.
const TURN_BYTES: usize = CHUNK_BYTES;
/// Channels that are remembered with nothing waiting: then they need not be found and made anew for each message.
const IDLE_MAX: usize = 1024;
/// A buffer is used again only if it takes no more than this, since it may hold a single short publication then.
const SPARE_BYTES_MAX: usize = 4096;

/// A channel's place in the queue, until the queue is written or asked for another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place(usize);

/// The queue.
#[derive(Default)]
pub(crate) struct Queue {
    fifos: Slab<Fifo>,
    places: HashMap<Rc<str>, Place>,
    /// The one that was asked for last.
    last: Option<Place>,
    /// Those that take turns, in order.
    turns: VecDeque<Place>,
    /// Those that are empty and not held, and some that were when they came in here.
    idle: VecDeque<Place>,
    sizes: SizeClasses,
    spare: Vec<u8>,
    bytes: usize,
    messages: u64,
    /// Channels of which something waits.
    waiting: usize,
    held: usize,
}

/// What became of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// It waits.
    pub is_taken: bool,
    /// How many that waited were dropped for it.
    pub dropped: u64,
}

impl Queue {
    /// Where publications to this channel are added.
    #[inline]
    pub(crate) fn place(&mut self, channel: &Rc<str>) -> Place {
        if let Some(last) = self.last
            && Rc::ptr_eq(&self.fifos[last.0].channel, channel)
        {
            return last;
        }
        self.forget_idle();
        let place = match self.places.get(channel) {
            Some(&place) => place,
            None => self.add(channel.clone()),
        };
        // So that the next time the two are the same one.
        self.fifos[place.0].channel.clone_from(channel);
        self.last = Some(place);
        place
    }

    fn add(&mut self, channel: Rc<str>) -> Place {
        let place = Place(self.fifos.insert(Fifo::new(channel.clone())));
        self.places.insert(channel, place);
        self.rest(place);
        place
    }

    /// Adds a publication behind the others of its channel, if there is room or others have to make some.
    #[inline]
    pub(crate) fn push(&mut self, place: Place, content: &[u8]) -> Pushed {
        let growth = self.fifos[place.0].growth(content);
        let mut dropped = 0;
        // One always fits, whatever the settings say of the size of messages.
        while self.bytes + growth > QUEUE_BYTES_MAX && self.bytes > 0 {
            match self.drop_for(place, growth) {
                Some(more) => dropped += more,
                None => return Pushed { is_taken: false, dropped },
            }
        }
        let Self { fifos, spare, .. } = self;
        let fifo = &mut fifos[place.0];
        // A spare buffer may be larger than what the channel grows by.
        if self.bytes + growth + SPARE_BYTES_MAX > QUEUE_BYTES_MAX {
            *spare = Vec::new();
        }
        let before = fifo.cost();
        fifo.push(content, spare);
        self.messages += 1;
        self.resized(place, before);
        self.take_turns(place);
        Pushed { is_taken: true, dropped }
    }

    /// Drops the newest of the channel with most waiting; nothing if that is the one that wants to grow so much.
    fn drop_for(&mut self, place: Place, growth: usize) -> Option<u64> {
        let largest = self.sizes.largest().map(Place).filter(|largest| *largest != place)?;
        let before = self.fifos[largest.0].cost();
        if self.fifos[place.0].cost() + growth > before {
            return None;
        }
        let chunk = self.fifos[largest.0].take_last()?;
        self.messages -= chunk.messages;
        self.resized(largest, before);
        if self.turns.len() > self.waiting + self.waiting / 4 + IDLE_MAX {
            self.forget_turns();
        }
        Some(chunk.messages)
    }

    /// Takes those out of the turns who have nothing to send any more.
    fn forget_turns(&mut self) {
        for place in std::mem::take(&mut self.turns) {
            self.fifos[place.0].has_turns = false;
            self.take_turns(place);
            if self.fifos[place.0].is_empty() {
                self.rest(place);
            }
        }
    }

    /// A channel takes turns from now on, if it may.
    #[inline]
    fn take_turns(&mut self, place: Place) {
        let fifo = &mut self.fifos[place.0];
        if !fifo.has_turns && !fifo.is_held && !fifo.is_empty() {
            fifo.has_turns = true;
            self.turns.push_back(place);
        }
    }

    /// A channel may take another amount of memory than `before`.
    #[inline]
    fn resized(&mut self, place: Place, before: usize) {
        let after = self.fifos[place.0].cost();
        if after == before {
            return;
        }
        self.bytes = self.bytes - before + after;
        self.sizes.change(place.0, before, after);
        if before == 0 {
            self.waiting += 1;
        }
        if after == 0 {
            self.waiting -= 1;
            self.rest(place);
        }
    }

    /// Remembers a channel for a while of which nothing waits.
    fn rest(&mut self, place: Place) {
        let fifo = &mut self.fifos[place.0];
        if !fifo.is_held && !std::mem::replace(&mut fifo.is_idle, true) {
            self.idle.push_back(place);
        }
    }

    /// Forgets channels of which nothing waits, if there are many.
    fn forget_idle(&mut self) {
        while self.idle.len() > IDLE_MAX
            && let Some(place) = self.idle.pop_front()
        {
            let fifo = &mut self.fifos[place.0];
            fifo.is_idle = false;
            if fifo.is_empty() && !fifo.is_held && !fifo.has_turns {
                self.places.remove(&fifo.channel);
                self.fifos.remove(place.0);
                self.last.take_if(|last| *last == place);
            }
        }
    }

    /// Appends frames until `out` holds `bytes`, and at least a part of one turn; `first` is the number of the first
    /// publication. Gives how many there are in them.
    pub(crate) fn write(&mut self, first: u64, out: &mut Vec<u8>, bytes: usize) -> u64 {
        let mut frames = Frames::new(first);
        while let Some(place) = self.turns.pop_front() {
            let fifo = &mut self.fifos[place.0];
            fifo.has_turns = false;
            if fifo.is_held || fifo.is_empty() {
                self.rest(place);
                continue;
            }
            let before = fifo.cost();
            fifo.credit += TURN_BYTES;
            while let Some(mut chunk) = fifo.take_first() {
                frames.append(out, &chunk);
                if chunk.bytes.capacity() <= SPARE_BYTES_MAX {
                    chunk.bytes.clear();
                    self.spare = chunk.bytes;
                }
            }
            self.resized(place, before);
            self.take_turns(place);
            if out.len() >= bytes {
                break;
            }
        }
        let written = frames.close(out);
        self.messages -= written;
        written
    }

    /// What waits, in bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many publications wait.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// Whether nobody takes turns: nothing waits, or all that does is held. Not known before what has been dropped or held
    /// has lost its turn.
    pub(crate) fn is_idle(&self) -> bool {
        self.turns.is_empty()
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages == 0
    }
}
