//! Channels in positions and ids: a hash of the name says which one is meant.

use super::base64;
use sha2::{Digest as _, Sha256};

/// Characters of its text.
pub(super) const TAG_LEN: usize = 4;

/// A hash of a channel's name. Two channels may have the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Tag(u32);

impl Tag {
    /// That of this channel.
    pub fn of(channel: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(channel).into();
        Self(u32::from_be_bytes([0, hash[0], hash[1], hash[2]]))
    }

    /// Reads its text. `None`: it is not one.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let number = base64::parse(text).filter(|_| text.len() == TAG_LEN)?;
        u32::try_from(number).ok().map(Self)
    }

    /// Appends its text.
    pub(super) fn push(self, out: &mut String) {
        base64::push::<TAG_LEN>(out, self.0.into());
    }
}
