//! The number of one start of a relay: later starts have larger ones, and no two have the same.

use rand::Rng;
use std::fmt;

/// 48 bits of Unix time in milliseconds, then random bits, as in UUID version 7 but without its fixed bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BootId(pub [u8; 16]);

impl BootId {
    /// For a start at this Unix time in milliseconds.
    pub(crate) fn new(unix_ms: u64, random: &mut impl Rng) -> Self {
        let mut bytes = [0; 16];
        random.fill_bytes(&mut bytes);
        bytes[..6].copy_from_slice(&unix_ms.to_be_bytes()[2..]);
        Self(bytes)
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    #[test]
    fn later_starts_are_larger() {
        let mut random = StdRng::seed_from_u64(1);
        let ids: Vec<_> = [1, 2, 300, 70_000, 1 << 40].map(|ms| BootId::new(ms, &mut random)).to_vec();
        assert!(ids.is_sorted());
        assert_ne!(BootId::new(1, &mut random), ids[0]);
    }
}
