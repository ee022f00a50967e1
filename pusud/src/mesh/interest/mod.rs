//! TODO

mod announced;
mod announcer;
mod pace;
mod pending_acks;
mod table;
mod wanted;

pub use announced::Announced;
pub use announcer::Announcer;
pub use pending_acks::{Settling, Waits};
pub use table::{Edge, Table};
pub use wanted::Wanted;
