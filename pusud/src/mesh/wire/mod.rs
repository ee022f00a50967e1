//! TODO

mod codec;
mod decoder;
mod encode;
mod fields;

pub use codec::{
    Changes, FRAME_BYTES_OVER_CONTENT, Frame, HANDSHAKE_FRAME_BYTES_MAX, HEAD_BYTES, Hello, Malformed, Names,
    Publications, Ready, Total, hash, is_about_interest, kind, major_of_hello, parse,
};
pub use decoder::Decoder;
pub use encode::{
    acknowledge, any, auth, bare, begin_publications, changes, check, close, frame, heartbeat, hello_fields,
    publication, ready, refuse, snapshot, snapshot_end,
};
