//! TODO

pub mod channel;
pub mod disconnect;
pub mod limits;
pub mod message;
pub mod nesting;
pub mod origin;
pub mod permission;
pub mod refusal;
