//! Payloads of relays in NATS: from values to bytes and back. docs/protocol/nats.md has their layout.
//!
//! Pure functions. Nothing here knows subjects, or which message may come when.
//! **Invariant:** memory grows with the bytes that came, never with a declared length.

mod about;
mod encode;
mod fields;
mod kind;
mod message;

pub(super) use about::About;
pub(super) use encode::{
    Sender, barrier, content, goodbye, history_head, note, nothing, numbers, passed, peer_head, presence,
    publications_head, resume,
};
#[cfg(test)]
use fields::Malformed;
pub(super) use kind::Presence;
pub(super) use message::{Contents, Header, Lasts, Message, Names, Numbers, Piece, parse};

/// The version of the protocol that every payload begins with.
pub(super) const VERSION: u8 = 1;
/// Bytes of a payload before the fields of its kind.
pub(super) const HEADER_BYTES: usize = 22;
/// Bytes of a payload with publications before its list: the header, the number of the first, and the base.
pub(super) const PUBLICATIONS_HEAD_BYTES: usize = HEADER_BYTES + 16;
/// Bytes before each content.
pub(super) const CONTENT_HEAD_BYTES: usize = 4;
/// Bytes of a payload of a conversation before its piece.
pub(super) const PEER_HEAD_BYTES: usize = HEADER_BYTES + 16;
/// Where a connection's number stands in PUBLICATIONS: they are copies. No connection has it.
const COPIES: u32 = 0;
/// Longest list of channels in one payload, in bytes.
pub(super) const LIST_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
