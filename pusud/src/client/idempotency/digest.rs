//! Digests: keyed hashes of 128 bits, which stand for texts of any length.
//!
//! HMAC-SHA-256, cut in half, under a key that is made at the start and never leaves the process. Whoever could make two
//! texts collide could have the publication of somebody else taken for a repetition, so it has to be a pseudorandom function
//! of full strength: SipHash has 64 bits, and two of them together are no such function that anybody has proven. It takes half
//! a microsecond for a key, and for content as long as any SHA-256.

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::TryRng as _;
use rand::rngs::SysRng;
use sha2::Sha256;

/// Stands for a text.
pub(super) type Digest = [u8; 16];

/// What a digest stands for: two of different kinds have nothing to do with each other.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Scope,
    Subject,
    Content,
}

/// Makes digests under one key.
pub(super) struct Digester {
    /// Has taken the key, and nothing else.
    keyed: Hmac<Sha256>,
}

impl Digester {
    /// With a random key.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn new() -> Result<Self, rand::rngs::SysError> {
        let mut key = [0; 32];
        SysRng.try_fill_bytes(&mut key)?;
        Ok(Self { keyed: Hmac::new_from_slice(&key).expect("HMAC takes keys of any length") })
    }

    /// Digest of these parts. Each goes with its length: no byte can pass from one part into the next.
    pub(super) fn digest(&self, kind: Kind, parts: &[&[u8]]) -> Digest {
        let mut mac = self.keyed.clone();
        mac.update(&[kind as u8]);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let whole = mac.finalize().into_bytes();
        *whole.first_chunk().expect("SHA-256 has 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_differs_in_anything_has_another_digest() {
        let digester = Digester::new().unwrap();
        let texts: [&[&[u8]]; 7] =
            [&[b"ab", b"c"], &[b"a", b"bc"], &[b"abc"], &[b"abc", b""], &[b"", b"abc"], &[b""], &[]];
        let digests: BTreeSet<Digest> = texts.iter().map(|parts| digester.digest(Kind::Scope, parts)).collect();
        assert_eq!(digests.len(), texts.len());
        assert_eq!(digester.digest(Kind::Scope, texts[0]), digester.digest(Kind::Scope, texts[0]));
        assert_ne!(digester.digest(Kind::Scope, texts[2]), digester.digest(Kind::Content, texts[2]));
        let other = Digester::new().unwrap();
        assert_ne!(digester.digest(Kind::Scope, texts[0]), other.digest(Kind::Scope, texts[0]), "another start");
    }
}
