//! The one whose authorizations are revoked: everybody with a subject, or whoever sends one authorization.

use anyhow::{bail, ensure};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest subject, in bytes: as long as plugins may give one.
pub const SUBJECT_BYTES_MAX: usize = 1024;
/// Bytes of a hash.
const HASH_BYTES: usize = 16;

/// What names the key that a hash was made under: the first bytes of the hash.
pub(super) type KeyName = [u8; 4];

/// The one whose authorizations are revoked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// Everybody whom the authenticator gives this subject.
    Subject(String),
    /// Whoever sends the authorization with this hash.
    AuthorizationHash(AuthorizationHash),
}

impl Whom {
    /// Checks that there can be such a one.
    ///
    /// # Errors
    /// A subject that no authenticator gives.
    pub fn check(&self) -> anyhow::Result<()> {
        let Self::Subject(subject) = self else { return Ok(()) };
        ensure!(
            !subject.is_empty() && subject.len() <= SUBJECT_BYTES_MAX,
            "expected a subject of 1 to {SUBJECT_BYTES_MAX} bytes, found {} bytes",
            subject.len()
        );
        Ok(())
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(subject) => write!(f, "subject {subject:?}"),
            Self::AuthorizationHash(hash) => write!(f, "authorization {hash}"),
        }
    }
}

/// A keyed hash that stands for an authorization: 32 hexadecimal digits, the first 8 of which name the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuthorizationHash(pub [u8; HASH_BYTES]);

impl AuthorizationHash {
    /// The one of which `hash` is all, under the key of this name.
    pub(super) fn new(key: KeyName, hash: &[u8]) -> Self {
        let mut bytes = [0; HASH_BYTES];
        let (name, short) = bytes.split_at_mut(key.len());
        name.copy_from_slice(&key);
        short.copy_from_slice(&hash[..short.len()]);
        Self(bytes)
    }

    /// The name of the key that it was made under.
    pub(super) fn key_name(&self) -> KeyName {
        let [first, second, third, fourth, ..] = self.0;
        [first, second, third, fourth]
    }

    /// Its end, which tells it from others: 64 bits of a keyed hash do not meet by accident.
    pub(super) fn key(&self) -> u64 {
        let mut last = [0; 8];
        last.copy_from_slice(&self.0[HASH_BYTES - 8..]);
        // 0 stands for none.
        u64::from_be_bytes(last).max(1)
    }
}

impl fmt::Display for AuthorizationHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AuthorizationHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorizationHash({self})")
    }
}

impl FromStr for AuthorizationHash {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        // The text itself is not repeated: it may be an authorization in the place of its hash.
        let wrong = "expected 32 hexadecimal digits, as `pusud decisions` shows them in the column `authorization`";
        let mut bytes = [0; HASH_BYTES];
        if text.len() != 2 * HASH_BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            bail!("{wrong}");
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| anyhow::anyhow!("{wrong}"))?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for AuthorizationHash {
    type Error = anyhow::Error;

    fn try_from(text: String) -> anyhow::Result<Self> {
        text.parse()
    }
}

impl From<AuthorizationHash> for String {
    fn from(hash: AuthorizationHash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_shown_and_nothing_else_is_one() {
        let hash = AuthorizationHash([0, 1, 0xab, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(hash.to_string(), "0001ab030405060708090a0b0c0d0eff");
        assert_eq!(hash.to_string().parse::<AuthorizationHash>().unwrap(), hash);
        for wrong in ["", "0001", "hunter2", &"g".repeat(32), &"ä".repeat(16), &"+1".repeat(16)] {
            let error = wrong.parse::<AuthorizationHash>().unwrap_err().to_string();
            assert!(error.contains("32 hexadecimal") && (wrong.is_empty() || !error.contains("hunter2")), "{error}");
        }
    }

    #[test]
    fn a_subject_has_bounds() {
        assert!(Whom::Subject(String::new()).check().is_err());
        assert!(Whom::Subject("x".repeat(SUBJECT_BYTES_MAX)).check().is_ok());
        assert!(Whom::Subject("x".repeat(SUBJECT_BYTES_MAX + 1)).check().is_err());
    }
}
