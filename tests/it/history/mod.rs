//! History of channels: who comes back misses nothing, in order and nothing twice, or is told.

mod account;
mod answers;
mod connection;
mod crowd;
mod gathering;
#[cfg(target_os = "linux")]
mod held;
mod limits;
mod mistakes;
mod network;
mod others;
mod partitions;
mod permissions;
mod positions;
mod published;
mod restart;
mod returns;
mod sources;
mod survivors;
mod two_relays;
mod visitors;
