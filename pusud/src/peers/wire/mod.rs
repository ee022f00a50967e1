//! Frames as bytes: cutting a stream into them, their fields, and the frames that peers tell each other whatever carries
//! them. It knows no peer and keeps nothing but half a frame.

mod codec;
mod deciders;
mod decoder;
mod fields;
mod framing;
pub(super) mod kind;
mod links;
mod orders;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use codec::any;
pub(crate) use codec::{Frame, parse};
pub(super) use deciders::{Decider, deciders};
pub(crate) use decoder::Decoder;
pub(crate) use fields::{Fields, Malformed, list};
pub(crate) use framing::{FRAME_BYTES_MAX, HEAD_BYTES, bare, close, frame};
pub(super) use links::{LINKS_TOLD_MAX, LinkTold, links};
pub(super) use orders::{Entries, entry_len, kick, kicked, revocations, revoked, room};
