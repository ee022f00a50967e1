//! Ends of a conversation between relays.
//!
//! Says what the log says; what follows from it is decided elsewhere.

use crate::mesh::handshake::reject::Refusal;
use crate::mesh::wire::Hello;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why a conversation has ended.
#[derive(Debug)]
pub(crate) enum End {
    /// One side has refused.
    Refused(Refusal),
    /// The peer stops as planned.
    Goodbye,
    /// The other side has closed the connection.
    Closed,
    /// Nothing has come for too long.
    Silent(Duration),
    /// The connection could not be encrypted.
    Unencrypted(io::Error),
    /// The connection is broken.
    Broken(io::Error),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Goodbye => f.write_str("the peer is stopping"),
            Self::Closed => f.write_str("the other side has closed the connection"),
            Self::Silent(time) => write!(f, "nothing has come for {} s", time.as_secs()),
            Self::Unencrypted(error) => write!(f, "the link cannot be encrypted: {error}"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Closed } else { Self::Broken(error) }
    }
}

impl<T: Into<Refusal>> From<T> for End {
    fn from(refusal: T) -> Self {
        Self::Refused(refusal.into())
    }
}

/// A conversation that has ended.
pub(crate) struct Outcome {
    /// Why.
    pub end: End,
    /// Who was there, as far as it said.
    pub peer: Option<Hello>,
    /// Whether it has proven that, as far as there is a key to prove it with.
    pub is_authenticated: bool,
    /// For how long it was a link.
    pub linked_for: Option<Duration>,
}
