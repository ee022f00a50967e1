//! History of channels: who comes back misses nothing, in order and nothing twice, or is told.

mod answers;
mod connection;
mod crowd;
mod limits;
mod mistakes;
mod network;
mod others;
mod permissions;
mod positions;
mod restart;
mod returns;
mod visitors;
