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
    /// An older entry may stand behind a younger one, as where it was missing for a while: none was accepted before this.
    /// `None`: the first one is the oldest.
    unsorted_since_ms: Option<i64>,
}

impl Ring {
    /// Adds the newest.
    pub(super) fn push(&mut self, entry: Entry) {
        let is_sorted = self.entries.back().is_none_or(|last| last.accepted_ms <= entry.accepted_ms);
        self.note_time(is_sorted, entry.accepted_ms);
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
    }

    /// Adds one before all others.
    pub(super) fn prepend(&mut self, entry: Entry) {
        let is_sorted = self.entries.front().is_none_or(|first| entry.accepted_ms <= first.accepted_ms);
        self.note_time(is_sorted, entry.accepted_ms);
        self.bytes += entry.bytes();
        self.entries.push_front(entry);
    }

    /// An entry of this time comes, in order of the times or not.
    fn note_time(&mut self, is_sorted: bool, accepted_ms: i64) {
        let first = self.entries.front().map_or(accepted_ms, |first| first.accepted_ms);
        let oldest = self.unsorted_since_ms.or((!is_sorted).then_some(first));
        self.unsorted_since_ms = oldest.map(|oldest| oldest.min(accepted_ms));
    }

    /// Whether something that was accepted then, or earlier, may stand behind a younger one.
    pub(super) fn may_hide_before(&self, ms: i64) -> bool {
        self.unsorted_since_ms.is_some_and(|oldest| oldest <= ms)
    }

    /// The oldest.
    pub(super) fn first(&self) -> Option<&Entry> {
        self.entries.front()
    }

    /// Takes out the oldest.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.bytes();
        self.let_go_if_empty();
        Some(entry)
    }

    fn let_go_if_empty(&mut self) {
        if self.entries.is_empty() {
            (self.entries, self.unsorted_since_ms) = (VecDeque::new(), None);
        }
    }

    /// Drops those of the origin at this place.
    pub(super) fn drop_origin(&mut self, place: u16) {
        self.retain(|entry| entry.origin != place);
    }

    /// Keeps these alone; returns how many went.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&Entry) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(is_kept);
        self.bytes = self.entries.iter().map(Entry::bytes).sum();
        let is_sorted = self.entries.iter().is_sorted_by_key(|entry| entry.accepted_ms);
        self.unsorted_since_ms = match is_sorted {
            true => None,
            false => self.entries.iter().map(|entry| entry.accepted_ms).min(),
        };
        let dropped = before - self.entries.len();
        self.let_go_if_empty();
        dropped
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
