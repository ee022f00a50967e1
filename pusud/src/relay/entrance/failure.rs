//! Failures at the entrance: connections that broke the rules there, with the reason in words.

use crate::admission::ClientAddress;
use crate::protocol::Refusal;
use std::io;

/// Why a connection was not let in.
pub(super) struct Failure {
    pub(super) refusal: Refusal,
    pub(super) client: ClientAddress,
    pub(super) reason: String,
}

/// The end of a visit that leads nowhere.
pub(super) enum Ended {
    /// A rule was broken, or a limit reached.
    Refused(Refusal, String),
    /// As the former, and it is counted already.
    Counted(Refusal),
    /// The connection has gone, or the system is out of memory.
    Gone(#[expect(dead_code, reason = "it tells nothing that anybody could act on")] io::Error),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}
