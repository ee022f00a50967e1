//! Hashes: the kinds that may stand in place of a password, each read once and compared with attempts.
//!
//! Nothing here knows permissions, files or costs that are too high; `cost` has the bounds.
//! **Invariant:** hashes are compared in constant time, and no message holds a part of one.
//! **Invariant:** an attempt with a NUL is no password of a hash that programs in C have made: for them it ends there, and
//! HMAC and bcrypt take some of these for the same.

mod argon2;
mod bcrypt;
mod pbkdf2;
mod scrypt;
mod sha_crypt;

use crate::cost::Cost;
use ::argon2::password_hash::phc::PasswordHash;

/// The kinds, for messages.
pub(crate) const KINDS: &str = "argon2, bcrypt ($2a$, $2b$, $2y$), scrypt, PBKDF2 ($pbkdf2-sha256$, $pbkdf2-sha512$), SHA-crypt ($5$, $6$) and \
     Mosquitto's $7$";

/// What a comparison found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Match {
    Yes,
    No,
    /// It found no memory: perhaps others have it at the moment.
    NoMemory,
    /// It could not be made: why.
    Undecided(&'static str),
}

impl From<bool> for Match {
    fn from(is_equal: bool) -> Self {
        if is_equal { Self::Yes } else { Self::No }
    }
}

/// A hash that was read.
pub(crate) enum Hash {
    Argon2(argon2::Argon2Hash),
    Bcrypt(bcrypt::BcryptHash),
    Scrypt(scrypt::ScryptHash),
    Pbkdf2(pbkdf2::Pbkdf2Hash),
    ShaCrypt(sha_crypt::ShaCryptHash),
}

impl Hash {
    /// Reads a text that has the beginning of a kind; `None`: it has none of them.
    ///
    /// # Errors
    /// It begins as a hash and is none; the text names the kind, says what is wrong, and ends with what a good one looks
    /// like.
    pub(crate) fn read(text: &str) -> Option<Result<Self, String>> {
        let read = |name: &str, hash: Result<Self, String>, good: &str| {
            Some(hash.map_err(|why| format!(
                    "begins as {name} hash, but {why}; expected {good}, in quotes; `pusud hash-password` makes a good one"
                )))
        };
        let id = text.strip_prefix('$')?.split('$').next()?;
        match id {
            "argon2id" | "argon2i" | "argon2d" => {
                read("an argon2", argon2::Argon2Hash::read(text).map(Self::Argon2), argon2::GOOD)
            }
            "2a" | "2b" | "2y" => read("a bcrypt", bcrypt::BcryptHash::read(text).map(Self::Bcrypt), bcrypt::GOOD),
            "scrypt" => read("a scrypt", scrypt::ScryptHash::read(text).map(Self::Scrypt), scrypt::GOOD),
            "pbkdf2-sha256" | "pbkdf2-sha512" => {
                read("a PBKDF2", pbkdf2::Pbkdf2Hash::read(text).map(Self::Pbkdf2), pbkdf2::GOOD)
            }
            "7" => read(
                "a Mosquitto ($7$)",
                pbkdf2::Pbkdf2Hash::read_mosquitto(text).map(Self::Pbkdf2),
                pbkdf2::GOOD_MOSQUITTO,
            ),
            "5" | "6" => read("a SHA-crypt", sha_crypt::ShaCryptHash::read(text).map(Self::ShaCrypt), sha_crypt::GOOD),
            _ => None,
        }
    }

    /// Whether `attempt` is the password.
    pub(crate) fn is(&self, attempt: &[u8]) -> Match {
        match self {
            Self::Argon2(hash) => hash.is(attempt),
            _ if attempt.contains(&0) => Match::No,
            Self::Bcrypt(hash) => hash.is(attempt),
            Self::Scrypt(hash) => hash.is(attempt),
            Self::Pbkdf2(hash) => hash.is(attempt),
            Self::ShaCrypt(hash) => hash.is(attempt),
        }
    }

    /// What one comparison takes.
    pub(crate) fn cost(&self) -> Cost {
        match self {
            Self::Argon2(hash) => hash.cost(),
            Self::Bcrypt(hash) => hash.cost(),
            Self::Scrypt(hash) => hash.cost(),
            Self::Pbkdf2(hash) => hash.cost(),
            Self::ShaCrypt(hash) => hash.cost(),
        }
    }
}

/// Takes a PHC string apart that has to have salt and hash.
fn phc(text: &str) -> Result<PasswordHash, String> {
    let hash = PasswordHash::new(text).map_err(|_| "a part is missing or malformed".to_owned())?;
    match (&hash.salt, &hash.hash) {
        (Some(_), Some(_)) => Ok(hash),
        _ => Err("salt or hash are missing".to_owned()),
    }
}

/// The parameters of a PHC string that are whole numbers, in the order of `names`, each there once and no others.
fn numbers<const N: usize>(hash: &PasswordHash, names: [&str; N]) -> Result<[u32; N], String> {
    let wrong = || format!("its parameters are not {}", names.join(", "));
    if hash.params.iter().count() != N {
        return Err(wrong());
    }
    let mut found = [0; N];
    for (number, name) in found.iter_mut().zip(names) {
        *number = hash.params.get_decimal(name).ok_or_else(wrong)?;
    }
    Ok(found)
}
