//! TODO

pub mod accept;
pub mod backoff;
pub mod dial;
pub mod roster;
pub mod settings;
pub mod strangers;
