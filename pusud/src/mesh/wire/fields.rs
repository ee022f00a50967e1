//! Fields and lists of frames: taken off the front of bytes, one after the other.
//!
//! Knows no frames. What is malformed is an error, and nothing is allocated but the subjects of revocations.

use crate::config::Encryption;
use crate::revocation::{AuthorizationHash, Entry, Stamp, Whom};

/// Bytes that are no frame of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// The declared length is past what may come now.
    #[error("a frame of {0} bytes, which is more than may come now")]
    TooLong(usize),
    /// A length of nothing: there is not even a type.
    #[error("an empty frame")]
    Empty,
    /// A type that this version does not know.
    #[error("a frame of the unknown type {0}")]
    UnknownType(u8),
    /// Fields that end too early, are followed by others, or hold what they must not.
    #[error("a frame of type {0} with wrong fields")]
    Fields(u8),
    /// The first frame does not begin as a HELLO does.
    #[error("not a relay of PuSu Engine")]
    Magic,
}

/// How much interest there is: two sides that agree on it agree on each channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Total {
    /// Channels.
    pub count: u64,
    /// The sum of [`hash`] of their names.
    pub hash: u64,
}

/// FNV-1a with 64 bits.
pub(crate) fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Takes fields off the front of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    kind: u8,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(kind: u8, rest: &'a [u8]) -> Self {
        Self { kind, rest }
    }

    pub(super) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(super) fn rest_as_text(&mut self) -> Result<&'a str, Malformed> {
        self.text(self.rest.len())
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// One byte with its length, and a text without control characters, which may be empty.
    pub(super) fn short_text(&mut self) -> Result<&'a str, Malformed> {
        let len = self.u8()?;
        let text = self.text(len.into())?;
        if text.chars().any(char::is_control) { Err(self.wrong()) } else { Ok(text) }
    }

    pub(super) fn wrong(&self) -> Malformed {
        Malformed::Fields(self.kind)
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(self.wrong())?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        Ok(self.bytes(N)?.try_into().expect("as many bytes as asked for"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn flag(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.wrong()),
        }
    }

    pub(super) fn encryption(&mut self) -> Result<Encryption, Malformed> {
        match self.u8()? {
            0 => Ok(Encryption::Off),
            1 => Ok(Encryption::Preferred),
            2 => Ok(Encryption::Required),
            _ => Err(self.wrong()),
        }
    }

    fn text(&mut self, len: usize) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes(len)?).map_err(|_| self.wrong())
    }

    /// A name with its length before it, as channels, relays and networks have one.
    pub(super) fn name(&mut self) -> Result<&'a str, Malformed> {
        let len = self.u8()?.into();
        let name = self.text(len)?;
        crate::protocol::check_channel(name).map(|()| name).map_err(|_| self.wrong())
    }

    pub(super) fn total(&mut self) -> Result<Total, Malformed> {
        Ok(Total { count: self.u64()?, hash: self.u64()? })
    }

    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.wrong()) }
    }
}

/// A list that is read while it is walked; it ends after the first malformed element.
macro_rules! list {
    ($(#[$doc:meta])* $name:ident, $item:ty, $read:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct $name<'a>(Fields<'a>);

        impl<'a> $name<'a> {
            pub(super) fn new(fields: Fields<'a>) -> Self {
                Self(fields)
            }
        }

        impl<'a> Iterator for $name<'a> {
            type Item = Result<$item, Malformed>;

            fn next(&mut self) -> Option<Self::Item> {
                if self.0.rest.is_empty() {
                    return None;
                }
                let read: fn(&mut Fields<'a>) -> Result<$item, Malformed> = $read;
                let item = read(&mut self.0);
                if item.is_err() {
                    self.0.rest = &[];
                }
                Some(item)
            }
        }
    };
}

list!(
    /// Names of channels.
    Names,
    &'a str,
    Fields::name
);
list!(
    /// Channels, and whether they are announced (else withdrawn).
    Changes,
    (bool, &'a str),
    |fields| Ok((fields.flag()?, fields.name()?))
);
list!(
    /// Revocations, and lifts of some.
    Entries,
    Entry,
    |fields| {
        let stamp = Stamp { time_ms: fields.u64()?, writer: fields.u64()? };
        let (until_ms, is_lifted, kind) = (fields.u64()?, fields.flag()?, fields.u8()?);
        let len = fields.u16()?.into();
        let whom = match kind {
            1 => Whom::Subject(fields.text(len)?.to_owned()),
            2 => Whom::AuthorizationHash(AuthorizationHash(fields.bytes(len)?.try_into().map_err(|_| fields.wrong())?)),
            _ => return Err(fields.wrong()),
        };
        whom.check().map_err(|_| fields.wrong())?;
        Ok(Entry { whom, stamp, until_ms, is_lifted })
    }
);
list!(
    /// Channels and contents. That a content is JSON is not checked here.
    Publications,
    (&'a str, &'a str),
    |fields| {
        let channel = fields.name()?;
        let len = fields.u32()? as usize;
        Ok((channel, fields.text(len)?))
    }
);
