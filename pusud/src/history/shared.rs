//! The part that all logs of a relay have in common: the sum of their bytes, what was forgotten, and the starts of relays that are known.

use super::boots::Boots;
use super::clock::{Now, Times};
use super::counts::Counts;
use super::origin::Origin;
use super::position::Minute;
use super::safeguard::Safeguard;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// What all logs of a relay share.
pub(super) struct Shared {
    pub(super) own: Origin,
    /// There are no other relays.
    pub(super) is_alone: bool,
    pub(super) shards: usize,
    pub(super) times: Times,
    pub(super) boots: Boots,
    pub(super) counts: Counts,
    pub(super) bytes_max: usize,
    bytes: AtomicUsize,
    /// The highest number of the relay's own that was forgotten with a log.
    forgotten: AtomicU64,
    /// The minute in which that of the forgotten logs was last used that was used last, and one more; 0: none was.
    horizon: AtomicU32,
    /// When that was, in milliseconds since the relay's start.
    forgotten_ms: AtomicI64,
    /// When a log went last because there was too much of all, in milliseconds since the relay's start.
    displaced_ms: AtomicI64,
    /// The last change of numbers that went with a log.
    forgotten_change_ms: AtomicI64,
    /// What a test does without.
    #[cfg(test)]
    left_out: Option<Safeguard>,
}

impl Shared {
    pub(super) fn new(own: Origin, shards: usize, bytes_max: usize, times: Times) -> Self {
        Self {
            own,
            is_alone: false,
            shards,
            times,
            boots: Boots::new(own, times),
            counts: Counts::default(),
            bytes_max,
            bytes: AtomicUsize::new(0),
            forgotten: AtomicU64::new(0),
            horizon: AtomicU32::new(0),
            forgotten_ms: AtomicI64::new(i64::MIN),
            displaced_ms: AtomicI64::new(i64::MIN),
            forgotten_change_ms: AtomicI64::new(i64::MIN),
            #[cfg(test)]
            left_out: None,
        }
    }

    /// A rule does not hold.
    #[cfg(test)]
    pub(super) fn leave_out(&mut self, safeguard: Option<Safeguard>) {
        self.left_out = safeguard;
    }

    /// Whether a rule holds.
    #[cfg(test)]
    pub(super) fn holds(&self, safeguard: Safeguard) -> bool {
        self.left_out != Some(safeguard)
    }

    /// Whether a rule holds: all do.
    #[cfg(not(test))]
    pub(super) fn holds(&self, _safeguard: Safeguard) -> bool {
        true
    }

    /// The first number of the relay's own in a new log: neither this one nor that before it was ever used, in whatever
    /// channel.
    pub(super) fn base(&self) -> u64 {
        match self.horizon() {
            None => 1,
            Some(_) => self.forgotten.load(Ordering::Acquire) + 2,
        }
    }

    pub(super) fn horizon(&self) -> Option<Minute> {
        self.horizon.load(Ordering::Acquire).checked_sub(1)
    }

    /// A log is forgotten in which the relay's own publications had numbers up to this one, which was last used at one time, and
    /// whose numbers were the last to change at another one.
    pub(super) fn forget(&self, seen: u64, used_ms: i64, changed_ms: i64, now: Now) {
        self.forgotten.fetch_max(seen, Ordering::AcqRel);
        // Whoever came later has missed nothing of it.
        self.horizon.fetch_max(now.minute_at(used_ms, self.times) + 1, Ordering::AcqRel);
        self.forgotten_ms.fetch_max(used_ms, Ordering::AcqRel);
        self.forgotten_change_ms.fetch_max(changed_ms, Ordering::AcqRel);
        Counts::count(&self.counts.forgotten);
    }

    /// When that log was last used, in milliseconds since the relay's start.
    pub(super) fn forgotten_ms(&self) -> i64 {
        self.forgotten_ms.load(Ordering::Acquire)
    }

    /// A log goes because there is too much of all.
    pub(super) fn displace(&self, now: Now) {
        self.displaced_ms.fetch_max(now.ms, Ordering::AcqRel);
    }

    /// Whether numbers were forgotten that have changed since then.
    pub(super) fn has_forgotten_changes_since(&self, ms: i64) -> bool {
        let changed_ms = self.forgotten_change_ms.load(Ordering::Acquire);
        changed_ms > i64::MIN && changed_ms >= ms
    }

    /// Another relay has forgotten a log in this minute: positions that are older may be of that one, too.
    pub(super) fn forgotten_elsewhere(&self, minute: Minute) {
        self.horizon.fetch_max(minute + 1, Ordering::AcqRel);
    }

    /// Whether one went for that reason not longer ago than this.
    pub(super) fn has_displaced(&self, ago_ms: i64, now: Now) -> bool {
        self.displaced_ms.load(Ordering::Acquire) > now.ms.saturating_sub(ago_ms)
    }

    /// Whether nobody else numbers publications of this origin.
    pub(super) fn is_own(&self, origin: Origin) -> bool {
        origin == self.own || origin == self.own.unnumbered()
    }

    pub(super) fn recount(&self, before: usize, after: usize) {
        self.bytes.fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
    }

    pub(super) fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// What all logs take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether logs take more than they may.
    pub(super) fn is_past_bound(&self) -> bool {
        self.bytes() > self.bytes_max
    }

    /// Whether logs take so much that some of it has to go soon.
    pub(super) fn is_tight(&self) -> bool {
        self.bytes() > self.bytes_max / 8 * 7
    }
}
