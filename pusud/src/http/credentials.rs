//! The authorization in the header `Authorization`: a bearer token (RFC 6750), or the password of `Basic` (RFC 7617).
//!
//! Copies of it are wiped when they are dropped, and no error has a part of it.

use crate::protocol::AUTHORIZATION_BYTES_MAX;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Why a header names no authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Neither `Bearer` nor `Basic`.
    #[error("The scheme of the header Authorization is not known here: use Bearer or Basic.")]
    UnknownScheme,
    /// Nothing follows the scheme, or something else than it wants.
    #[error("The header Authorization is not well-formed.")]
    Malformed,
    /// Longer than [`AUTHORIZATION_BYTES_MAX`].
    #[error("The authorization is longer than {AUTHORIZATION_BYTES_MAX} bytes.")]
    TooLong,
}

/// The authorization that the value of a header `Authorization` holds: X of `Bearer X`, and the password of `Basic`, which is
/// behind the first colon and may be empty.
///
/// # Errors
/// Another scheme, a value that breaks the scheme's rules or is not UTF-8, or an authorization that is too long.
pub fn authorization(header: &[u8]) -> Result<Zeroizing<String>, CredentialsError> {
    let header = trim_blanks(header);
    let scheme_len = header.iter().position(|&byte| byte == b' ').unwrap_or(header.len());
    let (scheme, value) = header.split_at(scheme_len);
    let value = value.trim_ascii_start();
    let authorization = if scheme.eq_ignore_ascii_case(b"bearer") {
        text(value).filter(|text| !text.is_empty())
    } else if scheme.eq_ignore_ascii_case(b"basic") {
        password(value)
    } else {
        return Err(CredentialsError::UnknownScheme);
    };
    match authorization {
        None => Err(CredentialsError::Malformed),
        Some(authorization) if authorization.len() > AUTHORIZATION_BYTES_MAX => Err(CredentialsError::TooLong),
        Some(authorization) => Ok(authorization),
    }
}

/// The value without the blanks that may stand around it.
fn trim_blanks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn text(bytes: &[u8]) -> Option<Zeroizing<String>> {
    std::str::from_utf8(bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
}

fn password(encoded: &[u8]) -> Option<Zeroizing<String>> {
    // It never grows, which would leave a copy behind.
    let mut decoded = Zeroizing::new(vec![0; base64::decoded_len_estimate(encoded.len())]);
    let length = STANDARD.decode_slice(encoded, &mut decoded).ok()?;
    let both = std::str::from_utf8(&decoded[..length]).ok()?;
    let (_, password) = both.split_once(':')?;
    text(password.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn authorization(header: &[u8]) -> Result<String, CredentialsError> {
        super::authorization(header).map(|authorization| authorization.to_string())
    }

    #[test]
    fn what_clients_send() {
        for (header, expected) in [
            ("Bearer abc", "abc"),
            ("bEARER   abc \t", "abc"),
            (" Bearer a b", "a b"),
            ("Bearer a\tb", "a\tb"),
            ("Bearer =,\"\u{e4}", "=,\"\u{e4}"),
            ("Bearer Bearer abc", "Bearer abc"),
            // u:p
            ("Basic dTpw", "p"),
            ("BASIC  dTpw ", "p"),
            // :p
            ("Basic OnA=", "p"),
            // u:
            ("Basic dTo=", ""),
            // u:p:q
            ("Basic dTpwOnE=", "p:q"),
            // u:ä
            ("Basic dTrDpA==", "\u{e4}"),
        ] {
            assert_eq!(authorization(header.as_bytes()).as_deref(), Ok(expected), "{header}");
        }
    }

    #[test]
    fn what_is_not_understood() {
        use CredentialsError::{Malformed, UnknownScheme};
        for (header, expected) in [
            (&b""[..], UnknownScheme),
            (b"abc", UnknownScheme),
            (b"Bearers abc", UnknownScheme),
            (b"Bearer\tabc", UnknownScheme),
            (b"Bearer:abc", UnknownScheme),
            (b"Digest username=\"a\"", UnknownScheme),
            (b"\xff abc", UnknownScheme),
            (b"Bearer", Malformed),
            (b"Bearer ", Malformed),
            (b"Bearer \t ", Malformed),
            (b"Bearer \xff", Malformed),
            (b"Basic", Malformed),
            (b"Basic  ", Malformed),
            (b"Basic u:p", Malformed),
            // u, without a colon
            (b"Basic dQ==", Malformed),
            // Without padding, with too much of it, with another alphabet, with bits behind the end, with a blank.
            (b"Basic dTo", Malformed),
            (b"Basic dTpw====", Malformed),
            (b"Basic dTo_", Malformed),
            (b"Basic dTp=", Malformed),
            (b"Basic dT pw", Malformed),
            // u:\xff and \xff:p
            (b"Basic dTr/", Malformed),
            (b"Basic /zpw", Malformed),
        ] {
            assert_eq!(authorization(header), Err(expected), "{}", header.escape_ascii());
        }
    }

    #[test]
    fn length_is_bounded() {
        let longest = "x".repeat(AUTHORIZATION_BYTES_MAX);
        let basic = |password: &str| format!("Basic {}", STANDARD.encode(format!("a user:{password}")));
        for header in [format!("Bearer {longest}"), basic(&longest)] {
            assert_eq!(authorization(header.as_bytes()), Ok(longest.clone()));
        }
        for header in [format!("Bearer {longest}x"), basic(&(longest + "x"))] {
            assert_eq!(authorization(header.as_bytes()), Err(CredentialsError::TooLong));
        }
    }

    proptest! {
        #[test]
        fn passwords_read_back(user in "[^:]{0,9}", password in ".{0,20}") {
            let header = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            prop_assert_eq!(authorization(header.as_bytes()), Ok(password));
        }
    }
}
