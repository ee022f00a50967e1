//! Types of the frames that peers tell each other these things with, as the byte behind the length says them. Smaller
//! numbers are those of the carrier: of a link between relays.

/// Authorizations that were taken back, or are so no more.
pub(crate) const REVOCATIONS: u8 = 17;
/// Revocations have been taken in up to a number.
pub(crate) const REVOKED: u8 = 18;
/// End connections.
pub(crate) const KICK: u8 = 19;
/// So many were ended.
pub(crate) const KICKED: u8 = 20;
/// These authenticators decide.
pub(crate) const DECIDERS: u8 = 21;
/// There is room for revocations again.
pub(crate) const ROOM: u8 = 22;
/// These links there are.
pub(crate) const LINKS: u8 = 23;
