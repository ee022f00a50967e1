//! Acknowledgements of revocations that a peer has told: each is due once the shards have looked whom its entries are about.
//!
//! **Invariant:** acknowledgements leave in the order of what they acknowledge, and a bounded number of them waits.

use super::told::UNACKNOWLEDGED_MAX;
use crate::routing::TakenIn as Outcome;
use std::collections::VecDeque;

/// What has been taken in and is not acknowledged.
#[derive(Default)]
pub(super) struct TakenIn {
    waiting: VecDeque<Acknowledgement>,
    /// How many frames have been taken in.
    last: u64,
}

/// What a peer is told of frames that were taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Acknowledgement {
    /// The peer's own number.
    pub(super) number: u64,
    /// What has become of everything in it.
    pub(super) outcome: Outcome,
    /// So many clients were authorized by what was revoked.
    pub(super) clients: u64,
    /// The frame, by the count of this side, and whether the shards look through their clients for it.
    frame: u64,
    is_open: bool,
}

impl TakenIn {
    /// A frame is being taken in, which the peer calls `number`. Gives what to call it in [`Self::counted`]; `None`: there are
    /// more than a peer may have told.
    pub(super) fn begin(&mut self, number: u64) -> Option<u64> {
        if self.waiting.len() >= UNACKNOWLEDGED_MAX {
            return None;
        }
        self.last += 1;
        let frame = self.last;
        self.waiting.push_back(Acknowledgement { number, outcome: Outcome::Held, clients: 0, frame, is_open: true });
        Some(frame)
    }

    /// What has become of what was taken in last.
    pub(super) fn settle(&mut self, outcome: Outcome) {
        if let Some(last) = self.waiting.back_mut() {
            last.outcome = outcome;
        }
    }

    /// So many clients are authorized by what a frame has revoked.
    pub(super) fn counted(&mut self, frame: u64, clients: u64) {
        let Some(meant) = self.waiting.iter_mut().find(|waiting| waiting.frame == frame) else { return };
        (meant.is_open, meant.clients) = (false, clients);
    }

    /// The next one that can be told.
    pub(super) fn next(&mut self) -> Option<Acknowledgement> {
        self.waiting.front().filter(|first| !first.is_open)?;
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(taken_in: &mut TakenIn) -> Vec<(u64, Outcome, u64)> {
        std::iter::from_fn(|| taken_in.next()).map(|next| (next.number, next.outcome, next.clients)).collect()
    }

    #[test]
    fn they_leave_in_order_each_with_its_own_count() {
        let mut taken_in = TakenIn::default();
        let [first, second, third] = [10, 20, 15].map(|number| taken_in.begin(number).unwrap());
        taken_in.settle(Outcome::NoRoom);
        taken_in.counted(second, 2);
        assert_eq!(told(&mut taken_in), []);
        taken_in.counted(first, 1);
        assert_eq!(told(&mut taken_in), [(10, Outcome::Held, 1), (20, Outcome::Held, 2)]);
        taken_in.counted(third, 3);
        assert_eq!(told(&mut taken_in), [(15, Outcome::NoRoom, 3)]);
    }

    #[test]
    fn past_the_bound_there_is_no_room_until_some_are_told() {
        let mut taken_in = TakenIn::default();
        let frames: Vec<u64> = (0..100).filter_map(|number| taken_in.begin(number)).collect();
        assert_eq!(frames.len(), UNACKNOWLEDGED_MAX);
        taken_in.counted(frames[0], 1);
        assert_eq!(told(&mut taken_in), [(0, Outcome::Held, 1)]);
        assert!(taken_in.begin(100).is_some() && taken_in.begin(101).is_none());
    }
}
