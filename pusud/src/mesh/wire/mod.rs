//! TODO

pub mod codec;
pub mod decoder;
pub mod encode;
pub mod fields;
