//! One channel's log: the numbers of its publications, and the recent ones.
//!
//! A relay has one log for each channel with history, and all its shards append to it and read it. Its lock is held while
//! a run takes its numbers and is handed to the shards, so that all of them deliver the log's order; never longer.
//!
//! **Invariant:** whatever is appended stands in the inbox of each shard with listeners before the lock is let go.
//! **Invariant:** `seen` of an origin never goes back, and nothing is appended that is not the next number or behind a gap.

mod append;
mod expiry;
mod heal;
mod join;
mod listed;
mod looking;
mod origins;
mod ring;
#[cfg(test)]
mod tests;

pub use append::{Appended, Placed};
pub use heal::Held;
pub use join::{Answer, Joining, Missed, Room, Start};
pub use looking::Entry;
pub use origins::Numbers;

use super::clock::{Now, Times};
use super::counts::Counts;
use super::origin::Origin;
use super::position;
use super::settings::Rule;
use super::shared::Shared;
use super::tag::Tag;
use origins::{Known, LOG_ORIGINS_MAX};
use ring::Ring;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// What a log takes beside its entries and its name, in bytes.
const LOG_BYTES: usize = 400;
/// What one origin takes in it.
const ORIGIN_BYTES: usize = 48;

/// The log of one channel.
pub struct Log {
    name: Box<str>,
    /// The place of its rule in the settings.
    rule: usize,
    size: usize,
    ttl_ms: i64,
    /// Its own, which are those of the relay where no channel keeps publications for longer.
    times: Times,
    tag: Tag,
    shared: Arc<Shared>,
    /// By shard: its items that wait in that shard's inbox, or were set aside there.
    waiting: Box<[AtomicU32]>,
    /// When a number of any origin was the last to change, in milliseconds since the relay's start.
    changed_ms: AtomicI64,
    state: Mutex<State>,
}

struct State {
    origins: Vec<Known>,
    ring: Ring,
    /// The shards with listeners, a bit for each.
    shards: u64,
    /// Positions that were made earlier may miss what was forgotten.
    horizon: Option<position::Minute>,
    /// Of what was accepted earlier nobody who listens here has to hear.
    begins_ms: i64,
    /// What it takes, as it is counted in the sum.
    counted_bytes: usize,
    /// When it was last published to, joined or left, in milliseconds since the relay's start.
    used_ms: i64,
    unlisting_ms: i64,
    /// It is in the table no more.
    is_dropped: bool,
}

impl Log {
    /// That of a channel for which the rule at this place in the settings holds.
    pub(super) fn new(name: &str, place: usize, rule: &Rule, shared: Arc<Shared>, now: Now) -> Self {
        let (size, ttl_ms) = (rule.size as usize, i64::try_from(rule.ttl.as_millis()).unwrap_or(i64::MAX));
        let waiting = (0..shared.shards).map(|_| AtomicU32::new(0)).collect();
        let base = shared.base();
        // No later than the horizon.
        let begins_ms = shared.forgotten_ms();
        let own = Times::of_ttl(rule.ttl).retention_ms;
        let times = Times { retention_ms: own.min(shared.times.retention_ms), ..shared.times };
        let mut state = State {
            origins: vec![Known::new(shared.own, base)],
            ring: Ring::default(),
            shards: 0,
            horizon: shared.horizon(),
            begins_ms,
            counted_bytes: 0,
            used_ms: now.ms,
            unlisting_ms: now.ms,
            is_dropped: false,
        };
        state.count(name, &shared);
        let changed_ms = AtomicI64::new(now.ms);
        Self {
            name: name.into(),
            rule: place,
            size,
            ttl_ms,
            times,
            tag: Tag::of(name),
            shared,
            waiting,
            changed_ms,
            state: Mutex::new(state),
        }
    }

    /// The channel.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The numbers of all its origins.
    pub fn numbers(&self) -> Vec<Numbers> {
        self.lock().origins.iter().map(|known| known.numbers).collect()
    }

    /// Those of one origin.
    pub fn numbers_of(&self, origin: Origin) -> Option<Numbers> {
        let state = self.lock();
        state.place(origin).map(|place| state.origins[place].numbers)
    }

    /// Whether numbers have changed at this time, in milliseconds since the relay's start, or later.
    pub fn has_changed_since(&self, ms: i64) -> bool {
        self.changed_ms.load(Ordering::Acquire) >= ms
    }

    /// Whether this origin is known, or there is room for one more.
    pub fn takes(&self, origin: Origin) -> bool {
        let state = self.lock();
        state.origins.len() < LOG_ORIGINS_MAX || state.place(origin).is_some()
    }

    /// Whether positions name an origin no more that they do not name: it ended long ago, and is not only unknown here.
    pub fn has_unlisted(&self, origin: Origin, now: Now) -> bool {
        self.shared.boots.ended(origin).is_some_and(|ended| now.ms - ended >= self.times.retention_ms)
    }

