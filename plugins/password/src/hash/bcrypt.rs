//! bcrypt hashes, as `htpasswd -B` and libraries of most languages print them.
//!
//! **Invariant:** no password is cut off. bcrypt takes 72 bytes and leaves out the others, so whoever knew these would be
//! let in; a longer attempt is the password of no such hash.

use super::Match;
use crate::cost::{Cost, Work};
use bcrypt::HashParts;
use std::ops::RangeInclusive;

pub(super) const GOOD: &str = "60 characters, $2b$12$ and 53 more, as `htpasswd -nB NAME` prints them behind the colon";

/// The longest password that counts as a whole, in bytes.
const PASSWORD_BYTES_MAX: usize = 72;
const COSTS: RangeInclusive<u32> = 4..=31;

/// A hash that the library takes.
pub(crate) struct BcryptHash {
    text: String,
    cost: u32,
}

impl BcryptHash {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.len() != 60 {
            return Err(format!("has {} characters", text.chars().count()));
        }
        let parts: HashParts = text.parse().map_err(|_| "a part is missing or malformed".to_owned())?;
        let cost = parts.get_cost();
        if !COSTS.contains(&cost) {
            return Err(format!("the cost is not {} to {}", COSTS.start(), COSTS.end()));
        }
        Ok(Self { text: text.to_owned(), cost })
    }

    pub(super) fn is(&self, attempt: &[u8]) -> Match {
        if attempt.len() > PASSWORD_BYTES_MAX {
            return Match::No;
        }
        match bcrypt::verify(attempt, &self.text) {
            Ok(is_equal) => is_equal.into(),
            Err(_) => Match::Undecided("the bcrypt library does not take it"),
        }
    }

    pub(super) fn cost(&self) -> Cost {
        Cost {
            parameters: format!("bcrypt with cost {}", self.cost),
            bytes: 0,
            work: Work::BcryptRounds(1 << self.cost),
        }
    }
}
