//! Breaches of the protocol by a peer. Says what was wrong; the carrier ends the conversation, and says so in its own way.

use super::wire::Malformed;

/// What a peer must not send: the conversation has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Breach {
    /// A frame that is none, or one that this peer is not to know.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It waits for fewer acknowledgements than these would be.
    #[error("more revocations than can be acknowledged")]
    Revocations,
    /// It waits for fewer answers than these would be.
    #[error("more kicks than can be answered")]
    Kicks,
    /// It acknowledges what nobody has told.
    #[error("an acknowledgement of revocations that were not told, or the second one")]
    Acknowledgement,
}
