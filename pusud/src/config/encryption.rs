//! The encryption of links between relays, as the settings ask for it.
//!
//! Says what is wanted and what that needs; how links are encrypted stands elsewhere.

use anyhow::bail;
use std::fmt;

/// `network_encryption`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Links are not encrypted.
    Off,
    /// Links are encrypted with relays that can, and with others they are not.
    Preferred,
    /// Relays that cannot encrypt are refused.
    Required,
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Preferred => "preferred",
            Self::Required => "required",
        })
    }
}

/// What is meant where this was written, if anything.
pub(super) fn resolve(written: Option<Encryption>, has_key: bool) -> Encryption {
    written.unwrap_or(if has_key { Encryption::Preferred } else { Encryption::Off })
}

/// Checks that what is asked for can be had.
///
/// # Errors
/// The other side would be anybody, which is not what was asked for.
pub(super) fn check(encryption: Encryption, has_key: bool) -> anyhow::Result<()> {
    if encryption == Encryption::Required && !has_key {
        bail!(
            "`network_encryption`: `required` needs `network_key_file`, since without a key a link is encrypted with whoever \
             answers: make a key with `openssl rand -hex 32` and name its file on every relay, or remove `network_encryption`"
        );
    }
    Ok(())
}

/// What is allowed but probably not meant, of a relay that has others in its list.
pub(super) fn warning(encryption: Encryption, has_key: bool) -> Option<&'static str> {
    match (encryption, has_key) {
        (Encryption::Off, true) => Some(
            "`network_encryption: off`: links to other relays are not encrypted, and whoever can change packets on their way can \
             change messages; remove it",
        ),
        (Encryption::Preferred, false) => Some(
            "`network_encryption: preferred` without `network_key_file`: links are encrypted with whoever answers, which keeps \
             out those who only listen; set a key",
        ),
        _ => None,
    }
}
