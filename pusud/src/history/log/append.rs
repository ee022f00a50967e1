//! Appending: numbers, ring and frames of what was published, in one step with handing it over.

use super::ring::Entry;
use super::{Log, State};
use crate::frames;
use crate::history::clock::Now;
use crate::history::counts::Counts;
use crate::history::origin::Origin;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Publications that were appended in one go: their numbers follow one another. Or a gap.
#[derive(Clone)]
pub struct Appended {
    /// Where.
    pub log: Arc<Log>,
    /// Whose they are.
    pub origin: Origin,
    /// The first number that the origin gave in this channel.
    pub base: u64,
    /// The number of the first; of a gap, that behind the last one that is lost.
    pub first: u64,
    /// How many; 0: it is a gap.
    pub count: u64,
}

impl PartialEq for Appended {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |appended: &Self| (appended.origin, appended.base, appended.first, appended.count);
        Arc::ptr_eq(&self.log, &other.log) && numbers(self) == numbers(other)
    }
}

impl Eq for Appended {}

impl fmt::Debug for Appended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, origin, first, count, .. } = self;
        write!(f, "{} of {origin:?} from {first} on in {:?}", count, log.name())
    }
}

/// What the appending shard has to do with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placed {
    /// Deliver it to its own listeners, now.
    Here,
    /// Nothing: it stands in the shard's own inbox, or has no listeners here.
    Elsewhere,
    /// Nothing was appended: the log has been forgotten meanwhile. A new one has to be asked for.
    Dropped,
}

impl Log {
    /// Appends what a shard has accepted: `contents` are JSON texts. Their frames are added to `frames`. `hand_over` is called
    /// under the lock, with the frames and the shards to which it must hand them over, a bit for each.
    pub fn publish<'a>(
        self: &Arc<Self>,
        shard: usize,
        contents: impl Iterator<Item = &'a str>,
        now: Now,
        frames: &mut Vec<u8>,
        hand_over: impl FnOnce(&[u8], Appended, u64),
    ) -> Placed {
        let mut state = self.lock();
        if state.is_dropped {
            return Placed::Dropped;
        }
        state.make_ready(self, now);
        let own = self.shared.own;
        let base = self.shared.base();
        let place = state.place_or_new(own, base);
        let first = state.origins[place].numbers.seen + 1;
        let entries = contents.map(|content| (content.into(), now.ms));
        let count = state.append(self, place, entries, now, frames);
        let base = state.origins[place].numbers.base;
        let appended = Appended { log: self.clone(), origin: own, base, first, count };
        let bit = 1 << shard;
        let is_behind = self.is_behind(shard);
        let shards = if is_behind { state.shards } else { state.shards & !bit };
        self.wait_in(shards);
        hand_over(frames, appended, shards);
        if state.shards & bit != 0 && !is_behind { Placed::Here } else { Placed::Elsewhere }
    }

    /// So many of its items are on their way to these shards.
    pub(super) fn wait_in(&self, shards: u64) {
        for (shard, waiting) in self.waiting.iter().enumerate() {
            if shards & 1 << shard != 0 {
                waiting.fetch_add(1, Ordering::AcqRel);
            }
        }
    }
}

impl State {
    /// The log is about to be appended to. Places of origins may change.
    pub(super) fn make_ready(&mut self, log: &Log, now: Now) {
        self.used_ms = now.ms;
        self.expire_first(log, now);
        self.unlist(log, now);
    }

    /// Appends publications of one origin, each with its time of acceptance, behind the last one; returns how many.
    pub(super) fn append(
        &mut self,
        log: &Log,
        place: usize,
        entries: impl Iterator<Item = (Arc<str>, i64)>,
        now: Now,
        frames: &mut Vec<u8>,
    ) -> u64 {
        let mut position = String::with_capacity(64);
        let (mut count, mut displaced) = (0, 0);
        let origin = u16::try_from(place).expect("origins are bounded far below");
        self.origins[place].is_listed = true;
        self.origins[place].changed_ms = now.ms;
        for (content, accepted_ms) in entries {
            let numbers = &mut self.origins[place].numbers;
            numbers.seen += 1;
            let number = numbers.seen;
            position.clear();
            self.push_position(&mut position, log, now);
            frames::push_publish_at(frames, &log.name, &position, &content);
            self.ring.push(Entry { content, number, accepted_ms, origin });
            if self.ring.len() > log.size {
                self.evict();
                displaced += 1;
            }
            count += 1;
        }
        log.changed_ms.store(now.ms, Ordering::Release);
        let counts = &log.shared.counts;
        counts.appended.fetch_add(count, Ordering::Relaxed);
        if displaced > 0 {
            counts.displaced.fetch_add(displaced, Ordering::Relaxed);
        }
        self.count(&log.name, &log.shared);
        if log.shared.is_past_bound() {
            self.evict_own_share(log);
        }
        count
    }

    /// Frees as much as was added last, at the least: those who look after the sum are not fast enough.
    fn evict_own_share(&mut self, log: &Log) {
        while log.shared.is_past_bound() && self.ring.len() > 1 && self.evict() {
            Counts::count(&log.shared.counts.evicted);
            self.count(&log.name, &log.shared);
        }
    }
}
