//! Fields and lists of frames: taken off the front of bytes, one after the other.
//!
//! Knows no frames. What is malformed is an error, and nothing is allocated but the subjects of revocations.

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

/// Takes fields off the front of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    kind: u8,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of a frame of this type.
    pub(crate) fn new(kind: u8, rest: &'a [u8]) -> Self {
        Self { kind, rest }
    }

    /// All that is left.
    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// All that is left, as text.
    pub(crate) fn rest_as_text(&mut self) -> Result<&'a str, Malformed> {
        self.text(self.rest.len())
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// One byte with its length, and a text without control characters, which may be empty.
    pub(crate) fn short_text(&mut self) -> Result<&'a str, Malformed> {
        let len = self.u8()?;
        let text = self.text(len.into())?;
        if text.chars().any(char::is_control) { Err(self.wrong()) } else { Ok(text) }
    }

    /// What these fields are when one of them holds what it must not.
    pub(crate) fn wrong(&self) -> Malformed {
        Malformed::Fields(self.kind)
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(self.wrong())?;
        self.rest = rest;
        Ok(bytes)
    }

    /// So many bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        Ok(self.bytes(N)?.try_into().expect("as many bytes as asked for"))
    }

    /// One byte.
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes, the larger one first.
    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes, the largest one first.
    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes, the largest one first.
    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    /// One byte, 0 or 1.
    pub(crate) fn flag(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.wrong()),
        }
    }

    /// So many bytes of text.
    pub(crate) fn text(&mut self, len: usize) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes(len)?).map_err(|_| self.wrong())
    }

    /// A name with its length before it, as channels, relays and networks have one.
    pub(crate) fn name(&mut self) -> Result<&'a str, Malformed> {
        let len = self.u8()?.into();
        let name = self.text(len)?;
        crate::protocol::check_channel(name).map(|()| name).map_err(|_| self.wrong())
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.wrong()) }
    }
}

/// A list that is read while it is walked; it ends after the first malformed element.
macro_rules! list {
    ($(#[$doc:meta])* $name:ident, $item:ty, $read:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct $name<'a>($crate::peers::Fields<'a>);

        impl<'a> $name<'a> {
            /// A list to the end of the frame.
            pub(super) fn new(fields: $crate::peers::Fields<'a>) -> Self {
                Self(fields)
            }
        }

        impl<'a> Iterator for $name<'a> {
            type Item = Result<$item, $crate::peers::Malformed>;

            fn next(&mut self) -> Option<Self::Item> {
                if self.0.is_empty() {
                    return None;
                }
                let read: fn(&mut $crate::peers::Fields<'a>) -> Result<$item, $crate::peers::Malformed> = $read;
                let item = read(&mut self.0);
                if item.is_err() {
                    self.0.take_rest();
                }
                Some(item)
            }
        }
    };
}
pub(crate) use list;
