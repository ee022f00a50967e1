//! An origin: one start of a relay, as positions and numbers name it.

use super::base64;

/// Characters of an origin's text.
pub(super) const TEXT_LEN: usize = 6;
const BITS: u32 = 36;

/// One start of a relay: 36 random bits of its boot id. Two of a network's starts have the same with a probability of one in
/// 68 milliards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Origin(u64);

impl Origin {
    /// That of the start with this boot id, whose last bytes are random.
    pub fn of_boot(boot: &[u8; 16]) -> Self {
        let last = boot.last_chunk().expect("16 bytes are more than 8");
        Self(u64::from_be_bytes(*last) & ((1 << BITS) - 1))
    }

    /// The origin of what this start is sent without numbers, by relays that give none. No other relay knows of it.
    pub fn unnumbered(self) -> Self {
        Self(self.0 ^ 1)
    }

    /// That of these bits; `None`: there are more than an origin has.
    pub(super) fn of_bits(bits: u64) -> Option<Self> {
        (bits >> BITS == 0).then_some(Self(bits))
    }

    /// Its bits.
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// Reads what [`Self::push`] has written.
    pub(super) fn parse(text: &[u8; TEXT_LEN]) -> Option<Self> {
        base64::parse(text).map(Self)
    }

    /// Appends its text.
    pub(super) fn push(self, out: &mut String) {
        base64::push::<TEXT_LEN>(out, self.0);
    }
}
