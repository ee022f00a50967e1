//! News of origins that are not linked here: all peers are told, soon and together.

use crate::history::Origin;
use std::collections::BTreeSet;

/// How long news are joined, in milliseconds.
const JOIN_MS: i64 = 30;
/// News at most that wait; further ones are not told, and others learn of them when they ask.
pub(super) const NEWS_MAX: usize = 16_384;

/// The news.
#[derive(Default)]
pub(super) struct News {
    of: BTreeSet<(Box<str>, Origin)>,
    due_ms: i64,
}

impl News {
    pub(super) fn add(&mut self, channel: &str, origin: Origin, now_ms: i64) {
        if self.of.is_empty() {
            self.due_ms = now_ms + JOIN_MS;
        }
        if self.of.len() < NEWS_MAX {
            self.of.insert((channel.into(), origin));
        }
    }

    /// Takes them out if they are due.
    pub(super) fn take(&mut self, now_ms: i64) -> BTreeSet<(Box<str>, Origin)> {
        if self.due_ms <= now_ms { std::mem::take(&mut self.of) } else { BTreeSet::new() }
    }

    pub(super) fn next_due(&self) -> Option<i64> {
        (!self.of.is_empty()).then_some(self.due_ms)
    }
}
