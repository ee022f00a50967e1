//! Publications that wait for one link: finished frames, bounded in bytes, the newest dropped where there is no room.
//!
//! Each publication that is taken in gets the next number of the pair of relays; what is dropped here gets none.

use crate::mesh::wire::{self, FRAME_BYTES_OVER_CONTENT, HEAD_BYTES};
use std::collections::VecDeque;

/// What may wait for one link, in bytes.
pub(crate) const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A frame takes a further publication only within this many bytes: then it is within what every peer takes.
const FRAME_BYTES: usize = FRAME_BYTES_OVER_CONTENT;

/// The queue.
#[derive(Default)]
pub(crate) struct Queue {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Publications that were dropped since the queue was last found with room.
    dropped_in_a_row: u64,
}

/// What became of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits. The number: how many had been dropped before it, if it is the first one since.
    Taken(Option<u64>),
    /// There was no room. Whether it is the first one.
    Dropped(bool),
}

impl Queue {
    /// Adds a publication with this number behind the others, if there is room.
    pub(crate) fn push(&mut self, number: u64, channel: &str, content: &[u8]) -> Pushed {
        let len = 1 + channel.len() + 4 + content.len();
        // One always fits, whatever the settings say of the size of messages.
        if self.bytes > 0 && self.bytes + len + HEAD_BYTES + 8 > QUEUE_BYTES_MAX {
            self.dropped_in_a_row += 1;
            return Pushed::Dropped(self.dropped_in_a_row == 1);
        }
        let frame = match self.frames.back_mut() {
            Some(frame) if frame.len() + len <= FRAME_BYTES => frame,
            _ => {
                let mut frame = Vec::with_capacity((HEAD_BYTES + 8 + len).max(512));
                wire::begin_publications(&mut frame, number);
                self.bytes += frame.len();
                self.frames.push_back(frame);
                self.frames.back_mut().expect("it was just added")
            }
        };
        make_room(frame, len);
        wire::publication(frame, channel, content);
        self.bytes += len;
        // Half of the room has to be free again, so that a queue at its bound does not fill the log.
        let recovered = self.dropped_in_a_row > 0 && self.bytes < QUEUE_BYTES_MAX / 2;
        Pushed::Taken(recovered.then(|| std::mem::take(&mut self.dropped_in_a_row)))
    }

    /// Moves frames to `out` until it holds `bytes`, or one if it holds more already.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, bytes: usize) {
        while let Some(frame) = self.frames.pop_front() {
            self.bytes -= frame.len();
            let start = out.len();
            out.extend_from_slice(&frame);
            wire::close(out, start);
            if out.len() >= bytes {
                return;
            }
        }
    }

    /// What waits, in bytes. It takes little more memory than that.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

/// Makes room for `len` more bytes: twice as much as there is, as vectors do, but never more than a frame can use.
fn make_room(frame: &mut Vec<u8>, len: usize) {
    if frame.capacity() - frame.len() < len {
        let capacity = (2 * frame.capacity()).clamp(frame.len() + len, FRAME_BYTES.max(frame.len() + len));
        frame.reserve_exact(capacity - frame.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What waits is bounded by its bytes, so it must not take much more memory than them.
    #[test]
    fn a_full_queue_takes_hardly_more_memory_than_its_bytes() {
        for len in [20, 100, 1000, 20_000, 33_000, 40_000, 200_000] {
            let (mut queue, content) = (Queue::default(), vec![b'1'; len]);
            let taken = (1..).take_while(|&number| matches!(queue.push(number, "a", &content), Pushed::Taken(_)));
            assert!(taken.count() >= QUEUE_BYTES_MAX / (len + 1000), "{len}");
            let memory = queue.frames.iter().map(Vec::capacity).sum::<usize>();
            let places = queue.frames.capacity() * size_of::<Vec<u8>>();
            assert!(queue.bytes <= QUEUE_BYTES_MAX, "{len}: {}", queue.bytes);
            assert!(memory + places <= QUEUE_BYTES_MAX + QUEUE_BYTES_MAX / 8, "{len}: {memory} and {places}");
        }
    }
}
