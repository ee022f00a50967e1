//! What a client shows that has a key pair in the place of a password.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The signature of a server's nonce by a seed as NATS spells it.
pub(crate) fn signed(seed: &str, nonce: &str) -> String {
    let raw = from_base32(seed.trim());
    // Two bytes say which kind of key it is, and two behind the seed are a checksum.
    let pair = Ed25519KeyPair::from_seed_unchecked(&raw[2..34]).unwrap();
    URL_SAFE_NO_PAD.encode(pair.sign(nonce.as_bytes()))
}

fn from_base32(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0u32, 0);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|&other| other == letter).expect("it is base32");
        held = (held << 5 | u32::try_from(value).unwrap()) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
    }
    bytes
}
