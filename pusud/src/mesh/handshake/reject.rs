//! Rejections of a connection between relays: what is told to the other side, and what comes from it.

use crate::peers::{Breach, Malformed};
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal,)+) => {
        /// What a REFUSE says. The numbers never change their meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub(crate) enum Code {
            $($(#[$doc])* $name = $value,)+
        }

        impl Code {
            /// The code with this number; `None` for those of later versions.
            pub(crate) fn of(number: u16) -> Option<Self> {
                match number {
                    $($value => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// Another major version.
    Version = 1,
    /// Another network.
    Network = 2,
    /// One side has a key and the other has none.
    KeyMissing = 3,
    /// The signature is not of the same key.
    KeyWrong = 4,
    /// This is the relay that dialled.
    Itself = 5,
    /// Another relay with this name is linked, and was started later.
    SameName = 6,
    /// The two have a link already.
    AlreadyLinked = 7,
    /// A frame that was malformed or came at the wrong time.
    Protocol = 8,
    /// A later start of the same relay has taken the place of this link, or a newer connection has.
    Replaced = 9,
    /// As many relays as can be.
    Full = 10,
    /// The relay is stopping.
    Stopping = 11,
    /// One side requires an encrypted link, and the other does not encrypt.
    Encryption = 12,
}

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// This relay refuses: the other side is told.
    Ours(Code, String),
    /// The other side refuses.
    Theirs(u16, String),
    /// It is no relay: it is told nothing.
    Stranger(Malformed),
}

impl Refusal {
    /// The frame is malformed or came at the wrong time.
    pub(crate) fn protocol(what: impl fmt::Display) -> Self {
        Self::Ours(Code::Protocol, what.to_string())
    }

    /// The code, whichever side it is from.
    pub(crate) fn code(&self) -> Option<Code> {
        match self {
            Self::Ours(code, _) => Some(*code),
            Self::Theirs(number, _) => Code::of(*number),
            Self::Stranger(_) => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(_, reason) => write!(f, "refused: {reason}"),
            // The text is a stranger's: it is shown so that it cannot pass for lines of this log.
            Self::Theirs(_, reason) => write!(f, "the peer refused: {}", reason.escape_debug()),
            Self::Stranger(what) => what.fmt(f),
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::protocol(malformed)
    }
}

impl From<Breach> for Refusal {
    fn from(breach: Breach) -> Self {
        Self::protocol(breach)
    }
}
