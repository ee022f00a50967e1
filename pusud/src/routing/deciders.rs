//! The authenticators that decide on this relay, as the network is told of them: to compare, and not to ask.

use std::fmt;

/// One of them.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnDecider {
    /// The id in its manifest.
    pub id: String,
    /// The version in its manifest.
    pub version: String,
    /// The SHA-256 of its library; zeros for the one that is built in.
    pub library: [u8; 32],
    /// The SHA-256 of its options and of `if_unavailable`. They may be passwords: it goes nowhere as it is.
    pub options_sha256: [u8; 32],
}

impl fmt::Debug for OwnDecider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnDecider({} {})", self.id, self.version)
    }
}
