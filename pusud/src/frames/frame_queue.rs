//! The queue of frames that wait for one client, shared with others, in the order in which they leave, and their cost.
//!
//! No socket, no waiting. Nearly always nothing waits, or one buffer, for which no memory is allocated.

use crate::frames::buffer::{Buffer, Frames};
use crate::frames::mark::{self, Mark};
use crate::frames::queued_memory;
use std::collections::VecDeque;

/// What frames that wait behind others count beside their bytes: their place in the queue and what their buffer costs.
/// Without it a queue of two-byte pongs would take thirty times its limit.
const FRAMES_BYTES: usize = 64;

/// The queue. There are as many as listeners, hence the small fields: what waits is far below 4 GiB, since a setting
/// ends at 1 GiB and a message does too.
#[derive(Default)]
pub struct FrameQueue {
    /// Of how many publications it is can be found out by its bytes, and would be one more field.
    first: Option<Buffer>,
    /// `None` where nothing waits behind the first.
    rest: Option<Box<Rest>>,
    /// How much of `first` has left already.
    written: u32,
    /// What is in `first` and `rest`, less `written`.
    bytes: u32,
}

/// What was dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Publications.
    pub messages: u64,
    /// Bytes of everything.
    pub bytes: usize,
}

impl Dropped {
    /// This and these frames too.
    pub fn and(self, frames: &Frames) -> Self {
        Self { messages: self.messages + frames.messages(), bytes: self.bytes + frames.len() }
    }
}

/// What waits behind the first frames. Its places are part of what the shard holds.
#[derive(Default)]
struct Rest {
    frames: VecDeque<Frames>,
    /// So many bytes of everything, and so many places, do not count.
    free: Free,
}

/// What does not count of a queue. It leaves first, as it is reckoned.
#[derive(Default)]
struct Free {
    bytes: u32,
    places: u32,
}

impl Rest {
    fn into_iter(mut self) -> impl Iterator<Item = Frames> {
        queued_memory::release(self.frames.capacity() * size_of::<Frames>());
        std::mem::take(&mut self.frames).into_iter()
    }

    fn push(&mut self, frames: Frames) {
        let places = self.frames.capacity();
        self.frames.push_back(frames);
        queued_memory::hold((self.frames.capacity() - places) * size_of::<Frames>());
    }
}

impl Rest {
    fn pop(&mut self) -> Option<Frames> {
        self.free.places = self.free.places.saturating_sub(1);
        self.frames.pop_front()
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        queued_memory::release(self.frames.capacity() * size_of::<Frames>());
    }
}

impl FrameQueue {
    /// Adds frames at the end.
    #[inline]
    pub fn push(&mut self, frames: Frames) {
        self.bytes += bytes(&frames);
        if self.first.is_none() {
            self.first = Some(frames.buffer);
        } else {
            self.rest.get_or_insert_default().push(frames);
        }
    }

