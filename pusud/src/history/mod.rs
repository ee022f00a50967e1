//! Recent publications of the channels that the operator has chosen, with which listeners that come back are completed.
//!
//! A relay has one [`Log`] for each such channel, and all threads share them ([`Logs`]). What is here knows neither clients nor
//! links: it is told of publications and of time, and hands frames over in the order that it has decided.

mod base64;
mod boots;
mod clock;
mod counts;
mod healing;
mod log;
mod logs;
mod origin;
mod position;
mod safeguard;
mod settings;
mod shared;
mod stream_id;
mod sums;
mod table;
mod tag;
#[cfg(test)]
mod tests;
mod view;

pub use boots::Boots;
pub use clock::{Clock, Now, Times};
pub use counts::Counts;
pub use healing::{Healing, Malformed, Out, Way, healing_bytes_max, push_publications};
#[cfg(any(test, feature = "fuzzing"))]
pub use healing::{fuzzed_messages, is_written_again};
pub use log::{Answer, Appended, Entry, Held, Joining, Log, Missed, Numbers, Placed, Room, Start};
pub use logs::Logs;
pub use origin::Origin;
pub use position::{Minute, NUMBER_MAX, ORIGINS_MAX, Position};
pub use settings::{Rule, Settings};
pub use stream_id::{ID_ENTRY_BYTES, STREAM_ID_BYTES_MAX, Seen, push_id, starts};
pub use sums::Sum;
pub use tag::Tag;
pub use view::LogsView;
