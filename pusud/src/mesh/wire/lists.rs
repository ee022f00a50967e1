//! Fields and lists that only frames of a link have.

use crate::config::Encryption;
use crate::peers::{Fields, Malformed, list};

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

/// How much interest there is.
pub(super) fn total(fields: &mut Fields<'_>) -> Result<Total, Malformed> {
    Ok(Total { count: fields.u64()?, hash: fields.u64()? })
}

/// Whether a link is to be encrypted.
pub(super) fn encryption(fields: &mut Fields<'_>) -> Result<Encryption, Malformed> {
    match fields.u8()? {
        0 => Ok(Encryption::Off),
        1 => Ok(Encryption::Preferred),
        2 => Ok(Encryption::Required),
        _ => Err(fields.wrong()),
    }
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
    /// Channels and contents. That a content is JSON is not checked here.
    Publications,
    (&'a str, &'a str),
    |fields| {
        let channel = fields.name()?;
        let len = fields.u32()? as usize;
        Ok((channel, fields.text(len)?))
    }
);
