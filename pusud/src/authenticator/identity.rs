//! The identity of what runs as the authenticator, for the log and for operators.

use super::manifest::BUILT_IN_ID;
use std::fmt;
use std::path::PathBuf;

/// What is running, for the log and `pusud check`. `Display` gives it as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The manifest's id, or `None`; of a list, the names of those that decide, and nothing else.
    pub id: String,
    /// The plugin's version.
    pub version: String,
    /// Lower-case hex; empty for `None`.
    pub sha256: String,
    /// The library's file; `None` for the built-in one.
    pub path: Option<PathBuf>,
}

impl Identity {
    /// The hash of the library as bytes; zeros where there is none.
    pub(super) fn library(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(self.sha256.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
        }
        bytes
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            None if self.id != BUILT_IN_ID => f.write_str(&self.id),
            Some(path) => write!(f, "{} {} (SHA-256 {}, {})", self.id, self.version, self.sha256, path.display()),
            None => write!(f, "{} (built in: any authorization may read and write every channel)", self.id),
        }
    }
}
