//! argon2 hashes in PHC format, as `pusud hash-password` and the command `argon2` print them.

use super::{Match, phc};
use crate::cost::{Cost, Work};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

pub(super) const GOOD: &str = "$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH";

/// A hash, with everything needed to make it again.
pub(crate) struct Argon2Hash {
    hash: Box<PasswordHash>,
    params: Params,
}

impl Argon2Hash {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let hash = phc(text)?;
        Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| "the algorithm is unknown".to_owned())?;
        if let Some(version) = hash.version {
            Version::try_from(version).map_err(|_| "the version is neither 16 nor 19".to_owned())?;
        }
        let params = Params::try_from(&hash).map_err(|_| "the parameters m, t, p are out of range".to_owned())?;
        Ok(Self { hash: Box::new(hash), params })
    }

    pub(super) fn is(&self, attempt: &[u8]) -> Match {
        // Which parameters are used is decided by the hash, not by the `Argon2` it is given to.
        match Argon2::default().verify_password(attempt, &*self.hash) {
            Ok(()) => Match::Yes,
            Err(password_hash::Error::PasswordInvalid) => Match::No,
            Err(password_hash::Error::OutOfMemory) => Match::NoMemory,
            Err(_) => Match::Undecided("the argon2 library does not take it"),
        }
    }

    pub(super) fn cost(&self) -> Cost {
        let (memory, passes) = (self.params.m_cost(), self.params.t_cost());
        Cost {
            parameters: format!("argon2 with m={memory}, t={passes}, p={}", self.params.p_cost()),
            bytes: u64::from(memory) * 1024,
            work: Work::Argon2Blocks(u64::from(memory) * u64::from(passes)),
        }
    }
}
