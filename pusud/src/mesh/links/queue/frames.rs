//! The PUBLICATIONS frames that chunks of several channels go out in, with their numbers. Knows neither turns nor bounds.

use super::fifo::Chunk;
use crate::mesh::wire::{self, FRAME_BYTES_OVER_CONTENT};
use crate::peers;

/// A frame takes further publications only within this many bytes: then it is within what every peer takes.
pub(super) const FRAME_BYTES: usize = FRAME_BYTES_OVER_CONTENT;

/// Frames that are being written to the end of a buffer.
pub(super) struct Frames {
    /// Where the frame begins that is open.
    open: Option<usize>,
    /// The number of the first publication.
    first: u64,
    messages: u64,
}

impl Frames {
    /// None yet; the first publication will have the number `first`.
    pub(super) fn new(first: u64) -> Self {
        Self { open: None, first, messages: 0 }
    }

    /// Appends a chunk to the open frame, if it takes it, or to a new one.
    pub(super) fn append(&mut self, out: &mut Vec<u8>, chunk: &Chunk) {
        if self.open.is_none_or(|start| out.len() - start + chunk.bytes.len() > FRAME_BYTES) {
            self.close_open(out);
            self.open = Some(out.len());
            wire::begin_publications(out, self.first + self.messages);
        }
        out.extend_from_slice(&chunk.bytes);
        self.messages += chunk.messages;
    }

    /// The end. Gives how many publications there are in all frames.
    pub(super) fn close(mut self, out: &mut [u8]) -> u64 {
        self.close_open(out);
        self.messages
    }

    fn close_open(&mut self, out: &mut [u8]) {
        if let Some(start) = self.open.take() {
            peers::close(out, start);
        }
    }
}
