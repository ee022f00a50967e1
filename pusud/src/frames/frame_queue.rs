//! The queue of frames that wait for one client, shared with others, in the order in which they leave, and their cost.
//!
//! No socket, no waiting. Nearly always nothing waits, or one buffer, for which no memory is allocated.

mod dropping;

use crate::frames::buffer::{Buffer, Frames};
use crate::frames::queued_memory;
pub use dropping::Dropped;
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
    pub fn push_free(&mut self, mut frames: Frames) {
        let bytes = bytes(&frames);
        frames.is_free = true;
        self.push(frames);
        let free = &mut self.rest.get_or_insert_default().free;
        free.bytes = free.bytes.saturating_add(bytes);
        free.places = free.places.saturating_add(1);
    }

    /// How much waits that does not count, in bytes.
    pub fn free_bytes(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.free.bytes as usize)
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
}

fn bytes(frames: &[u8]) -> u32 {
    u32::try_from(frames.len()).expect("messages are bounded to 1 GiB, and runs far below that")
}

#[cfg(test)]
mod tests;
