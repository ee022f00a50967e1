//! Nkeys, the Ed25519 keys of NATS: a user's seed as it is written, and what it signs.
//!
//! **Invariant:** nothing of a seed is in an error. Its bytes are wiped; the key that is made of it is aws-lc's, which wipes
//! what it frees.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// The letters of base32 (RFC 4648).
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// The first byte of what is a seed, which reads `S`.
const SEED: u8 = 18 << 3;
/// The first byte of a user's public key, which reads `U`.
pub(super) const USER: u8 = 20 << 3;
/// Two bytes of kinds, the seed itself, and two of a checksum.
const SEED_BYTES: usize = 36;
/// The letters of a seed.
const SEED_LETTERS: usize = 58;
/// The letters of a public key.
const PUBLIC_LETTERS: usize = 56;

/// A user's key.
pub(super) struct Nkey {
    pair: Ed25519KeyPair,
    public: String,
}

impl Nkey {
    /// Reads a user's seed, `SU…`.
    ///
    /// # Errors
    /// Says what was expected, and follows on the name of the file.
    pub(super) fn from_seed(text: &[u8]) -> Result<Self, &'static str> {
        Self::of_kind(USER, text)
    }

    fn of_kind(kind: u8, text: &[u8]) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected an nkey seed of a user, 58 letters and digits that begin with SU";
        let bytes = decoded(text).ok_or(match text.first() {
            Some(b'U' | b'A' | b'O' | b'N') if text.len() == PUBLIC_LETTERS => {
                "has a public nkey, and the seed of a user is expected, which begins with SU"
            }
            _ => EXPECTED,
        })?;
        let [first, second, seed @ .., low, high] = &bytes[..] else { return Err(EXPECTED) };
        if crc16(&bytes[..SEED_BYTES - 2]) != u16::from_le_bytes([*low, *high]) {
            return Err("has an nkey seed with a wrong checksum: a letter is not as it was made");
        }
        if first & 0xf8 != SEED || (first & 7) << 5 | second >> 3 != kind {
            return Err("has an nkey seed that is no user's, which begins with SU");
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| EXPECTED)?;
        let public = encoded(&[&[kind], pair.public_key().as_ref()].concat());
        Ok(Self { pair, public })
    }

    /// The public key, `U…`.
    pub(super) fn public(&self) -> &str {
        &self.public
    }

    /// Signs a server's nonce, as CONNECT has it.
    pub(super) fn sign(&self, nonce: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.sign(nonce.as_bytes()))
    }
}

/// The bytes of 58 letters of base32, with nothing left in the last one.
fn decoded(text: &[u8]) -> Option<Zeroizing<[u8; SEED_BYTES]>> {
    if text.len() != SEED_LETTERS {
        return None;
    }
    let mut bytes = Zeroizing::new([0; SEED_BYTES]);
    let (mut bits, mut count, mut at) = (0_u32, 0, 0);
    for letter in text {
        let value = LETTERS.iter().position(|other| other == letter)?;
        (bits, count) = ((bits << 5 | value as u32) & 0xfff, count + 5);
        if count >= 8 {
            count -= 8;
            *bytes.get_mut(at)? = (bits >> count) as u8;
            at += 1;
        }
    }
    (bits & ((1 << count) - 1) == 0 && at == SEED_BYTES).then_some(bytes)
}

/// The bytes with their checksum, in base32.
fn encoded(bytes: &[u8]) -> String {
    let (mut bits, mut count) = (0_u32, 0);
    let mut text = String::with_capacity(SEED_LETTERS);
    for byte in bytes.iter().chain(&crc16(bytes).to_le_bytes()) {
        (bits, count) = ((bits << 8 | u32::from(*byte)) & 0xffff, count + 8);
        while count >= 5 {
            count -= 5;
            text.push(char::from(LETTERS[(bits >> count & 31) as usize]));
        }
    }
    if count > 0 {
        text.push(char::from(LETTERS[(bits << (5 - count) & 31) as usize]));
    }
    text
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}

#[cfg(test)]
impl Nkey {
    /// One of a kind, and the seed as it is written.
    pub(super) fn made(kind: u8, seed: [u8; 32]) -> (Self, String) {
        let text = encoded(&[&[SEED | kind >> 5, kind << 3], &seed[..]].concat());
        (Self::of_kind(kind, text.as_bytes()).unwrap(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pair that the documentation of NATS shows.
    const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

    fn refused(seed: &str) -> &'static str {
        Nkey::from_seed(seed.as_bytes()).err().unwrap()
    }

    #[test]
    fn the_pair_of_the_documentation() {
        let key = Nkey::from_seed(SEED.as_bytes()).unwrap();
        assert_eq!(key.public(), PUBLIC);
        let signed = URL_SAFE_NO_PAD.decode(key.sign("nonce")).unwrap();
        let verifier = aws_lc_rs::signature::UnparsedPublicKey::new(
            &aws_lc_rs::signature::ED25519,
            key.pair.public_key().as_ref(),
        );
        assert!(verifier.verify(b"nonce", &signed).is_ok() && verifier.verify(b"nonse", &signed).is_err());
    }

    #[test]
    fn a_seed_that_is_made_reads_as_it_is_written() {
        let (key, seed) = Nkey::made(USER, [7; 32]);
        assert!(seed.starts_with("SU") && seed.len() == SEED_LETTERS && key.public().starts_with('U'));
        assert_eq!(Nkey::from_seed(seed.as_bytes()).unwrap().public(), key.public());
    }

    #[test]
    fn seeds_that_are_none_are_not_repeated() {
        let account = Nkey::made(0, [7; 32]).1;
        for (text, expected) in [
            ("", "58 letters"),
            (&SEED[1..], "58 letters"),
            (&SEED.to_lowercase(), "58 letters"),
            (PUBLIC, "public nkey"),
            (&SEED.replace("UHPM", "UHPN"), "wrong checksum"),
            (&account, "no user's"),
        ] {
            let error = refused(text);
            assert!(error.contains(expected) && (text.len() < 8 || !error.contains(&text[2..8])), "{text}: {error}");
        }
        // Bits behind the last byte.
        assert!(Nkey::from_seed(SEED.replace("U3VY", "U3VZ").as_bytes()).is_err());
    }
}
