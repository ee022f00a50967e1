//! Frames of a link: values, reading and writing them. It knows no link and keeps nothing but half a frame.

mod codec;
mod deciders;
mod decoder;
mod encode;
mod fields;

pub(crate) use codec::{
    Changes, DECIDERS_MINOR, ENCRYPTION_MINOR, FRAME_BYTES_OVER_CONTENT, Frame, HANDSHAKE_FRAME_BYTES_MAX, HOLD_MINOR,
    Hello, Malformed, Names, Publications, Ready, Total, hash, is_about_interest, kind, major_of_hello, parse,
};
pub(crate) use deciders::{Decider, deciders};
pub(crate) use decoder::Decoder;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use encode::any;
pub(crate) use encode::{
    acknowledge, auth, bare, begin_publications, changes, channels, check, close, frame, heartbeat, hello_fields,
    publication, ready, refuse, snapshot, snapshot_end,
};
