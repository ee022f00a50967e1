//! Fields of messages: reading and writing them.
//!
//! Whole numbers have seven bits a byte, the lowest first, with the highest bit set in all bytes but the last.

use crate::history::Origin;
use crate::history::position::NUMBER_MAX;
use crate::protocol::check_channel;
use serde_json::value::RawValue;
use thiserror::Error;

/// Bytes of an origin: 36 bits.
pub(super) const ORIGIN_BYTES: usize = 5;
/// Longest whole number: 56 bits are more than any may have.
const WHOLE_BYTES_MAX: usize = 8;

/// A message is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Malformed {
    /// It has nothing in it.
    #[error("an empty message about history")]
    Empty,
    /// Nobody knows this kind.
    #[error("a message about history of the unknown kind {0}")]
    UnknownKind(u8),
    /// Fields are missing, too many, or out of their bounds.
    #[error("a message about history of kind {0} with malformed fields")]
    Fields(u8),
}

/// What is left of a message.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    kind: u8,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Those of a message.
    pub(super) fn of(message: &'a [u8]) -> Result<(u8, Self), Malformed> {
        let (&kind, rest) = message.split_first().ok_or(Malformed::Empty)?;
        Ok((kind, Self { kind, rest }))
    }

    pub(super) fn malformed(self) -> Malformed {
        Malformed::Fields(self.kind)
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(self) -> bool {
        self.rest.is_empty()
    }

    /// How many items of at least so many bytes may still come: what a list may be given room for.
    pub(super) fn items_max(self, bytes: usize) -> usize {
        self.rest.len() / bytes
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(self.malformed())?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        let bytes = self.take(4)?.first_chunk().expect("so many were taken");
        Ok(u32::from_be_bytes(*bytes))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        let bytes = self.take(8)?.first_chunk().expect("so many were taken");
        Ok(u64::from_be_bytes(*bytes))
    }

    /// A whole number up to the largest of a publication, and one more.
    pub(super) fn whole(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for place in 0..WHOLE_BYTES_MAX {
            let byte = self.u8()?;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                // Each number has one form.
                let is_shortest = byte != 0 || place == 0;
                return if is_shortest && number <= NUMBER_MAX + 1 { Ok(number) } else { Err(self.malformed()) };
            }
        }
        Err(self.malformed())
    }

    /// The number of a publication, from 1.
    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let number = self.whole()?;
        if (1..=NUMBER_MAX).contains(&number) { Ok(number) } else { Err(self.malformed()) }
    }

    pub(super) fn origin(&mut self) -> Result<Origin, Malformed> {
        let bytes = self.take(ORIGIN_BYTES)?;
        let bits = bytes.iter().fold(0, |bits, &byte| bits << 8 | u64::from(byte));
        Origin::of_bits(bits).ok_or(self.malformed())
    }

    /// A name of a channel or a relay.
    pub(super) fn name(&mut self) -> Result<&'a str, Malformed> {
        let length = self.u8()?;
        let name = std::str::from_utf8(self.take(length.into())?).map_err(|_| self.malformed())?;
        if check_channel(name).is_ok() { Ok(name) } else { Err(self.malformed()) }
    }

    /// JSON text.
    pub(super) fn content(&mut self) -> Result<&'a str, Malformed> {
        let length = usize::try_from(self.whole()?).map_err(|_| self.malformed())?;
        let content = self.take(length)?;
        // White space around a value is not part of it, and nothing may follow it.
        match serde_json::from_slice::<&RawValue>(content) {
            Ok(value) if value.get().len() == length => Ok(value.get()),
            _ => Err(self.malformed()),
        }
    }
}

/// Appends a whole number.
pub(super) fn push_whole(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 & 0x7f | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends an origin.
pub(super) fn push_origin(out: &mut Vec<u8>, origin: Origin) {
    out.extend_from_slice(&origin.bits().to_be_bytes()[8 - ORIGIN_BYTES..]);
}

/// Appends a name, which is at most 255 bytes long.
pub(super) fn push_name(out: &mut Vec<u8>, name: &str) {
    out.push(u8::try_from(name.len()).expect("names are bounded by 255 bytes"));
    out.extend_from_slice(name.as_bytes());
}

/// Appends a content.
pub(super) fn push_content(out: &mut Vec<u8>, content: &str) {
    push_whole(out, content.len() as u64);
    out.extend_from_slice(content.as_bytes());
}
