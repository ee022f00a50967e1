//! Dropping what waits in a queue: publications that their client may not have any more, or everything.
//!
//! **Invariant:** a frame of which some has left is never dropped; nothing could follow half a frame.

use super::{FrameQueue, bytes};
use crate::frames::buffer::Frames;
use crate::frames::mark::{self, Mark};

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

impl FrameQueue {
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
