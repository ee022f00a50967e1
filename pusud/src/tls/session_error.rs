//! The errors of a session with a client.

use super::session::UNREAD_BYTES_MAX;
use std::io;

/// The client has broken the rules of TLS, or is not let in by them.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// rustls says why.
    #[error("{0}")]
    Tls(#[from] rustls::Error),
    /// Half a handshake message follows the handshake: no honest client splits five bytes.
    #[error("a message of the handshake came in pieces after the handshake")]
    SplitMessage,
    /// The handshake does not fit.
    #[error("the handshake has more than {UNREAD_BYTES_MAX} bytes")]
    TooLong,
    /// The session has ended before.
    #[error("the session has ended")]
    Ended,
    /// The keys are used up, which TLS 1.2 cannot change.
    #[error("the keys of the session are used up")]
    Exhausted,
}

impl From<SessionError> for io::Error {
    fn from(error: SessionError) -> Self {
        Self::other(error)
    }
}
