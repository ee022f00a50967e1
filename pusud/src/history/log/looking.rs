//! Looking at a log, for people: its sum, and its newest publications.

use super::Log;
use crate::history::clock::Now;
use crate::history::origin::Origin;
use crate::history::sums::Sum;
use std::sync::Arc;

/// A publication in a log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whose it is.
    pub origin: Origin,
    /// Its number.
    pub number: u64,
    /// How long ago its relay accepted it, in milliseconds.
    pub age_ms: i64,
    /// JSON text.
    pub content: Arc<str>,
}

impl Log {
    /// The place of the rule in the settings that holds for it.
    pub fn rule(&self) -> usize {
        self.rule
    }

    /// What there is of it. What is too old and still there counts, for a second at most.
    pub fn sum(&self, now: Now) -> Sum {
        let state = self.lock();
        let oldest_ms = state.ring.first().map(|entry| now.ms - entry.accepted_ms);
        Sum { logs: 1, entries: state.ring.len(), bytes: state.counted_bytes, oldest_ms }
    }

    /// The newest publications, at most so many, the newest first; nothing is copied of their contents.
    pub fn newest(&self, count: usize, now: Now) -> Vec<Entry> {
        let mut state = self.lock();
        state.expire(self, now);
        let entry = |entry: &super::ring::Entry| Entry {
            origin: state.origins[usize::from(entry.origin)].numbers.origin,
            number: entry.number,
            age_ms: (now.ms - entry.accepted_ms).max(0),
            content: entry.content.clone(),
        };
        state.ring.iter().rev().take(count).map(entry).collect()
    }
}
