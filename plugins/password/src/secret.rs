//! Secrets: the part of a password that is kept, and the comparison of an attempt with it.
//!
//! **Invariant:** of a plain password only its digest is kept, and digests are compared in constant time: neither what
//! is right in an attempt nor how long the password is can be measured.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What a password in PHC format begins with, `argon2id`, `argon2i` and `argon2d` alike.
const PHC_PREFIX: &str = "$argon2";

/// What a client sent, borrowed, with its digest.
pub(crate) struct Attempt<'a> {
    bytes: &'a [u8],
    digest: Zeroizing<[u8; 32]>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, digest: digest(bytes) }
    }
}

/// What a comparison found.
pub(crate) enum Match {
    Yes,
    No,
    /// It could not be made, for want of memory for one.
    Undecided(password_hash::Error),
}

/// What is kept of one password.
pub(crate) enum Secret {
    /// The SHA-256 digest of a plain one.
    Plain(Zeroizing<[u8; 32]>),
    /// A hash, with everything needed to make it again.
    Argon2(Box<PasswordHash>),
}

/// Why something that looks like a PHC string is none. Does not contain the string.
#[derive(Debug)]
pub(crate) struct NotPhc(&'static str);

impl fmt::Display for NotPhc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "begins with {PHC_PREFIX}, but is not a hash in PHC format, {}; expected \
             $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH as `argon2 SALT -id -e` prints it, in quotes",
            self.0
        )
    }
}

impl Secret {
    /// Takes a password out of the settings.
    ///
    /// # Errors
    /// When it begins like a PHC string and is none.
    pub(crate) fn new(password: &str) -> Result<Self, NotPhc> {
        if !password.starts_with(PHC_PREFIX) {
            return Ok(Self::Plain(digest(password.as_bytes())));
        }
        let hash = PasswordHash::new(password).map_err(|_| NotPhc("a part is missing or malformed"))?;
        Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| NotPhc("the algorithm is unknown"))?;
        if let Some(version) = hash.version {
            Version::try_from(version).map_err(|_| NotPhc("the version is neither 16 nor 19"))?;
        }
        Params::try_from(&hash).map_err(|_| NotPhc("the parameters m, t, p are out of range"))?;
        match (&hash.salt, &hash.hash) {
            (Some(_), Some(_)) => Ok(Self::Argon2(Box::new(hash))),
            _ => Err(NotPhc("salt or hash are missing")),
        }
    }

    /// Whether `attempt` is this password.
    pub(crate) fn is(&self, attempt: &Attempt<'_>) -> Match {
        match self {
            Self::Plain(digest) if bool::from(digest.ct_eq(attempt.digest.as_slice())) => Match::Yes,
            Self::Plain(_) => Match::No,
            // Which parameters are used is decided by the hash, not by the `Argon2` it is given to.
            Self::Argon2(hash) => match Argon2::default().verify_password(attempt.bytes, hash.as_ref()) {
                Ok(()) => Match::Yes,
                Err(password_hash::Error::PasswordInvalid) => Match::No,
                Err(error) => Match::Undecided(error),
            },
        }
    }
}

fn digest(bytes: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(Sha256::digest(bytes).into())
}
