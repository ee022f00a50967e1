//! TODO

pub mod announced;
pub mod announcer;
pub mod pace;
pub mod pending_acks;
pub mod table;
pub mod wanted;
