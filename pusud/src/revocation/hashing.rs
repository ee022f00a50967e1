//! Keys of the hash that stands for an authorization: derived from the network's key, so that all relays of a network
//! show the same hash, or this relay's own.
//!
//! A hash begins with the name of its key, so that it is known of each whether anybody can still tell what it stands for.
//! **Invariant:** without the key nobody can find out which authorization a hash stands for, nor try one.

use super::whom::{AuthorizationHash, KeyName, Whom};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::Rng as _;
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// What is hashed with the network's key to make another one of it.
const PURPOSE: &[u8] = b"pusu authorization hash 1";
/// What is hashed with a key to make its name.
const NAME: &[u8] = b"pusu authorization hash key 1";
/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;
/// As many keys as a network has while one is being replaced.
const NETWORK_KEYS_MAX: usize = 2;
/// These, and this relay's own.
const KEYS_MAX: usize = NETWORK_KEYS_MAX + 1;

/// The hashes of one authorization, by key. The first one is shown.
pub type Hashes = [Option<AuthorizationHash>; KEYS_MAX];

/// A key, or two while the network's key is being replaced, and the relay's own while something is revoked under that.
#[derive(Clone)]
pub struct HashKeys {
    keys: Vec<Key>,
    are_shared: bool,
    /// The name of this relay's own key, also where nothing is hashed under that.
    own: Option<KeyName>,
}

#[derive(Clone)]
struct Key {
    /// Keyed once: that takes as long as hashing a short authorization. Wiped when it is dropped.
    mac: Hmac<Sha256>,
    name: KeyName,
}

impl HashKeys {
    /// Those of a network whose relays share these keys, the first of which signs.
    pub fn of_network<'a>(keys: impl Iterator<Item = &'a [u8]>) -> Self {
        let derive = |key: &[u8]| Key::new(Zeroizing::new(mac(&keyed(key), PURPOSE)));
        Self { keys: keys.take(NETWORK_KEYS_MAX).map(derive).collect(), are_shared: true, own: None }
    }

    /// One that this relay alone has.
    pub fn own(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let key = Key::new(key);
        Self { own: Some(key.name), keys: vec![key], are_shared: false }
    }

    /// The same, and the key that this relay had of its own before, if hashes under it are among `revoked`.
    pub fn beside<'a>(mut self, own: Zeroizing<[u8; KEY_BYTES]>, mut revoked: impl Iterator<Item = &'a Whom>) -> Self {
        let own = Key::new(own);
        self.own = Some(own.name);
        let is_under_it = |whom: &Whom| matches!(whom, Whom::AuthorizationHash(hash) if hash.key_name() == own.name);
        if revoked.any(is_under_it) {
            self.keys.push(own);
        }
        self
    }

    /// A new key for [`Self::own`].
    pub fn generate() -> Zeroizing<[u8; KEY_BYTES]> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        rand::rng().fill_bytes(&mut *key);
        key
    }

    /// Whether the hash means the same at other relays.
    pub(super) fn is_shared(&self, hash: &AuthorizationHash) -> bool {
        self.are_shared && self.own != Some(hash.key_name())
    }

    /// Whether there is the key that the hash was made under.
    pub(super) fn knows(&self, hash: &AuthorizationHash) -> bool {
        self.keys.iter().any(|key| key.name == hash.key_name())
    }

    /// The hashes of an authorization.
    pub(super) fn hashes(&self, authorization: &[u8]) -> Hashes {
        std::array::from_fn(|at| {
            let Key { mac: keyed, name } = self.keys.get(at)?;
            Some(AuthorizationHash::new(*name, &mac(keyed, authorization)))
        })
    }
}

impl Key {
    fn new(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let keyed = keyed(&*key);
        let mut name = KeyName::default();
        let bytes = name.len();
        name.copy_from_slice(&mac(&keyed, NAME)[..bytes]);
        Self { mac: keyed, name }
    }
}

impl fmt::Debug for HashKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashKeys([redacted; {}])", self.keys.len())
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn mac(keyed: &Hmac<Sha256>, text: &[u8]) -> [u8; 32] {
    let mut mac = keyed.clone();
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_that_share_a_key_show_the_same_hash_and_no_others_do() {
        let of = |keys: &[&[u8]]| HashKeys::of_network(keys.iter().copied()).hashes(b"secret");
        let [old, none @ ..] = of(&[b"one"]);
        assert_eq!(none, [None; 2]);
        assert_eq!(of(&[b"one", b"two"])[0], old);
        assert_eq!(of(&[b"two", b"one"])[1], old, "while one key replaces the other both hashes are known");
        assert_ne!(of(&[b"two"])[0], old);
        assert_ne!(HashKeys::own(HashKeys::generate()).hashes(b"secret")[0], old);
    }

    #[test]
    fn a_hash_says_under_which_key_it_was_made() {
        let of = |keys: &[&[u8]]| HashKeys::of_network(keys.iter().copied());
        let hash = of(&[b"one"]).hashes(b"secret")[0].unwrap();
        assert!(of(&[b"two", b"one"]).knows(&hash) && !of(&[b"two"]).knows(&hash));
        assert!(of(&[b"two"]).is_shared(&hash), "others may have the key");
        assert!(!HashKeys::own(HashKeys::generate()).knows(&hash));
    }

    /// As where a relay is given the key of a network.
    #[test]
    fn a_key_of_a_relays_own_goes_on_while_something_is_revoked_under_it() {
        let own = HashKeys::generate();
        let hash = HashKeys::own(own.clone()).hashes(b"secret")[0].unwrap();
        let revoked = [Whom::Subject("alice".into()), Whom::AuthorizationHash(hash)];
        let beside = |keys: &[&[u8]], revoked: &[Whom]| {
            HashKeys::of_network(keys.iter().copied()).beside(own.clone(), revoked.iter())
        };
        let both = beside(&[b"one"], &revoked);
        assert_eq!(both.hashes(b"secret")[1], Some(hash));
        assert_eq!(both.hashes(b"secret")[0], HashKeys::of_network([&b"one"[..]].into_iter()).hashes(b"secret")[0]);
        let rotated = beside(&[b"one", b"two"], &revoked);
        assert_eq!(rotated.hashes(b"secret")[2], Some(hash), "also while the network's key is replaced");
        for keys in [&[&b"one"[..]][..], &[b"one", b"two"]] {
            assert!(!beside(keys, &revoked[..1]).knows(&hash) && !beside(keys, &revoked).is_shared(&hash));
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        assert_eq!(format!("{:?}", HashKeys::own(HashKeys::generate())), "HashKeys([redacted; 1])");
    }
}