    /// Adds frames at the end that do not count in the [cost](Self::cost).
    pub fn push_free(&mut self, frames: Frames) {
        let bytes = bytes(&frames);
        self.push(frames);
        let free = &mut self.rest.get_or_insert_default().free;
        free.bytes = free.bytes.saturating_add(bytes);
        free.places = free.places.saturating_add(1);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// What waits, in bytes, with what its places and buffers cost.
    pub fn cost(&self) -> usize {
        let Some(rest) = &self.rest else { return self.bytes as usize };
        let places = rest.frames.len() - (rest.free.places as usize).min(rest.frames.len());
        (self.bytes - rest.free.bytes.min(self.bytes)) as usize + places * FRAMES_BYTES
    }

    /// What has to leave first, without what has left of it.
    pub fn front(&self) -> Option<&[u8]> {
        Some(&self.first.as_ref()?[self.written as usize..])
    }

    /// What waits behind it; `None` where nothing does.
    pub fn behind(&self) -> Option<impl Iterator<Item = &Frames>> {
        Some(self.rest.as_ref()?.frames.iter())
    }

    /// One client's part of what waits, in bytes, where several share it.
    pub fn part(&self) -> usize {
        let rest = self.rest.iter().flat_map(|rest| &rest.frames).map(|frames| &frames.buffer);
        self.first.iter().chain(rest).map(|buffer| buffer.part() + size_of::<Frames>()).sum()
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
        if let Some(rest) = &mut self.rest {
            rest.free.bytes = rest.free.bytes.saturating_sub(taken);
        }
        while let Some(first) = &self.first {
            let left = bytes(first) - self.written;
            if taken < left {
                self.written += taken;
                return;
            }
            taken -= left;
            self.written = 0;
            self.first = self.rest.as_mut().and_then(|rest| rest.pop()).map(|frames| frames.buffer);
            if self.rest.as_ref().is_some_and(|rest| rest.frames.is_empty() && rest.free.bytes == 0) {
                self.rest = None;
            }
        }
    }

    /// What is left of frames that have begun to leave, with the messages that have not left wholly.
    pub fn half_sent(&self) -> Dropped {
        let Some(first) = self.first.as_ref().filter(|_| self.written > 0) else { return Dropped::default() };
        let written = self.written as usize;
        Dropped { messages: mark::count_publications_behind(first, written), bytes: first.len() - written }
    }

    /// Drops the publications and gaps that carry a mark and have not begun to leave; returns their bytes.
    pub fn drop_marked(&mut self, mark: &Mark) -> usize {
        let before = self.bytes;
        let mut free = self.rest.as_mut().map(|rest| std::mem::take(&mut rest.free)).unwrap_or_default();
        let all: Vec<Frames> = self
            .first
            .take()
            .map(Frames::from)
            .into_iter()
            .chain(self.rest.take().into_iter().flat_map(|rest| rest.into_iter()))
            .collect();
        let written = std::mem::take(&mut self.written) as usize;
        self.bytes = 0;
        for (at, frames) in all.into_iter().enumerate() {
            let begun = if at == 0 { written } else { 0 };
            if !mark.is_on(&frames) {
                self.push(frames);
            } else if begun > 0 {
                self.push(Frames::from(&frames[..mark::end_of_frame(&frames, begun)]));
            } else {
                free.places = free.places.saturating_sub(1);
            }
        }
        if self.first.is_some() {
            self.written = written as u32;
            self.bytes -= self.written;
        }
        // What is left of what did not count does not yet: it is reckoned as that which goes first.
        free.bytes = free.bytes.saturating_sub(before - self.bytes);
        if free.bytes > 0 {
            self.rest.get_or_insert_default().free = free;
        }
        (before - self.bytes) as usize
    }

    /// Drops everything but frames of which some have left.
    pub fn drop_unsent(&mut self) -> Dropped {
        let before = self.bytes;
        let mut messages: u64 = self.rest.iter().flat_map(|rest| &rest.frames).map(Frames::messages).sum();
        self.rest = None;
        if self.written == 0 {
            messages += self.first.take().map_or(0, |first| mark::count_publications(&first));
        }
        self.bytes = self.first.as_ref().map_or(0, |first| bytes(first) - self.written);
        Dropped { messages, bytes: (before - self.bytes) as usize }
    }
}

fn bytes(frames: &[u8]) -> u32 {
    u32::try_from(frames.len()).expect("messages are bounded to 1 GiB, and runs far below that")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::{frame, publication};

    #[test]
    fn many_small_frames_cost_what_they_take() {
        let before = queued_memory::held();
        let mut queue = FrameQueue::default();
        for _ in 0..1000 {
            queue.push(Frames::from(vec![0x8a, 0]));
        }
        let held = queued_memory::held() - before;
        assert!(held <= queue.cost() + 1000, "{held} bytes are held and {} are counted", queue.cost());
        queue.advance(1999);
        assert!(!queue.is_empty() && queue.cost() == 1);
        queue.advance(1);
        assert!(queue.is_empty() && queue.front().is_none());
        assert_eq!(queued_memory::held(), before);
    }

    #[test]
    fn what_has_begun_to_leave_is_not_dropped() {
        let mut queue = FrameQueue::default();
        (0..3).for_each(|_| queue.push(Frames::from(vec![0; 10]).of_messages(2)));
        queue.advance(4);
        assert_eq!((queue.drop_unsent(), queue.cost()), (Dropped { messages: 4, bytes: 20 }, 6));
        assert_eq!(queue.front().map(<[u8]>::len), Some(6));
        assert!(queue.behind().is_none());
    }

    #[test]
    fn a_short_answer_of_which_half_has_left_is_no_publication() {
        // It was taken for a frame of a WebSocket once, which ends behind the bytes that there are.
        for bytes in [&b":\n\n"[..], b"event: a\ndata: 1\n\n", b"HTTP/1.1 204 No Content\r\n\r\n", b"\n\n\x81\x7f"] {
            let mut queue = FrameQueue::default();
            queue.push(Frames::from(bytes));
            queue.advance(1);
            assert_eq!(queue.half_sent(), Dropped { messages: 0, bytes: bytes.len() - 1 });
        }
    }

    #[test]
    fn publications_of_a_channel_are_dropped_but_for_what_has_begun_to_leave() {
        let before = queued_memory::held();
        let run = |channel, contents: &[&str]| {
            let mut out = Vec::new();
            contents.iter().for_each(|content| publication::push_publish(&mut out, channel, content));
            Frames::from(out)
        };
        let all = [run("a", &["1", "22", "333"]), run("b", &["4"]), run("a", &["5"]), frame::ping()];
        let first = mark::end_of_frame(&all[0], 1);
        for (written, kept) in [
            (0, [&all[1][..], &all[3]].concat()),
            (first, [&all[1][..], &all[3]].concat()),
            (first + 3, [&all[0][first + 3..mark::end_of_frame(&all[0], first + 3)], &all[1], &all[3]].concat()),
        ] {
            let mut queue = FrameQueue::default();
            all.iter().for_each(|frames| queue.push(frames.clone()));
            queue.advance(written);
            let bytes: usize = all.iter().map(|frames| frames.len()).sum();
            assert_eq!(queue.drop_marked(&Mark::of(Some("a"))), bytes - written - kept.len());
            let mut left = queue.front().unwrap().to_vec();
            queue.behind().into_iter().flatten().for_each(|frames| left.extend_from_slice(frames));
            assert_eq!(left, kept, "{written}");
            assert_eq!(queue.bytes as usize, kept.len());
            queue.advance(kept.len());
            assert!(queue.is_empty());
        }
        drop(all);
        assert_eq!(queued_memory::held(), before);
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
