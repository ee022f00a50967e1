//! Interest: which relay has listeners for which channel, what is told, what was heard, and who waits until it is
//! acknowledged.

mod announced;
mod announcer;
mod pace;
mod pending_acks;
mod table;
mod wanted;

pub(crate) use announced::Announced;
pub(crate) use announcer::Announcer;
pub(crate) use pending_acks::{PendingAck, PendingAcks};
pub(crate) use table::{Edge, Table};
pub(crate) use wanted::Wanted;
