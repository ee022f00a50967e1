//! Cutting a stream of bytes into frames, however it comes in pieces.
//!
//! Keeps what is not complete and nothing else.

use super::fields::Malformed;
use super::framing::HEAD_BYTES;

/// A buffer that was made larger than this by a large frame is given back when it is empty.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// Bytes that have come and are not used up.
#[derive(Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    /// Where the first frame that is not used up begins.
    start: usize,
}

impl Decoder {
    /// Adds bytes that have come.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether there is nothing that is not used up.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Takes the next frame out: its type and its fields; `None` until all of it is there.
    ///
    /// # Errors
    /// It is longer than `bytes_max` behind the length, or empty. Nothing that follows can be read then.
    pub(crate) fn next(&mut self, bytes_max: usize) -> Result<Option<(u8, &[u8])>, Malformed> {
        let Some(length) = self.length(bytes_max)? else {
            self.compact();
            return Ok(None);
        };
        let begin = self.start;
        self.start += 4 + length;
        let frame = &self.bytes[begin..self.start];
        Ok(Some((frame[4], &frame[HEAD_BYTES..])))
    }

    /// The type of the next frame, which stays; `None` until all of it is there.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub(crate) fn next_kind(&self, bytes_max: usize) -> Result<Option<u8>, Malformed> {
        Ok(self.length(bytes_max)?.map(|_| self.bytes[self.start + 4]))
    }

    /// How long the next frame is behind the length, if all of it is there.
    fn length(&self, bytes_max: usize) -> Result<Option<usize>, Malformed> {
        let rest = &self.bytes[self.start..];
        let Some(length) = rest.first_chunk::<4>() else { return Ok(None) };
        match u32::from_be_bytes(*length) as usize {
            0 => Err(Malformed::Empty),
            length if length > bytes_max => Err(Malformed::TooLong(length)),
            length => Ok((rest.len() >= 4 + length).then_some(length)),
        }
    }

    fn compact(&mut self) {
        self.bytes.drain(..self.start);
        self.start = 0;
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }
}
