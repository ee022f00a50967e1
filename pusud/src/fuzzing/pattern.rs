//! Patterns of permissions, against the definition written as plainly as it can be.

use crate::protocol::{Access, Permission, pattern_matches};

/// Longer ones say nothing new, and the plain definition takes its time.
const BYTES_MAX: usize = 256;

/// A pattern matches what its definition says, and whoever covers a pattern matches all that it matches. The three texts
/// (a pattern, another, a channel) are separated by line feeds.
///
/// # Panics
/// Where that does not hold.
pub fn pattern(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(&bytes[..bytes.len().min(BYTES_MAX)]) else { return };
    let mut texts = text.splitn(3, '\n');
    let [Some(pattern), Some(other), Some(channel)] = [texts.next(), texts.next(), texts.next()] else { return };
    let matches = pattern_matches(pattern, channel);
    assert_eq!(matches, plainly_matches(pattern.as_bytes(), channel.as_bytes()), "{pattern:?} against {channel:?}");
    let [wide, narrow] = [other, pattern].map(|text| Permission::new(text, Access::READ));
    if matches && wide.covers(&narrow) {
        assert!(pattern_matches(other, channel), "{other:?} covers {pattern:?}, but does not match {channel:?}");
    }
    assert!(narrow.covers(&narrow));
}

/// Which beginnings of the channel the pattern so far matches, byte by byte of the pattern.
fn plainly_matches(pattern: &[u8], channel: &[u8]) -> bool {
    let mut matched = vec![false; channel.len() + 1];
    matched[0] = true;
    for &byte in pattern {
        if byte == b'*' {
            let first = matched.iter().position(|&is| is).unwrap_or(matched.len());
            matched[first..].fill(true);
        } else {
            for at in (0..channel.len()).rev() {
                matched[at + 1] = matched[at] && channel[at] == byte;
            }
            matched[0] = false;
        }
    }
    matched[channel.len()]
}