    /// What it takes, in bytes, as it was counted last.
    pub(super) fn bytes(&self) -> usize {
        self.lock().counted_bytes
    }

    /// Whether something of it waits in the inbox of a shard, or was set aside there.
    pub fn is_behind(&self, shard: usize) -> bool {
        self.waiting[shard].load(Ordering::Acquire) > 0
    }

    /// What was handed over to a shard of this log is delivered, or nobody's any more.
    pub fn delivered(&self, shard: usize) {
        self.waiting[shard].fetch_sub(1, Ordering::Release);
    }

    /// The last listener of a shard has gone. True: nothing was ever published here, and nobody listens.
    pub(super) fn leave(&self, shard: usize, now: Now) -> bool {
        let mut state = self.lock();
        state.shards &= !(1 << shard);
        state.used_ms = now.ms;
        state.is_blank() && !state.is_in_use(self)
    }

    /// Ends the log, if nothing was ever published here and nobody listens.
    pub(super) fn end_if_blank(&self, now: Now) -> bool {
        let mut state = self.lock();
        let ends = !state.is_dropped && state.is_blank() && !state.is_in_use(self);
        if ends {
            state.end(self, now);
        }
        ends
    }

    /// Drops what is past its time to live, and then the oldest until at most so many bytes are left of it, or one entry.
    pub(super) fn shrink(&self, bytes: usize, now: Now) {
        let mut state = self.lock();
        if state.is_dropped {
            return;
        }
        state.expire(self, now);
        while state.bytes(&self.name) > bytes && state.ring.len() > 1 && state.evict() {
            Counts::count(&self.shared.counts.evicted);
        }
        state.count(&self.name, &self.shared);
    }

    /// Ends the log, if it is empty, nobody listens here and it was not used since `before_ms`.
    pub(super) fn drop_if_unused(&self, before_ms: i64, now: Now) -> bool {
        let mut state = self.lock();
        if state.is_dropped {
            return false;
        }
        state.expire(self, now);
        let is_dropped = state.ring.len() == 0 && state.used_ms <= before_ms && !state.is_in_use(self);
        if is_dropped {
            state.end(self, now);
        }
        is_dropped
    }

    /// Ends the log with what is in it, if that is one entry or at most so many bytes, nobody listens here and it was not used
    /// since `before_ms`.
    pub(super) fn displace(&self, bytes_max: usize, before_ms: i64, now: Now) -> bool {
        let mut state = self.lock();
        let is_small = state.ring.len() <= 1 || state.counted_bytes <= bytes_max;
        if state.is_dropped || !is_small || state.used_ms > before_ms || state.is_in_use(self) {
            return false;
        }
        while state.evict() {
            Counts::count(&self.shared.counts.evicted);
        }
        self.shared.displace(now);
        state.end(self, now);
        true
    }

    /// Whether it is in the table no more.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().is_dropped
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds a log")
    }
}

impl State {
    fn place(&self, origin: Origin) -> Option<usize> {
        self.origins.iter().position(|known| known.numbers.origin == origin)
    }

    /// The place of an origin, which is taken in if it is new.
    fn place_or_new(&mut self, origin: Origin, base: u64) -> usize {
        self.place(origin).unwrap_or_else(|| {
            self.origins.push(Known::new(origin, base));
            self.origins.len() - 1
        })
    }

    /// Whether somebody listens here, or will be told what waits.
    fn is_in_use(&self, log: &Log) -> bool {
        self.shards != 0 || log.waiting.iter().any(|waiting| waiting.load(Ordering::Acquire) > 0)
    }

    /// Whether nothing was ever published here: nobody misses such a log, and it is no history.
    fn is_blank(&self) -> bool {
        self.ring.len() == 0 && self.origins.iter().all(|known| known.numbers.is_empty())
    }

    fn end(&mut self, log: &Log, now: Now) {
        self.is_dropped = true;
        if self.is_blank() {
            return;
        }
        let shared = &log.shared;
        // Those that come without numbers have some of this relay, too.
        let own = self.origins.iter().map(|known| known.numbers).filter(|numbers| shared.is_own(numbers.origin));
        let changed_ms = log.changed_ms.load(Ordering::Acquire);
        let seen = own.map(|numbers| numbers.seen).max().unwrap_or(0);
        shared.forget(seen, self.used_ms, changed_ms, now);
        shared.release(std::mem::take(&mut self.counted_bytes));
    }

    fn bytes(&self, name: &str) -> usize {
        if self.is_blank() {
            return 0;
        }
        LOG_BYTES + 2 * name.len() + ORIGIN_BYTES * self.origins.len() + self.ring.bytes()
    }

    /// Counts what it takes in the sum of all logs.
    fn count(&mut self, name: &str, shared: &Shared) {
        let bytes = self.bytes(name);
        shared.recount(std::mem::replace(&mut self.counted_bytes, bytes), bytes);
    }
}
