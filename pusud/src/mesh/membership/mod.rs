//! Membership: who may link, and how relays find each other: the list, dialling, connections of others, and one link
//! for a pair.

mod accept;
mod backoff;
mod dial;
mod roster;
mod settings;
mod strangers;

pub(crate) use accept::Doorman;
pub(crate) use dial::dial;
pub(crate) use roster::{Account, Candidate, LinkId, Roster, Verdict};
pub(crate) use settings::{Settings, connections_max, strangers_max};
pub use settings::{UNLISTED_LINKS_MAX, links_max};
pub(crate) use strangers::Seen;
