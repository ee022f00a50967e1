//! TODO

mod accept;
mod backoff;
mod dial;
mod roster;
mod settings;
mod strangers;

pub use accept::Doorman;
pub use dial::dial;
pub use roster::{Account, Candidate, LinkId, Roster, Verdict};
pub use settings::{Settings, UNLISTED_LINKS_MAX, connections_max, links_max, strangers_max};
pub use strangers::Seen;
