//! Roles of operators, and who it is that asks.

use serde::Serialize;
use std::fmt;

/// What an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    /// Look.
    Read,
    /// Look, and change.
    Operate,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Operate => "operate",
        })
    }
}

/// An operator who has shown a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) role: Role,
    /// Which token of the role it was: with another one this one is over.
    pub(super) generation: u64,
    /// What stands for the session in the log; `None`: the token came with the request.
    pub(super) session: Option<String>,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.session {
            Some(session) => write!(f, "{} (session {session})", self.role),
            None => write!(f, "{} (token)", self.role),
        }
    }
}
