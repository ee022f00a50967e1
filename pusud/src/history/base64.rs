//! Numbers as a fixed count of characters of base64url (RFC 4648, section 5), the highest bits first.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Appends the lowest bits of a number, six to a character.
pub(super) fn push<const LEN: usize>(out: &mut String, number: u64) {
    let digits: [u8; LEN] = std::array::from_fn(|at| ALPHABET[(number >> (6 * (LEN - 1 - at))) as usize & 63]);
    out.push_str(str::from_utf8(&digits).expect("the alphabet is ASCII"));
}

/// Reads such a number.
pub(super) fn parse(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |number, &character| Some(number << 6 | u64::from(digit(character)?)))
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_is_read_back() {
        for number in [0, 1, 61, 62, 63, 64, 0x123_4567_89ab, (1 << 36) - 1] {
            let mut out = String::new();
            push::<6>(&mut out, number);
            assert_eq!((out.len(), parse(out.as_bytes())), (6, Some(number & ((1 << 36) - 1))));
        }
        assert_eq!(parse(b"AB+D"), None);
    }
}
