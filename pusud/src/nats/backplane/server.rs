//! Operations of the server.

use super::Backplane;
use crate::nats::needed_payload_bytes;
use crate::nats::queue::Kind;
use crate::nats::server::{Info, Op, command};
use crate::nats::servers::Way;
use crate::routing::Door;
use std::time::Duration;
use tokio::time::Instant;
use tracing::warn;

/// A server of which nothing was heard for so long, though it is asked each second, or that was not read for want of room,
/// says nothing of others either.
const PAUSE: Duration = Duration::from_millis(1500);

/// What follows from an operation.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::nats) enum Next {
    /// Nothing more.
    GoOn,
    /// The server ends soon: another one is wanted.
    Leave,
    /// The server ends the connection, for this reason.
    End(String),
}

/// The server that this relay is connected to.
pub(super) struct Server {
    pub(super) way: Way,
    pub(super) info: Info,
    pub(super) since: Instant,
    pub(super) round_trip: Option<Duration>,
    /// When the PING left that is not answered yet.
    pub(super) pinged: Option<Instant>,
    pub(super) refusals: u64,
    /// When something was heard of it.
    pub(super) heard: Instant,
    /// Since when it has been heard without a pause.
    pub(super) hears_since: Instant,
}

impl<D: Door> Backplane<D> {
    /// The server has said something.
    pub(in crate::nats) fn handle(&mut self, op: Op<'_>, now: Instant) -> Next {
        match op {
            Op::Message(message) => self.receive(message.sid, message.subject, message.payload, now),
            Op::Ping => {
                self.queue.pong();
                self.to_write.notify_one();
            }
            Op::Info(info) => return self.informed(*info),
            Op::Error(error) => {
                self.refused(&error, now);
                if error.ends_the_connection() {
                    return Next::End(error.to_string());
                }
                if self.hears_no_relays(&error) {
                    return Next::End(self.words(&error));
                }
            }
            Op::TooLong { subject, .. } => {
                // It may be of a relay that takes longer ones: its sender stands in what was not read.
                let what =
                    "a message longer than this relay takes (`limits.max_message_bytes` has to be alike on all relays)";
                self.garbage(what, subject, None, now);
            }
            // Only questions with a subject for replies are answered so, and there are none; PONG is the connection's business.
            Op::NoResponders { .. } | Op::Pong | Op::Ok => {}
        }
        Next::GoOn
    }

    /// Something has come of the server.
    pub(in crate::nats) fn heard(&mut self, now: Instant) {
        if let Some(server) = &mut self.server {
            if server.heard + PAUSE <= now {
                server.hears_since = now;
            }
            server.heard = now;
        }
    }

    /// Since when all that other relays say would be heard; `None`: it is not, since nothing is heard of the server.
    pub(super) fn hears_since(&self, now: Instant) -> Option<Instant> {
        self.server.as_ref().filter(|server| now < server.heard + PAUSE).map(|server| server.hears_since)
    }

    /// Appends a PING that the connection has to be asked with.
    pub(in crate::nats) fn ping(&mut self, now: Instant) {
        self.server.iter_mut().for_each(|server| server.pinged = Some(now));
        self.queue.write(Kind::Urgent, command::ping);
        self.to_write.notify_one();
    }

    /// Other servers, as the server has named them last.
    pub(in crate::nats) fn named_servers(&self) -> Vec<String> {
        self.server.as_ref().map(|server| server.info.connect_urls.clone()).unwrap_or_default()
    }

    /// The PING was answered after this time.
    pub(in crate::nats) fn answered(&mut self, round_trip: Duration) {
        if let Some(server) = &mut self.server {
            (server.round_trip, server.pinged) = (Some(round_trip), None);
        }
    }

    /// The time of the last PING; of the one that is under way, once that takes longer than the one before: a server that
    /// stands still is not as fast as it was.
    pub(super) fn round_trip(&self, now: Instant) -> Option<Duration> {
        let server = self.server.as_ref()?;
        let open = server.pinged.map(|pinged| now.saturating_duration_since(pinged));
        // Before the first answer nothing is known but that.
        open.map_or(server.round_trip, |open| Some(server.round_trip?.max(open)))
    }

    fn informed(&mut self, info: Info) -> Next {
        let is_lame_duck = info.is_lame_duck;
        if let Some(server) = &mut self.server {
            server.info = info;
        }
        self.look_at_payload_limit();
        if is_lame_duck { Next::Leave } else { Next::GoOn }
    }

    /// Says when the server takes less than the longest message.
    pub(super) fn look_at_payload_limit(&mut self) {
        let Some(server) = &self.server else { return };
        let limit = server.info.payload_bytes_max();
        let needed = needed_payload_bytes(self.identity.content_bytes_max, self.history.is_some());
        if limit < needed && self.figures.small_payload != Some(limit) {
            warn!(
                server = %server.way.server,
                max_payload = limit,
                needed,
                "NATS takes shorter payloads than the longest message needs: such messages will reach the clients of this relay alone; \
                 raise `max_payload` in the settings of the NATS servers, or lower `limits.max_message_bytes`"
            );
        }
        self.last_payload_limit = limit;
        self.figures.small_payload = Some(limit).filter(|limit| *limit < needed);
    }
}
