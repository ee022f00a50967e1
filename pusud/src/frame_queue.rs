//! What waits for one client: shared frames in the order in which they leave, and what they cost.
//!
//! No socket, no waiting. Nearly always nothing waits, or one buffer, for which no memory is allocated.

use crate::frame::Frames;
use crate::queued;
use std::collections::VecDeque;

/// What frames that wait behind others count beside their bytes: their place in the queue and what their buffer costs.
/// Without it a queue of two-byte pongs would take thirty times its limit.
const FRAMES_BYTES: usize = 64;

/// The queue. There are as many as listeners, hence the small fields: what waits is far below 4 GiB, since a setting
/// ends at 1 GiB and a message does too.
#[derive(Default)]
pub struct FrameQueue {
    first: Option<Frames>,
    /// `None` where nothing waits behind the first.
    rest: Option<Box<Rest>>,
    /// How much of `first` has left already.
    written: u32,
    /// What is in `first` and `rest`, less `written`.
    bytes: u32,
}

/// What waits behind the first frames. Its places are part of what the shard holds.
#[derive(Default)]
struct Rest(VecDeque<Frames>);

impl Rest {
    fn push(&mut self, frames: Frames) {
        let places = self.0.capacity();
        self.0.push_back(frames);
        queued::hold((self.0.capacity() - places) * size_of::<Frames>());
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        queued::release(self.0.capacity() * size_of::<Frames>());
    }
}

impl FrameQueue {
    /// Adds frames at the end.
    #[inline]
    pub fn push(&mut self, frames: Frames) {
        self.bytes += bytes(&frames);
        if self.first.is_none() {
            self.first = Some(frames);
        } else {
            self.rest.get_or_insert_default().push(frames);
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// What waits, in bytes, with what its places and buffers cost.
    pub fn cost(&self) -> usize {
        self.bytes as usize + self.rest.as_ref().map_or(0, |rest| rest.0.len() * FRAMES_BYTES)
    }

    /// What has to leave first, without what has left of it.
    pub fn front(&self) -> Option<&[u8]> {
        Some(&self.first.as_ref()?[self.written as usize..])
    }

    /// What waits behind it; `None` where nothing does.
    pub fn behind(&self) -> Option<impl Iterator<Item = &Frames>> {
        Some(self.rest.as_ref()?.0.iter())
    }

    /// One client's part of what waits, in bytes, where several share it.
    pub fn part(&self) -> usize {
        let rest = self.rest.iter().flat_map(|rest| &rest.0);
        self.first.iter().chain(rest).map(|frames| frames.part() + size_of::<Frames>()).sum()
    }

    /// So many bytes have left.
    pub fn advance(&mut self, taken: usize) {
        let mut taken = taken as u32;
        if taken == self.bytes {
            // Nearly always, and then there is hardly ever a rest.
            (self.written, self.bytes) = (0, 0);
            self.first = None;
            if self.rest.is_some() {
                self.rest = None;
            }
            return;
        }
        self.bytes -= taken;
        while let Some(first) = &self.first {
            let left = bytes(first) - self.written;
            if taken < left {
                self.written += taken;
                return;
            }
            taken -= left;
            self.written = 0;
            self.first = self.rest.as_mut().and_then(|rest| rest.0.pop_front());
            if self.rest.as_ref().is_some_and(|rest| rest.0.is_empty()) {
                self.rest = None;
            }
        }
    }

    /// Drops every frame that has not begun to leave; returns their bytes.
    pub fn drop_unsent(&mut self) -> usize {
        let before = self.bytes;
        self.rest = None;
        if self.written == 0 {
            self.first = None;
        }
        self.bytes = self.first.as_ref().map_or(0, |first| bytes(first) - self.written);
        (before - self.bytes) as usize
    }
}

fn bytes(frames: &Frames) -> u32 {
    u32::try_from(frames.len()).expect("messages are bounded to 1 GiB, and runs far below that")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_frames_cost_what_they_take() {
        let before = queued::held();
        let mut queue = FrameQueue::default();
        for _ in 0..1000 {
            queue.push(Frames::from(vec![0x8a, 0]));
        }
        let held = queued::held() - before;
        assert!(held <= queue.cost() + 1000, "{held} bytes are held and {} are counted", queue.cost());
        queue.advance(1999);
        assert!(!queue.is_empty() && queue.cost() == 1);
        queue.advance(1);
        assert!(queue.is_empty() && queue.front().is_none());
        assert_eq!(queued::held(), before);
    }

    #[test]
    fn what_has_begun_to_leave_is_not_dropped() {
        let mut queue = FrameQueue::default();
        (0..3).for_each(|_| queue.push(Frames::from(vec![0; 10])));
        queue.advance(4);
        assert_eq!((queue.drop_unsent(), queue.cost()), (20, 6));
        assert_eq!(queue.front().map(<[u8]>::len), Some(6));
        assert!(queue.behind().is_none());
    }

    #[test]
    fn a_part_is_small_where_many_share() {
        let frames = Frames::from(vec![0; 10_000]);
        let queues: Vec<_> = (0..99)
            .map(|_| {
                let mut queue = FrameQueue::default();
                queue.push(frames.clone());
                queue
            })
            .collect();
        assert!(queues[0].part() < 200 && queues[0].cost() == 10_000);
    }
}
