//! The recent publications of a channel, in the order in which this relay has appended them.

use std::collections::VecDeque;
use std::sync::Arc;

/// What an entry takes beside its content, in bytes: its place, the counts of references, and what the allocator adds.
pub(super) const ENTRY_BYTES: usize = size_of::<Entry>() + 2 * size_of::<usize>() + 16;

const _: () = assert!(ENTRY_BYTES <= 96, "more is too much beside a short content");

/// One publication.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// JSON text.
    pub(super) content: Arc<str>,
    pub(super) number: u64,
    /// When its relay accepted it, in milliseconds since this relay's start.
    pub(super) accepted_ms: i64,
    /// The place of its origin in the log's list.
    pub(super) origin: u16,
}

impl Entry {
    /// What it takes, in bytes.
    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.content.len()
    }
}

/// The entries.
///
/// **Invariant:** those of one origin stand in the order of their numbers, without a hole.
#[derive(Default, Debug)]
pub(super) struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Ring {
    /// Adds the newest.
    pub(super) fn push(&mut self, entry: Entry) {
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
    }

    /// Adds one before all others.
    pub(super) fn prepend(&mut self, entry: Entry) {
        self.bytes += entry.bytes();
        self.entries.push_front(entry);
    }

    /// The oldest.
    pub(super) fn first(&self) -> Option<&Entry> {
        self.entries.front()
    }

    /// Takes out the oldest.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.bytes();
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
        Some(entry)
    }

    /// Drops those of the origin at this place.
    pub(super) fn drop_origin(&mut self, place: u16) {
        self.entries.retain(|entry| entry.origin != place);
        self.bytes = self.entries.iter().map(Entry::bytes).sum();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What they take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// From the oldest to the newest.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter()
    }

    /// The origin at this place stands at another one from here on.
    pub(super) fn move_origin(&mut self, from: u16, to: u16) {
        self.entries.iter_mut().filter(|entry| entry.origin == from).for_each(|entry| entry.origin = to);
    }
}
