//! What relays tell each other about the numbers of publications.

mod message;
mod parse;
mod wire;

pub use message::push_publications;
pub use wire::Malformed;
