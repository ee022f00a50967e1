//! PBKDF2 hashes: in PHC format, as passlib prints them (`$pbkdf2-sha256$29000$…`), and as Mosquitto does (`$7$`).

use super::{Match, numbers, phc};
use crate::cost::{Cost, Work};
use argon2::password_hash::phc::PasswordHash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub(super) const GOOD: &str = "$pbkdf2-sha256$i=600000,l=32$SALT$HASH with salt and hash in base64 without `=`";
pub(super) const GOOD_MOSQUITTO: &str =
    "$7$ITERATIONS$SALT$HASH as `mosquitto_passwd` writes it into its file behind the colon";

/// What Mosquitto keeps of the hash, in bytes.
const MOSQUITTO_HASH_BYTES: usize = 64;
/// Mosquitto 2.0 makes 12, 2.1 makes 64.
const MOSQUITTO_SALT_BYTES_MAX: usize = 64;

#[derive(Clone, Copy)]
enum Digest {
    Sha256,
    Sha512,
}

/// A hash, with everything needed to make it again.
pub(crate) struct Pbkdf2Hash {
    digest: Digest,
    iterations: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Pbkdf2Hash {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let hash = match of_passlib(text) {
            Some(text) => phc(&text)?,
            None => phc(text)?,
        };
        if hash.version.is_some() {
            return Err("it has a version".into());
        }
        let digest = if hash.algorithm.as_str() == "pbkdf2-sha512" { Digest::Sha512 } else { Digest::Sha256 };
        let has_length = hash.params.get("l").is_some();
        let (iterations, length) = if has_length {
            let [iterations, length] = numbers(&hash, ["i", "l"])?;
            (iterations, Some(length))
        } else {
            let [iterations] = numbers(&hash, ["i"])?;
            (iterations, None)
        };
        let PasswordHash { salt: Some(salt), hash: Some(hash), .. } = hash else {
            return Err("salt or hash are missing".into());
        };
        if length.is_some_and(|length| usize::try_from(length) != Ok(hash.len())) {
            return Err("the hash is not as long as l says".into());
        }
        Self::checked(digest, iterations, salt.to_vec(), hash.as_bytes().to_vec())
    }

    pub(super) fn read_mosquitto(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('$').collect();
        let ["", "7", iterations, salt, hash] = parts[..] else {
            return Err("a part is missing, or it is scrypt in a format of its own, which is not taken".into());
        };
        let digits = iterations.bytes().all(|byte| byte.is_ascii_digit());
        let iterations = iterations.parse().ok().filter(|_| digits).ok_or("the iterations are no whole number")?;
        let salt = STANDARD.decode(salt).map_err(|_| "the salt is not base64")?;
        let hash = STANDARD.decode(hash).map_err(|_| "the hash is not base64")?;
        if salt.is_empty() || salt.len() > MOSQUITTO_SALT_BYTES_MAX {
            return Err(format!("the salt has {} bytes", salt.len()));
        }
        if hash.len() != MOSQUITTO_HASH_BYTES {
            return Err(format!("the hash has {} bytes", hash.len()));
        }
        Self::checked(Digest::Sha512, iterations, salt, hash)
    }

    fn checked(digest: Digest, iterations: u32, salt: Vec<u8>, hash: Vec<u8>) -> Result<Self, String> {
        if iterations == 0 {
            return Err("the iterations are 0".into());
        }
        Ok(Self { digest, iterations, salt, hash })
    }

    pub(super) fn is(&self, attempt: &[u8]) -> Match {
        let mut made = Zeroizing::new(vec![0; self.hash.len()]);
        match self.digest {
            Digest::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(attempt, &self.salt, self.iterations, &mut made),
            Digest::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(attempt, &self.salt, self.iterations, &mut made),
        }
        bool::from(made.ct_eq(&self.hash)).into()
    }

    pub(super) fn cost(&self) -> Cost {
        let (name, block) = match self.digest {
            Digest::Sha256 => ("SHA256", 32),
            Digest::Sha512 => ("SHA512", 64),
        };
        let blocks = self.hash.len().div_ceil(block) as u64;
        Cost {
            parameters: format!("PBKDF2-{name} with {} iterations and {} bytes", self.iterations, self.hash.len()),
            bytes: 0,
            work: Work::Pbkdf2Iterations(u64::from(self.iterations) * blocks),
        }
    }
}

/// The same in PHC format, where passlib has written it: iterations without a name, and `.` in the place of `+`.
fn of_passlib(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('$').collect();
    let ["", id, iterations, salt, hash] = parts[..] else { return None };
    let is_number = !iterations.is_empty() && iterations.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("${id}$i={iterations}${}${}", salt.replace('.', "+"), hash.replace('.', "+")))
}
