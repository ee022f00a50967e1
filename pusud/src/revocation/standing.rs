//! The standing of an authorization in the memory of a relay: its subject and its hash, as numbers.

use super::hashing::KEYS_MAX;

/// Whose authorization one is, as far as it can be revoked. 24 bytes: each client has one for each authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// 0: it has no subject.
    pub(super) subject: u64,
    /// By key; 0: there is none.
    pub(super) authorization: [u64; KEYS_MAX],
}

impl Standing {
    /// The numbers that name it; those of different ones differ, but for an accident of 64 bits.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        [self.subject].into_iter().chain(self.authorization).filter(|key| *key != 0)
    }
}
