//! The end of entries: the oldest goes where there are too many, and what is too old goes wherever it stands.

use super::{Log, State};
use crate::history::clock::Now;
use crate::history::counts::Counts;
use std::sync::atomic::Ordering;

impl State {
    /// Drops the oldest entry. False: there is none.
    pub(super) fn evict(&mut self) -> bool {
        let Some(entry) = self.ring.pop() else { return false };
        let numbers = &mut self.origins[usize::from(entry.origin)].numbers;
        // Behind a gap the floor is higher.
        numbers.floor = numbers.floor.max(entry.number + 1);
        true
    }

    /// Drops the oldest as long as they are too old: enough for whoever appends.
    pub(super) fn expire_first(&mut self, log: &Log, now: Now) {
        while self.ring.first().is_some_and(|entry| now.ms - entry.accepted_ms >= log.ttl_ms) {
            self.evict();
            Counts::count(&log.shared.counts.expired);
        }
    }

    /// Drops all that is too old. What was missing for a while stands behind younger ones.
    pub(super) fn expire(&mut self, log: &Log, now: Now) {
        self.expire_first(log, now);
        let before_ms = now.ms - log.ttl_ms;
        if !self.ring.may_hide_before(before_ms) {
            return;
        }
        // By origin, up to the last that is too old, so that there is no hole.
        let mut ends = vec![0; self.origins.len()];
        for entry in self.ring.iter().filter(|entry| entry.accepted_ms <= before_ms) {
            let end = &mut ends[usize::from(entry.origin)];
            *end = entry.number.max(*end);
        }
        let expired = self.ring.retain(|entry| entry.number > ends[usize::from(entry.origin)]);
        for (known, end) in self.origins.iter_mut().zip(ends) {
            known.numbers.floor = known.numbers.floor.max(end + 1);
        }
        log.shared.counts.expired.fetch_add(expired as u64, Ordering::Relaxed);
    }
}
