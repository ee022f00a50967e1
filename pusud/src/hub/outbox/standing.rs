//! The standing of an outbox's client: what it is authorized by, as numbers, and that its task is to look at it.

use super::Outbox;
use crate::revocation::Standing;
use std::collections::HashMap;

impl Outbox {
    /// Its client is authorized by what has these numbers, and by nothing else.
    pub fn set_standing(&self, standing: Standing) {
        self.standing.set(standing);
    }

    /// Whether its client is authorized by something of this number.
    pub fn is_authorized_by(&self, number: u64) -> bool {
        let standing = self.standing.take();
        let has = standing.has(number);
        self.standing.set(standing);
        has
    }

    /// All the bits together that stand beside what its client is authorized by.
    pub(in crate::hub) fn bits_of(&self, numbers: &HashMap<u64, u64>) -> u64 {
        let standing = self.standing.take();
        let bits = standing.numbers().filter_map(|number| numbers.get(&number)).fold(0, |all, bits| all | bits);
        self.standing.set(standing);
        bits
    }

    /// Has its client's task look at what it is authorized by.
    pub(in crate::hub) fn suspect(&self) {
        self.is_suspect.set(true);
        self.wake();
    }

    /// Whether its client's task has to look at that, which counts as done from here on.
    #[inline]
    pub fn take_suspicion(&self) -> bool {
        self.is_suspect.replace(false)
    }
}
