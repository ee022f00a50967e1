//! History: what was published to a channel lately, for those who come back and for those who come late.
//!
//! Values that all threads share, without sockets and inboxes. Nothing here is read from a file: `config` makes the settings.

mod settings;

pub use settings::{Rule, Settings};
