//! Frames of a link: values, reading and writing them. It knows no link.

mod codec;
mod encode;
pub(crate) mod kind;
mod lists;

pub(crate) use codec::{
    ENCRYPTION_MINOR, FRAME_BYTES_OVER_CONTENT, Frame, HANDSHAKE_FRAME_BYTES_MAX, HISTORY_MINOR, HOLD_MINOR, Hello, PEERS_MINOR,
    Ready, major_of_hello, parse,
};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use encode::any;
pub(crate) use encode::{
    acknowledge, auth, begin_publications, changes, channels, check, heartbeat, hello_fields, publication, ready,
    refuse, snapshot, snapshot_end,
};
pub(crate) use kind::is_about_interest;
pub(crate) use lists::{Changes, Names, Publications, Total, hash};
