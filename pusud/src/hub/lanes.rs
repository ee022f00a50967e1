//! The outboxes that something waits for, by lane, and whose turn it is to be flushed.
//!
//! Nothing of sockets or publications: an entry only has to remember in which lanes it stands.
//!
//! **Invariant:** an entry stands at most once in each lane, and in each lane that it was marked in since it was last
//! flushed out of it. So an emptied lane has flushed every entry that was marked in it.

use crate::hub::outbox::Outbox;
use crate::routing::lane::{LANES, Lane};
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

/// The lanes of one shard.
pub(super) struct Lanes<T> {
    marked: [VecDeque<T>; LANES],
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { marked: Default::default() }
    }
}

impl<T: Marked + Clone> Lanes<T> {
    /// Has `entry` flushed at its lane's next turn.
    #[inline]
    pub(super) fn mark(&mut self, entry: &T, lane: Lane) {
        let lane = if entry.is_urgent() { Lane::FIRST } else { lane };
        if entry.mark(lane) {
            self.marked[lane.index()].push_back(entry.clone());
        }
    }

    /// Whether nothing waits in a lane.
    pub(super) fn is_empty(&self, lane: Lane) -> bool {
        self.marked[lane.index()].is_empty()
    }

    /// Whether nothing waits in any lane.
    pub(super) fn are_empty(&self) -> bool {
        Lane::all().all(|lane| self.is_empty(lane))
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
                    let Some(entry) = self.marked[lane.index()].pop_front() else { break };
                    bytes += flush(entry, lane);
                    entries += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
