//! Channel names: which texts may be one.
//!
//! A channel exists while it has a listener or a message on its way; there is nothing to create or delete. Names are
//! compared byte for byte.

use crate::protocol::limits::CHANNEL_BYTES_MAX;

/// Why a text cannot be a channel's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadChannel {
    /// It has no characters.
    #[error("the channel's name is empty")]
    Empty,
    /// It is longer than [`CHANNEL_BYTES_MAX`].
    #[error("the channel's name is longer than {CHANNEL_BYTES_MAX} bytes")]
    TooLong,
    /// It has a control character (Unicode category Cc).
    #[error("the channel's name contains a control character")]
    ControlCharacter,
}

/// Checks that `name` may be a channel's: 1 to [`CHANNEL_BYTES_MAX`] bytes without control characters.
///
/// # Errors
/// Says which of the rules it breaks.
pub fn check_channel(name: &str) -> Result<(), BadChannel> {
    if name.is_empty() {
        Err(BadChannel::Empty)
    } else if name.len() > CHANNEL_BYTES_MAX {
        Err(BadChannel::TooLong)
    } else if has_control_character(name) {
        Err(BadChannel::ControlCharacter)
    } else {
        Ok(())
    }
}

fn has_control_character(name: &str) -> bool {
    // Nearly every name is ASCII, where a byte is a character and the test is two comparisons.
    if name.is_ascii() { name.bytes().any(|byte| byte.is_ascii_control()) } else { name.chars().any(char::is_control) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let longest = "x".repeat(CHANNEL_BYTES_MAX);
        for good in ["a", "a.b", "with space", "käse", "*", "\u{1f980}", &longest] {
            assert_eq!(check_channel(good), Ok(()), "{good}");
        }
        let too_long = "x".repeat(CHANNEL_BYTES_MAX + 1);
        for (bad, why) in [
            ("", BadChannel::Empty),
            (too_long.as_str(), BadChannel::TooLong),
            ("a\nb", BadChannel::ControlCharacter),
            ("\u{7f}", BadChannel::ControlCharacter),
            ("ä\u{85}", BadChannel::ControlCharacter),
        ] {
            assert_eq!(check_channel(bad), Err(why), "{bad:?}");
        }
    }
}
