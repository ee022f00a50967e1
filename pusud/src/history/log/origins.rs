//! What a log knows of each origin: its numbers, and whether positions name it.

use crate::history::origin::Origin;

/// Numbers of one origin in one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers {
    /// Whose they are.
    pub origin: Origin,
    /// The highest number without a hole: everything up to it was appended here, or told as lost.
    pub seen: u64,
    /// All from here to `seen` are in the ring; `seen + 1`: none.
    pub floor: u64,
    /// The first number that the origin gave in this channel.
    pub base: u64,
}

impl Numbers {
    /// Of an origin that has published nothing, and will begin with `base`.
    pub fn new(origin: Origin, base: u64) -> Self {
        Self { origin, seen: base - 1, floor: base, base }
    }

    /// Whether nothing was ever published.
    pub(super) fn is_empty(&self) -> bool {
        self.seen < self.base
    }

    /// Whether nothing of it is in the ring.
    pub(super) fn has_no_entry(&self) -> bool {
        self.floor > self.seen
    }

    /// Whether something that was published is not in the ring.
    pub(super) fn has_lost(&self) -> bool {
        self.floor > self.base
    }
}

/// Origins that a log knows at most; positions name far fewer.
pub(super) const LOG_ORIGINS_MAX: usize = 512;

/// An origin in one log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) numbers: Numbers,
    /// Positions name it.
    pub(super) is_listed: bool,
    /// Below its floor there may be publications of it in the ring, before a gap.
    pub(super) has_gap: bool,
}

impl Known {
    /// One that has published nothing, and will begin with `base`.
    pub(super) fn new(origin: Origin, base: u64) -> Self {
        Self { numbers: Numbers::new(origin, base), is_listed: true, has_gap: false }
    }

    /// Everything before `next` was appended, is told as lost, or nobody wants it: nothing of it will be here.
    pub(super) fn skip_to(&mut self, next: u64) {
        self.has_gap |= !self.numbers.has_no_entry();
        (self.numbers.seen, self.numbers.floor) = (next - 1, next);
    }
}
