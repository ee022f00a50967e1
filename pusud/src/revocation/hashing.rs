//! Keys of the hash that stands for an authorization: derived from the network's key, so that all relays of a network
//! show the same hash, or this relay's own.
//!
//! **Invariant:** without the key nobody can find out which authorization a hash stands for, nor try one.

use super::whom::AuthorizationHash;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::Rng as _;
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// What is hashed with the network's key to make another one of it.
const PURPOSE: &[u8] = b"pusu authorization hash 1";
/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;
/// As many keys as a network has while one is being replaced.
pub(super) const KEYS_MAX: usize = 2;

/// The hashes of one authorization, by key. The first one is shown.
pub type Hashes = [Option<AuthorizationHash>; KEYS_MAX];

/// A key, or two while the network's key is being replaced.
#[derive(Clone)]
pub struct HashKeys {
    keys: Vec<Zeroizing<[u8; KEY_BYTES]>>,
    are_shared: bool,
}

impl HashKeys {
    /// Those of a network whose relays share these keys, the first of which signs.
    pub fn of_network<'a>(keys: impl Iterator<Item = &'a [u8]>) -> Self {
        let derive = |key: &[u8]| Zeroizing::new(mac(key, PURPOSE));
        Self { keys: keys.take(KEYS_MAX).map(derive).collect(), are_shared: true }
    }

    /// One that this relay alone has.
    pub fn own(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self { keys: vec![key], are_shared: false }
    }

    /// A new key for [`Self::own`].
    pub fn generate() -> Zeroizing<[u8; KEY_BYTES]> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        rand::rng().fill_bytes(&mut *key);
        key
    }

    /// Whether the hashes mean the same at other relays.
    pub(super) fn are_shared(&self) -> bool {
        self.are_shared
    }

    /// The hashes of an authorization.
    pub(super) fn hashes(&self, authorization: &[u8]) -> Hashes {
        std::array::from_fn(|at| {
            let hash = mac(&*self.keys.get(at).map(|key| Zeroizing::new(**key))?, authorization);
            let mut short = [0; 16];
            short.copy_from_slice(&hash[..16]);
            Some(AuthorizationHash(short))
        })
    }
}

impl fmt::Debug for HashKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashKeys([redacted; {}])", self.keys.len())
    }
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_that_share_a_key_show_the_same_hash_and_no_others_do() {
        let of = |keys: &[&[u8]]| HashKeys::of_network(keys.iter().copied()).hashes(b"secret");
        let [old, none] = of(&[b"one"]);
        assert_eq!(none, None);
        assert_eq!(of(&[b"one", b"two"])[0], old);
        assert_eq!(of(&[b"two", b"one"])[1], old, "while one key replaces the other both hashes are known");
        assert_ne!(of(&[b"two"])[0], old);
        assert_ne!(HashKeys::own(HashKeys::generate()).hashes(b"secret")[0], old);
    }

    #[test]
    fn a_key_is_never_shown() {
        assert_eq!(format!("{:?}", HashKeys::own(HashKeys::generate())), "HashKeys([redacted; 1])");
    }
}
