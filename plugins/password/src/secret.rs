//! Secrets: the part of a password that is kept, and the comparison of an attempt with it.
//!
//! **Invariant:** of a plain password only its digest is kept, and digests are compared in constant time: neither what
//! is right in an attempt nor how long the password is can be measured.
//! **Invariant:** a text that looks like a hash is never taken for a plain password.

use crate::cost::Cost;
use crate::hash::{Hash, KINDS, Match};
use crate::look_alike;
use crate::turns::Turn;
use sha2::{Digest, Sha256};
use std::time::Instant;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What stands before a plain password that looks like something else.
pub(crate) const PLAIN: &str = "plain:";

/// What a client sent, borrowed, with its digest.
pub(crate) struct Attempt<'a> {
    bytes: &'a [u8],
    digest: Zeroizing<[u8; 32]>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, digest: digest(bytes) }
    }

    /// Whether the client has none.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// What is kept of one password.
pub(crate) enum Secret {
    /// The SHA-256 digest of a plain one.
    Plain(Zeroizing<[u8; 32]>),
    /// A hash, with everything needed to make it again.
    Hash(Hash),
}

impl Secret {
    /// Takes a password out of the settings.
    ///
    /// # Errors
    /// It looks like a hash and is none that is taken. The text does not contain it.
    pub(crate) fn new(password: &str) -> Result<Self, String> {
        let plain = |password: &str| Ok(Self::Plain(digest(password.as_bytes())));
        if let Some(password) = password.strip_prefix(PLAIN) {
            return match password {
                "" => Err(format!("there is no password behind `{PLAIN}`")),
                password => plain(password),
            };
        }
        let as_plain = format!("a password that looks like this is written `{PLAIN}…`");
        if let Some(read) = Hash::read(password) {
            let hash = read.map_err(|why| format!("{why}; {as_plain}"))?;
            hash.cost().check()?;
            return Ok(Self::Hash(hash));
        }
        match look_alike::named(password) {
            None => plain(password),
            Some(name) => Err(format!(
                "looks like {name}; hashes that are taken: {KINDS}; `pusud hash-password` makes a good one, and {as_plain}"
            )),
        }
    }

    /// Whether `attempt` is this password.
    pub(crate) fn is(&self, attempt: &Attempt<'_>) -> Match {
        match self {
            Self::Plain(digest) => bool::from(digest.ct_eq(attempt.digest.as_slice())).into(),
            Self::Hash(hash) => hash.is(attempt.bytes),
        }
    }

    /// The same in a turn: where others have the memory that it takes, once more when they have ended, if that is by
    /// `until`.
    pub(crate) fn is_in_turn(&self, attempt: &Attempt<'_>, turn: Option<&mut Turn<'_>>, until: Instant) -> Match {
        let found = self.is(attempt);
        let is_again = found == Match::NoMemory && turn.is_some_and(|turn| turn.be_alone(until));
        if is_again { self.is(attempt) } else { found }
    }

    /// What one comparison takes; `None`: next to nothing.
    pub(crate) fn cost(&self) -> Option<Cost> {
        match self {
            Self::Plain(_) => None,
            Self::Hash(hash) => Some(hash.cost()),
        }
    }
}

fn digest(bytes: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(Sha256::digest(bytes).into())
}
