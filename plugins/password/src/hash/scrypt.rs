//! scrypt hashes in PHC format, as passlib prints them.

use super::{Match, numbers, phc};
use crate::cost::{Cost, Work};
use crate::memory;
use scrypt::Params;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub(super) const GOOD: &str = "$scrypt$ln=17,r=8,p=1$SALT$HASH with salt and hash in base64 without `=`";

/// A hash, with everything needed to make it again.
pub(crate) struct ScryptHash {
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl ScryptHash {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let phc = phc(text)?;
        let out_of_range = || "the parameters ln, r, p are out of range".to_owned();
        let [log_n, r, p] = numbers(&phc, ["ln", "r", "p"])?;
        let log_n = u8::try_from(log_n).ok().filter(|log_n| (1..=40).contains(log_n)).ok_or_else(out_of_range)?;
        // The library multiplies both without looking.
        r.checked_mul(p).filter(|product| *product < 1 << 30).ok_or_else(out_of_range)?;
        let params = Params::new(log_n, r, p).map_err(|_| out_of_range())?;
        let (Some(salt), Some(hash)) = (phc.salt, phc.hash) else { return Err("salt or hash are missing".into()) };
        Ok(Self { params, salt: salt.to_vec(), hash: hash.as_bytes().to_vec() })
    }

    pub(super) fn is(&self, attempt: &[u8]) -> Match {
        // The library ends the process where there is no memory, so that is asked for beforehand.
        if !memory::has(self.cost().bytes) {
            return Match::NoMemory;
        }
        let mut made = Zeroizing::new(vec![0; self.hash.len()]);
        match scrypt::scrypt(attempt, &self.salt, &self.params, &mut made) {
            Ok(()) => bool::from(made.ct_eq(&self.hash)).into(),
            Err(_) => Match::Undecided("the scrypt library does not take it"),
        }
    }

    pub(super) fn cost(&self) -> Cost {
        let (n, r, p) = (self.params.n(), u64::from(self.params.r()), u64::from(self.params.p()));
        let blocks = n.saturating_mul(r);
        Cost {
            parameters: format!("scrypt with ln={}, r={r}, p={p}", self.params.log_n()),
            bytes: blocks.saturating_add(r.saturating_mul(p)).saturating_mul(128),
            work: Work::ScryptBlocks(blocks.saturating_mul(p)),
        }
    }
}
