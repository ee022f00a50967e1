//! Lanes: channels with few listeners do not wait behind those with many.
//!
//! A publication's lane follows from how many listeners it has in the shard that delivers it. Each lane has its own list
//! of outboxes to flush, its own room for sources, and its own share of every inbox. Knows nothing of either.

/// How many lanes there are.
pub const LANES: usize = 4;
/// The shares of an inbox: one for each lane, and one for what comes over links.
pub const SHARES: usize = LANES + 1;
/// Most listeners of a channel in each lane but the last.
const LISTENERS_MAX: [usize; LANES - 1] = [16, 256, 4096];

/// One of a shard's lanes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Lane(u8);

impl Lane {
    /// The lane of channels with few listeners, and of all that goes to one client alone.
    pub const FIRST: Self = Self(0);

    /// The lane of a channel with so many listeners in a shard.
    #[inline]
    pub fn of(listeners: usize) -> Self {
        Self(LISTENERS_MAX.iter().map(|&most| u8::from(listeners > most)).sum())
    }

    /// All of them, that with the fewest listeners first.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..LANES as u8).map(Self)
    }

    /// They in turn, for ever.
    pub fn in_turn(turn: usize) -> Self {
        Self((turn % LANES) as u8)
    }

    /// Its place among all.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A share of an inbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share(u8);

impl Share {
    /// Of what comes over the links to other relays.
    pub const LINKS: Self = Self(LANES as u8);

    /// Of what a shard publishes in this lane.
    pub fn of(lane: Lane) -> Self {
        Self(lane.index() as u8)
    }

    /// All of them, in their order.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..SHARES as u8).map(Self)
    }

    /// Its place among all.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_go_by_listeners() {
        let lanes = [0, 1, 16, 17, 256, 257, 4096, 4097, usize::MAX].map(|listeners| Lane::of(listeners).index());
        assert_eq!(lanes, [0, 0, 0, 1, 1, 2, 2, 3, 3]);
        assert_eq!(Lane::all().len(), LANES);
    }
}
