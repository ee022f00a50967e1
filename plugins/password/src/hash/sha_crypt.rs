//! SHA-crypt hashes (`$5$`, `$6$`), as `openssl passwd -6` prints them and /etc/shadow has them.
//!
//! **Invariant:** a hash that was read is taken by the library, so that no attempt finds out what is wrong with it.

use super::Match;
use crate::cost::{Cost, Work};
use sha_crypt::password_hash::{self, PasswordVerifier};
use sha_crypt::{Params, ShaCrypt};

pub(super) const GOOD: &str = "$6$SALT$HASH or $6$rounds=N$SALT$HASH as `openssl passwd -6` prints it";

/// The longest password that is compared, in bytes, as libxcrypt has it: the time grows with the square of the length,
/// and strangers choose it.
const PASSWORD_BYTES_MAX: usize = 512;

/// A hash that the library takes.
pub(crate) struct ShaCryptHash {
    text: String,
    rounds: u32,
}

impl ShaCryptHash {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('$').collect();
        let (id, rounds, salt, hash) = match parts[..] {
            ["", id, salt, hash] => (id, None, salt, hash),
            ["", id, rounds, salt, hash] => (id, Some(rounds), salt, hash),
            _ => return Err("a part is missing or too much".into()),
        };
        let rounds =
            rounds.map_or(Some(Params::RECOMMENDED_ROUNDS), |rounds| rounds.strip_prefix("rounds=")?.parse().ok());
        let rounds = rounds.filter(|rounds| Params::new(*rounds).is_ok()).ok_or_else(|| {
            format!("the rounds are not `rounds=` and a number from {} to {}", Params::ROUNDS_MIN, Params::ROUNDS_MAX)
        })?;
        if salt.is_empty() || salt.len() > 16 || !salt.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the salt is not 1 to 16 characters".into());
        }
        // The last character of each holds fewer bits than the others.
        let (length, last) = if id == "5" { (43, "./0123456789ABCD") } else { (86, "./01") };
        if hash.len() == 88 && hash.ends_with("==") {
            return Err("is of Mosquitto before 2.0 (salted SHA-512, one round), which is not taken".into());
        }
        let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
        if hash.len() != length || !hash.bytes().all(is_digit) || !hash.ends_with(|end| last.contains(end)) {
            return Err(format!("the hash is not {length} characters of its base64"));
        }
        Ok(Self { text: text.to_owned(), rounds })
    }

    pub(super) fn is(&self, attempt: &[u8]) -> Match {
        if attempt.len() > PASSWORD_BYTES_MAX {
            return Match::No;
        }
        match ShaCrypt::default().verify_password(attempt, self.text.as_str()) {
            Ok(()) => Match::Yes,
            Err(password_hash::Error::PasswordInvalid) => Match::No,
            Err(_) => Match::Undecided("the SHA-crypt library does not take it"),
        }
    }

    pub(super) fn cost(&self) -> Cost {
        let digest = if self.text.starts_with("$5$") { "256" } else { "512" };
        Cost {
            parameters: format!("SHA-crypt {digest} with {} rounds", self.rounds),
            bytes: 0,
            work: Work::ShaCryptRounds(u64::from(self.rounds)),
        }
    }
}
