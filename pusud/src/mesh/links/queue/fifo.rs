//! The queue of one channel on one link: in order, in chunks that go out whole.
//!
//! Counts memory and not bytes, so that what is bounded is what is taken. Knows no other channels.

use crate::mesh::wire;
use std::collections::VecDeque;
use std::rc::Rc;

/// A chunk takes a further publication only within this many bytes: it is shorter, or one publication.
pub(super) const CHUNK_BYTES: usize = 16 * 1024;
/// What a chunk begins with.
const CHUNK_BYTES_MIN: usize = 256;
/// What a chunk costs beside its buffer: its place in the list, which doubles as it grows.
const CHUNK_COST: usize = 64;
/// What a channel costs beside its chunks: this value, and its places in the tables of the queue.
pub(super) const FIFO_COST: usize = 512;
/// An empty list of more places than this is made anew.
const KEPT_PLACES: usize = 16;

/// Publications that go out together, as they stand in frames.
#[derive(Default)]
pub(super) struct Chunk {
    /// One publication behind the other.
    pub(super) bytes: Vec<u8>,
    /// How many.
    pub(super) messages: u64,
}

impl Chunk {
    /// What it takes, in bytes.
    fn cost(&self) -> usize {
        self.bytes.capacity() + CHUNK_COST
    }
}

/// What waits of one channel.
pub(super) struct Fifo {
    /// Its name.
    pub(super) channel: Rc<str>,
    /// Nothing of it is sent.
    pub(super) is_held: bool,
    /// It is among those that take turns.
    pub(super) has_turns: bool,
    /// It is in the list of those that may be forgotten.
    pub(super) is_idle: bool,
    /// What it may send in its turn, in bytes.
    pub(super) credit: usize,
    full: VecDeque<Chunk>,
    tail: Chunk,
    cost: usize,
}

impl Fifo {
    /// Nothing of this channel waits.
    pub(super) fn new(channel: Rc<str>) -> Self {
        Self {
            channel,
            is_held: false,
            has_turns: false,
            is_idle: false,
            credit: 0,
            full: VecDeque::new(),
            tail: Chunk::default(),
            cost: 0,
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        // The tail is empty only where there is nothing before it.
        self.tail.messages == 0
    }

    /// What it takes, in bytes: nothing where it is empty.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// How many bytes a publication with such a content is in a frame.
    fn len_of(&self, content: &[u8]) -> usize {
        1 + self.channel.len() + 4 + content.len()
    }

    /// What it will take more with this publication.
    #[inline]
    pub(super) fn growth(&self, content: &[u8]) -> usize {
        let len = self.len_of(content);
        if self.is_empty() {
            return FIFO_COST + CHUNK_COST + len.max(CHUNK_BYTES_MIN);
        }
        let (used, capacity) = (self.tail.bytes.len(), self.tail.bytes.capacity());
        match () {
            () if used + len <= capacity && used + len <= CHUNK_BYTES => 0,
            () if used + len <= CHUNK_BYTES => grown(capacity, used + len) - capacity,
            () => CHUNK_COST + len.max(CHUNK_BYTES_MIN),
        }
    }

    /// Adds a publication behind the others. A chunk that begins takes over `spare`.
    #[inline]
    pub(super) fn push(&mut self, content: &[u8], spare: &mut Vec<u8>) {
        let len = self.len_of(content);
        let (used, capacity) = (self.tail.bytes.len(), self.tail.bytes.capacity());
        if self.tail.messages > 0 && used + len <= CHUNK_BYTES {
            if used + len > capacity {
                self.tail.bytes.reserve_exact(grown(capacity, used + len) - used);
                self.cost += self.tail.bytes.capacity() - capacity;
            }
        } else {
            self.begin(len, spare);
        }
        wire::publication(&mut self.tail.bytes, &self.channel, content);
        self.tail.messages += 1;
    }

    /// Begins a chunk in which there is room for so many bytes.
    fn begin(&mut self, len: usize, spare: &mut Vec<u8>) {
        if self.is_empty() {
            self.cost = FIFO_COST;
        } else {
            self.full.push_back(std::mem::take(&mut self.tail));
        }
        self.tail.bytes = std::mem::take(spare);
        if self.tail.bytes.capacity() < len {
            self.tail.bytes = Vec::with_capacity(len.max(CHUNK_BYTES_MIN));
        }
        self.cost += self.tail.cost();
    }

    /// Takes out the oldest chunk, if it is no longer than the credit, which it takes from that.
    pub(super) fn take_first(&mut self) -> Option<Chunk> {
        let first = self.full.front().unwrap_or(&self.tail);
        self.credit = self.credit.checked_sub(first.bytes.len())?;
        let first = self.full.pop_front().or_else(|| self.take_tail())?;
        self.taken(&first);
        Some(first)
    }

    /// Takes out the newest chunk.
    pub(super) fn take_last(&mut self) -> Option<Chunk> {
        let last = self.take_tail()?;
        self.tail = self.full.pop_back().unwrap_or_default();
        self.taken(&last);
        Some(last)
    }

    fn take_tail(&mut self) -> Option<Chunk> {
        (!self.is_empty()).then(|| std::mem::take(&mut self.tail))
    }

    fn taken(&mut self, chunk: &Chunk) {
        self.cost -= chunk.cost();
        if self.is_empty() {
            (self.cost, self.credit) = (0, 0);
            if self.full.capacity() > KEPT_PLACES {
                self.full = VecDeque::new();
            }
        }
    }
}

/// Twice as much as there is, as vectors do, but never more than a chunk can use.
fn grown(capacity: usize, len: usize) -> usize {
    (2 * capacity).clamp(len, CHUNK_BYTES.max(len))
}
