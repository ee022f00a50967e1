//! From the bytes of a settings file to its text.
//!
//! Knows nothing of YAML. A byte order mark at the beginning, as some editors write it, is no part of the text.
//! **Invariant:** no message holds a byte of the file: any may be of a secret.

use anyhow::bail;

/// The mark in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The text of a file.
///
/// # Errors
/// It is not UTF-8; names the line, or UTF-16 where it is that.
pub(super) fn file_text(mut bytes: Vec<u8>) -> anyhow::Result<String> {
    if is_utf16(&bytes) {
        bail!(
            "expected UTF-8 text, found UTF-16, which `>` of Windows PowerShell and \"Unicode\" of some editors write: save \
             it as UTF-8, or convert it with `iconv -f UTF-16 -t UTF-8`"
        );
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = line_at(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
            bail!("line {line}: expected UTF-8 text, found bytes that are none");
        }
    };
    if let Some(at) = text.find("\n\u{feff}") {
        bail!(
            "line {}: expected text, found a byte order mark at the beginning of the line: delete this invisible \
             character (files that were put together leave it behind)",
            line_at(&text.as_bytes()[..=at])
        );
    }
    Ok(text)
}

/// With a byte order mark or without: no YAML begins with a zero byte, or has one in the second place.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.iter().take(2).any(|&byte| byte == 0)
}

/// The line that follows on `before`.
pub(super) fn line_at(before: &[u8]) -> usize {
    1 + before.iter().filter(|&&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_text() {
        for (bytes, expected) in [
            (&b""[..], ""),
            (b"a: 1\n", "a: 1\n"),
            (b"\xef\xbb\xbfa: 1\n", "a: 1\n"),
            (b"\xef\xbb\xbf", ""),
            ("a: 'x\u{feff}'\n".as_bytes(), "a: 'x\u{feff}'\n"),
        ] {
            assert_eq!(file_text(bytes.to_vec()).unwrap(), expected);
        }
    }

    #[test]
    fn other_encodings_are_named() {
        let utf16 = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
        let little = |text: &str| utf16(text).into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let big = |text: &str| utf16(text).into_iter().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        for (bytes, expected) in [
            (little("\u{feff}s3cret: 1"), "found UTF-16"),
            (big("\u{feff}s3cret: 1"), "found UTF-16"),
            (little("s3cret: 1"), "found UTF-16"),
            (big("s3cret: 1"), "found UTF-16"),
            (b"a: 1\ns3cret: caf\xe9\n".to_vec(), "line 2: expected UTF-8 text, found bytes that are none"),
            ("a: 1\ns3cret: 1\n\u{feff}b: 2\n".as_bytes().to_vec(), "line 3: expected text, found a byte order mark"),
        ] {
            let error = file_text(bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
