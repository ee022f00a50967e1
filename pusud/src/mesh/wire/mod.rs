//! Frames of a link: values, reading and writing them. It knows no link and keeps nothing but half a frame.

mod codec;
mod deciders;
mod decoder;
mod encode;
mod fields;
pub(crate) mod kind;
mod links;

pub(crate) use codec::{
    Changes, DECIDERS_MINOR, ENCRYPTION_MINOR, Entries, FRAME_BYTES_OVER_CONTENT, Frame, HANDSHAKE_FRAME_BYTES_MAX,
    HOLD_MINOR, Hello, LINKS_MINOR, Malformed, Names, ORDERS_MINOR, Publications, Ready, Total, hash, major_of_hello,
    parse,
};
pub(crate) use deciders::{Decider, deciders};
pub(crate) use decoder::Decoder;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use encode::any;
pub(crate) use encode::{
    acknowledge, auth, bare, begin_publications, changes, channels, check, close, entry_len, frame, heartbeat,
    hello_fields, kick, kicked, publication, ready, refuse, revocations, revoked, snapshot, snapshot_end,
};
pub(crate) use kind::is_about_interest;
pub(crate) use links::{LINKS_TOLD_MAX, LinkTold, links};
