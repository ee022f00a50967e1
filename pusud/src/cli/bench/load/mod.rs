//! The load itself: crews of listeners and the sources, each on threads of their own, and how far a source may go.
//!
//! What a message means for the outcome is the ledger's business ([`super::checking`]).

pub(super) mod crew;
mod frames;
mod halves;
mod listener;
mod source;
pub(super) mod sources;
mod stream;
mod timer_slack;
mod window;

pub(super) use frames::Shown;
pub(super) use sources::Sent;
pub(super) use window::{Audience, Window};
