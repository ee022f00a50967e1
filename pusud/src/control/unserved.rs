//! A session that an operator wanted and does not get: why.

use std::fmt;

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unserved {
    /// What was asked cannot be meant, or was refused.
    Wrong(String),
    /// There is no room for it now.
    Busy(String),
}

impl From<String> for Unserved {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

impl From<Unserved> for String {
    fn from((Unserved::Wrong(why) | Unserved::Busy(why)): Unserved) -> Self {
        why
    }
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Wrong(why) | Self::Busy(why)) = self;
        f.write_str(why)
    }
}
