//! The buffers that frames lie in, shared by all clients of a shard that they are for, and counted.

use super::queued_memory;
use std::ops::Deref;
use std::rc::Rc;

/// What a buffer costs beside its bytes: counts of references, and what the allocator adds.
const BUFFER_BYTES: usize = 32;

/// Bytes that clones share.
///
/// They are part of what the shard holds (see `queued_memory`), once, from the first to the last reference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Buffer(Rc<[u8]>);

/// Bytes on their way to one or many clients of a shard: one or more whole frames. Clones share them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frames {
    pub(super) buffer: Buffer,
    messages: u32,
    /// It does not count among what may wait.
    pub(super) is_free: bool,
}

impl Buffer {
    /// One client's part of what it costs, in bytes, where several share it.
    pub(super) fn part(&self) -> usize {
        (self.0.len() + BUFFER_BYTES) / Rc::strong_count(&self.0)
    }
}

impl Frames {
    /// These, which are so many publications.
    pub fn of_messages(mut self, messages: u64) -> Self {
        self.messages = u32::try_from(messages).unwrap_or(u32::MAX);
        self
    }

    /// How many publications they are; 0 for everything else.
    pub fn messages(&self) -> u64 {
        self.messages.into()
    }
}

impl From<Buffer> for Frames {
    fn from(buffer: Buffer) -> Self {
        Self { buffer, messages: 0, is_free: false }
    }
}

impl From<&[u8]> for Frames {
    fn from(bytes: &[u8]) -> Self {
        queued_memory::hold(bytes.len() + BUFFER_BYTES);
        Buffer(bytes.into()).into()
    }
}

impl From<Vec<u8>> for Frames {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(&bytes[..])
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Deref for Frames {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if Rc::strong_count(&self.0) == 1 {
            queued_memory::release(self.0.len() + BUFFER_BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::text;

    #[test]
    fn shared_frames_are_held_once_until_the_last_is_gone() {
        let before = queued_memory::held();
        let frames = text(&[b'x'; 1000]);
        let held = queued_memory::held() - before;
        assert!((1000..1100).contains(&held));
        let shared = vec![frames.clone(); 9];
        assert_eq!((queued_memory::held() - before, frames.buffer.part()), (held, held / 10));
        drop(frames);
        assert_eq!(queued_memory::held() - before, held);
        drop(shared);
        assert_eq!(queued_memory::held(), before);
    }
}
