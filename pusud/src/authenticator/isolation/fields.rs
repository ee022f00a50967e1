//! The fields of a message between the daemon and the process of a plugin: writing them, and reading what may be cut short.
//! **Invariant:** a message has its room before anything is written to it, so that no secret is copied by growing.

use zeroize::Zeroizing;

/// A message as it goes over the socket, its length in front.
pub(super) type Frame = Zeroizing<Vec<u8>>;

/// Writes the fields of one message.
pub(super) struct Writer(Frame);

impl Writer {
    /// `bytes` is what the fields need; more costs a copy that is not wiped.
    pub(super) fn new(kind: u8, bytes: usize) -> Self {
        let mut frame = Zeroizing::new(Vec::with_capacity(bytes + 64));
        frame.extend_from_slice(&[0; 4]);
        frame.push(kind);
        Self(frame)
    }

    pub(super) fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self = self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn done(mut self) -> Frame {
        let length = u32::try_from(self.0.len() - 4).expect("what is sent is bounded far below 4 GiB");
        self.0[..4].copy_from_slice(&length.to_le_bytes());
        self.0
    }
}

/// Reads the fields of one message. `None`: it is cut short.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        self.take(len)
    }

    /// As [`Self::bytes`], but no more than `max`.
    pub(super) fn bytes_to(&mut self, max: usize) -> Option<&'a [u8]> {
        self.bytes().filter(|bytes| bytes.len() <= max)
    }

    pub(super) fn text_to(&mut self, max: usize) -> Option<String> {
        String::from_utf8(self.bytes_to(max)?.to_vec()).ok()
    }

    pub(super) fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    /// A number of things that take at least eight bytes each.
    pub(super) fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|count| count.saturating_mul(8) <= self.0.len())
    }

    /// As [`Self::count`], but no more than `max`.
    pub(super) fn count_to(&mut self, max: usize) -> Option<usize> {
        self.count().filter(|count| *count <= max)
    }
}

/// As the wire holds a status, a level or a decision.
pub(super) fn signed(number: i32) -> u64 {
    i64::from(number).cast_unsigned()
}

pub(super) fn as_signed(number: u64) -> Option<i32> {
    number.cast_signed().try_into().ok()
}
