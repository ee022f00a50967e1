//! Records of TLS, as far as they can be seen without their keys.

/// Most plaintext in one record (RFC 8446, section 5.1).
pub const RECORD_BYTES_MAX: usize = 16 * 1024;

/// Whether a whole record stands at the beginning.
pub(super) fn holds_record(bytes: &[u8]) -> bool {
    match bytes {
        [_, _, _, high, low, rest @ ..] => rest.len() >= usize::from(u16::from_be_bytes([*high, *low])),
        _ => false,
    }
}
