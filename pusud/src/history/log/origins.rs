//! Origins as a log knows them: their numbers, and whether positions name them.

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
    pub fn has_no_entry(&self) -> bool {
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
    /// The numbers that it has left out, from the last one before them on: it had forgotten the channel.
    left_out: Option<(u64, u64)>,
    /// When something of it was the last to be appended here, or told as lost, in milliseconds since the relay's start.
    pub(super) changed_ms: i64,
}

impl Known {
    /// One that has published nothing, and will begin with `base`.
    pub(super) fn new(origin: Origin, base: u64) -> Self {
        Self {
            numbers: Numbers::new(origin, base),
            is_listed: true,
            has_gap: false,
            left_out: None,
            changed_ms: i64::MIN / 2,
        }
    }

    /// The origin itself goes on with this number: it has forgotten those before, and left some out. Who has seen the last one
    /// before them has lost nothing.
    pub(super) fn go_on_at(&mut self, base: u64) {
        if self.numbers.is_empty() {
            self.numbers.base = base;
        } else {
            let from = match self.left_out {
                Some((from, to)) if to == self.numbers.seen => from,
                _ => self.numbers.seen,
            };
            self.left_out = Some((from, base - 1));
        }
        self.skip_to(base);
    }

    /// The number up to which whoever has seen this one has seen all that there was.
    pub(super) fn seen_with(&self, number: u64) -> u64 {
        match self.left_out {
            Some((from, to)) if (from..to).contains(&number) => to,
            _ => number,
        }
    }

    /// Everything before `next` was appended, is told as lost, or nobody wants it: nothing of it will be here.
    pub(super) fn skip_to(&mut self, next: u64) {
        self.has_gap |= !self.numbers.has_no_entry();
        (self.numbers.seen, self.numbers.floor) = (next - 1, next);
    }
}
