//! Counts of what happens to logs, since the relay's start.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters.
#[derive(Default, Debug)]
pub struct Counts {
    /// Publications appended, of whatever origin.
    pub appended: AtomicU64,
    /// Entries dropped because their channel has newer ones, as many as it may.
    pub displaced: AtomicU64,
    /// Entries dropped because history holds too many bytes.
    pub evicted: AtomicU64,
    /// Entries dropped because they were too old.
    pub expired: AtomicU64,
    /// Listeners that came back and missed nothing more.
    pub recovered: AtomicU64,
    /// Publications that they were sent.
    pub replayed: AtomicU64,
    /// Listeners that came back and were told that something is lost.
    pub not_recovered: AtomicU64,
    /// Gaps that were told.
    pub gaps: AtomicU64,
    /// Publications that were missing, and fetched from another relay.
    pub fetched: AtomicU64,
    /// Publications that came when they had been told as lost, or a second time.
    pub late: AtomicU64,
    /// Logs that were forgotten because nobody used them.
    pub forgotten: AtomicU64,
}

impl Counts {
    /// One more.
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
