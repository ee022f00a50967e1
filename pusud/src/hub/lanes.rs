//! The outboxes that something waits for, by lane, and whose turn it is to be flushed.
//!
//! Nothing of sockets or publications: an entry only has to remember in which lanes it stands.
//!
//! **Invariant:** an entry stands at most once in each lane, and in each lane that it was marked in since it was last
//! flushed out of it. So a lane that has been flushed up to its last publication has flushed all of them, whatever was
//! marked for replies behind them.

use crate::hub::outbox::Outbox;
use crate::routing::{LANES, Lane};
use std::collections::VecDeque;
use std::rc::Rc;

/// Entries flushed before other tasks get a turn; at about 3 us a write this is under a millisecond.
const TURN_ENTRIES_MAX: usize = 256;
/// Bytes flushed before other tasks get a turn, which one entry may exceed.
const TURN_BYTES_MAX: usize = 1024 * 1024;
/// Entries of one lane that are flushed before the next lane's.
const LANE_ENTRIES_MAX: usize = 64;

/// What can stand in lanes.
pub(super) trait Marked {
    /// Takes note that it stands in `lane` from now on; false if it does already.
    fn mark(&self, lane: Lane) -> bool;

    /// Whether it goes to the first lane, whatever it was marked for: it is on its way out.
    fn is_urgent(&self) -> bool;
}

impl Marked for Rc<Outbox> {
    #[inline]
    fn mark(&self, lane: Lane) -> bool {
        Outbox::mark(self, lane)
    }

    #[inline]
    fn is_urgent(&self) -> bool {
        self.is_closing()
    }
}

/// One lane's entries, in the order in which they are flushed.
struct List<T> {
    entries: VecDeque<T>,
    /// How many have been flushed since the start.
    flushed: u64,
    /// How many were to be flushed, since the start, when something was last published in the lane.
    published: u64,
}

/// The lanes of one shard.
pub(super) struct Lanes<T> {
    lists: [List<T>; LANES],
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        let list = || List { entries: VecDeque::new(), flushed: 0, published: 0 };
        Self { lists: std::array::from_fn(|_| list()) }
    }
}

impl<T: Marked + Clone> Lanes<T> {
    /// Has `entry` flushed at its lane's next turn.
    #[inline]
    pub(super) fn mark(&mut self, entry: &T, lane: Lane) {
        let lane = if entry.is_urgent() { Lane::FIRST } else { lane };
        if entry.mark(lane) {
            self.lists[lane.index()].entries.push_back(entry.clone());
        }
    }

    /// All listeners of a publication have been marked in this lane.
    pub(super) fn published(&mut self, lane: Lane) {
        let list = &mut self.lists[lane.index()];
        list.published = list.flushed + list.entries.len() as u64;
    }

    /// Whether everything that was published in a lane has been flushed.
    pub(super) fn are_flushed(&self, lane: Lane) -> bool {
        let list = &self.lists[lane.index()];
        list.flushed >= list.published
    }

    /// How many entries of each lane have to be flushed, since the start, for all that was published to be.
    pub(super) fn published_so_far(&self) -> [u64; LANES] {
        self.lists.each_ref().map(|list| list.published)
    }

    /// How many of each lane have been flushed since the start.
    pub(super) fn flushed_so_far(&self) -> [u64; LANES] {
        self.lists.each_ref().map(|list| list.flushed)
    }

    /// Whether nothing waits in any lane.
    pub(super) fn are_empty(&self) -> bool {
        self.lists.iter().all(|list| list.entries.is_empty())
    }

    /// One turn: `flush` gets entries of all lanes in rounds, each with the lane that it stands in no more, and returns
    /// the bytes that it wrote.
    pub(super) fn take_turn(&mut self, mut flush: impl FnMut(T, Lane) -> usize) {
        let (mut entries, mut bytes) = (0, 0);
        while !self.are_empty() {
            for lane in Lane::all() {
                for _ in 0..LANE_ENTRIES_MAX {
                    if entries == TURN_ENTRIES_MAX || bytes >= TURN_BYTES_MAX {
                        return;
                    }
                    let list = &mut self.lists[lane.index()];
                    let Some(entry) = list.entries.pop_front() else { break };
                    list.flushed += 1;
                    bytes += flush(entry, lane);
                    entries += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
