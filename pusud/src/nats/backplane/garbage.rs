//! Garbage: messages that no relay of this network and version has sent. They are counted, and named in the log.
//!
//! **Invariant:** whatever comes, the log has a line a minute of it behind the first few, and none of its bytes as they are.

use super::Backplane;
use crate::nats::wire::Header;
use crate::routing::Door;
use std::borrow::Cow;
use std::time::Duration;
use tokio::time::Instant;
use tracing::warn;

/// The first ones are logged each.
const GARBAGE_LOGGED_MAX: u64 = 5;
/// Least time between two lines behind those.
const GARBAGE_PAUSE: Duration = Duration::from_secs(60);
/// The most of a subject that is shown, in bytes before they are escaped.
const SUBJECT_SHOWN_BYTES_MAX: usize = 100;

/// What has become of a message. The error is what it is instead, in words that `came over NATS` follows on.
pub(super) type Taken = Result<(), Cow<'static, str>>;

impl<D: Door> Backplane<D> {
    /// Counts what nobody here can use. It came at this subject; `header`: what it says of its sender.
    pub(super) fn garbage(&mut self, what: &str, subject: &[u8], header: Option<Header>, now: Instant) {
        let figures = &mut self.figures;
        figures.garbage += 1;
        let may_tell = figures.garbage_told.is_none_or(|at| at + GARBAGE_PAUSE <= now);
        if figures.garbage > GARBAGE_LOGGED_MAX && !may_tell {
            return;
        }
        figures.garbage_told = Some(now);
        let count = figures.garbage;
        let end = subject.len().min(SUBJECT_SHOWN_BYTES_MAX);
        let cut = if end < subject.len() { "…" } else { "" };
        // Names have no control characters.
        let relay = header.map(|header| match self.roster.find(header.boot) {
            Some((_, relay)) => relay.shown(),
            None => header.boot.to_string(),
        });
        warn!(
            subject = %format_args!("{}{cut}", subject[..end].escape_ascii()),
            relay = relay.map(tracing::field::display),
            count,
            "{what} came over NATS and is dropped; let relays alone publish to `{}`",
            self.subjects.everything()
        );
    }
}
