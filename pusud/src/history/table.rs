//! The logs by channel, and which of them go when ever new channels would take more than all logs may.
//!
//! Of large logs the oldest messages go. Where logs have one message each, the longest unused logs go as a whole: when that is
//! looked after, once a second, and when one is made, because 100 000 can be new until then.
//!
//! **Invariant:** `queue` has each log of `by_name` once, and, until the next [`Table::tidy`], some that have ended.

use super::clock::Now;
use super::log::Log;
use super::shared::Shared;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many logs a new one looks at, at the most. It needs two where all are used once, and the others are for those in use.
const LOOKS_MAX: usize = 8;

/// All logs of a relay.
#[derive(Default)]
pub(super) struct Table {
    by_name: HashMap<Box<str>, Arc<Log>>,
    /// Each with the time since which it has waited here, in milliseconds since the relay's start: who was used after that
    /// waits once more.
    queue: VecDeque<(Arc<Log>, i64)>,
    /// How many at least have ended and wait there.
    ended: usize,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn get(&self, channel: &str) -> Option<&Arc<Log>> {
        self.by_name.get(channel)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Log>> {
        self.by_name.values()
    }

    /// The log of a channel; if there is none, the one that is made takes the place of others where that has to be.
    pub(super) fn get_or_make(
        &mut self,
        channel: &str,
        shared: &Shared,
        now: Now,
        make: impl FnOnce() -> Log,
    ) -> Arc<Log> {
        if let Some(log) = self.by_name.get(channel) {
            return log.clone();
        }
        if shared.is_past_bound() {
            self.displace(LOOKS_MAX, shared, now, Shared::is_past_bound);
        }
        let log = Arc::new(make());
        self.by_name.insert(channel.into(), log.clone());
        self.queue.push_back((log.clone(), now.ms));
        log
    }

    /// Ends the longest unused logs that are not much larger than others, as long as `goes_on`; looks at so many at the most.
    pub(super) fn displace(&mut self, looks: usize, shared: &Shared, now: Now, goes_on: impl Fn(&Shared) -> bool) {
        for _ in 0..looks {
            if !goes_on(shared) {
                return;
            }
            let Some((log, waits_since)) = self.queue.pop_front() else { return };
            if log.has_ended() {
                continue;
            }
            let average = shared.bytes() / self.len().max(1);
            if log.displace(2 * average, waits_since, now) {
                self.remove(&log);
            } else {
                self.queue.push_back((log, now.ms));
            }
        }
    }

    /// Ends a log if it is empty, nobody listens here and it was not used since `before_ms`. Returns whether.
    pub(super) fn drop_if_unused(&mut self, log: &Log, before_ms: i64, now: Now) -> bool {
        let is_dropped = log.drop_if_unused(before_ms, now);
        if is_dropped {
            self.remove(log);
        }
        is_dropped
    }

    /// Ends a log in which nothing was ever published, and to which nobody listens.
    pub(super) fn drop_if_blank(&mut self, log: &Log, now: Now) {
        if log.end_if_blank(now) {
            self.remove(log);
            // Those that have ended do not outnumber the others.
            self.ended += 1;
            if self.ended > self.by_name.len() {
                self.tidy();
            }
        }
    }

    /// Takes out this log, and not the one that has taken its place.
    fn remove(&mut self, log: &Log) {
        if self.by_name.get(log.name()).is_some_and(|there| std::ptr::eq(&raw const **there, log)) {
            self.by_name.remove(log.name());
        }
    }

    /// Lets go of logs that have ended.
    pub(super) fn tidy(&mut self) {
        self.ended = 0;
        self.queue.retain(|(log, _)| !log.has_ended());
    }
}
