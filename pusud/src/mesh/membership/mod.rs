//! Membership: who may link, and how relays find each other: the list, dialling, connections of others, and one link
//! for a pair.

mod accept;
mod backoff;
mod dial;
mod listed;
mod resolve;
mod roster;
mod settings;
mod strangers;

pub(crate) use accept::Doorman;
pub(crate) use dial::dial;
pub(crate) use listed::{Dial, Listed};
pub(crate) use resolve::resolve;
pub(crate) use roster::{Account, Candidate, LinkId, Roster, Verdict};
pub use settings::{ADDRESSES_PER_NAME_MAX, UNLISTED_LINKS_MAX, links_max};
pub(crate) use settings::{LinkEncryption, Settings, addresses_max, connections_max, strangers_max};
pub(crate) use strangers::Seen;
