//! Peers: what relays tell each other beside publications and interest, whatever carries it. Orders of operators, who
//! decides, which links there are; and the key of their network. docs/protocol/relay-link.md is the norm of the frames.
//!
//! Values without sockets: a backplane begins a conversation for each relay that it is linked with, sends what
//! `Peers::write` appends, in order, and hands every frame that comes to `Peers::receive`. Nothing here knows how
//! relays find each other, or what becomes of a conversation that was broken: the next one begins anew.

mod all;
mod boot_id;
mod breach;
mod counted;
mod deciders;
mod key;
mod links;
mod orders;
mod start;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use all::Peers;
pub(crate) use boot_id::BootId;
pub(crate) use breach::Breach;
pub(crate) use key::{Keys, read_secret};
pub use start::Started;
pub(crate) use start::start_now;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use wire::any;
pub(crate) use wire::{
    Decoder, FRAME_BYTES_MAX, Fields, Frame, HEAD_BYTES, Malformed, bare, close, frame, list, parse,
};
