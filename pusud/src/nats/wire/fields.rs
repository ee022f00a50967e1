//! Fields of a payload, taken off its front: numbers are big endian, texts have their length before them.

/// A payload is none of this version, or cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payload that is none")]
pub(in crate::nats) struct Malformed;

/// The largest number of a publication, heartbeat or question.
const NUMBER_MAX: u64 = 1 << 62;

/// What is left of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nats) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// A number, none of which ever comes near what 64 bits hold: so whatever is counted with it has room.
    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array()
            .map(u64::from_be_bytes)
            .and_then(|number| if number > NUMBER_MAX { Err(Malformed) } else { Ok(number) })
    }

    /// A text of up to 255 bytes without control characters, which may be empty.
    pub(super) fn short_text(&mut self) -> Result<&'a str, Malformed> {
        let len = self.u8()?.into();
        let text = std::str::from_utf8(self.bytes(len)?).map_err(|_| Malformed)?;
        if text.chars().any(char::is_control) { Err(Malformed) } else { Ok(text) }
    }

    /// A name, as channels, relays and networks have one.
    pub(super) fn name(&mut self) -> Result<&'a str, Malformed> {
        let name = self.short_text()?;
        crate::protocol::check_channel(name).map(|()| name).map_err(|_| Malformed)
    }

    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}
