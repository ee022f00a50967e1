//! The stage of a client's conversation: what it speaks, and its last words if it is to end now.

use crate::frames::{self, EventBody, Frames};
use crate::http::HttpError;
use crate::protocol::Disconnect;

/// The stage of a client's conversation: what it speaks, and what it is owed if it is to end now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// A request over HTTP is on its way: the answer to it is that the relay is not available.
    Request,
    /// A request over HTTP is being answered: what there is to say its task knows ([`Outbox::push_last`](super::Outbox::push_last)).
    Answer,
    /// Between two requests over HTTP: nothing.
    Idle,
    /// WebSocket: a close frame.
    WebSocket,
    /// A stream of Server-Sent Events: a last event.
    EventStream(EventBody),
}

impl Stage {
    /// What the client is told whose connection ends now, for this reason.
    pub(super) fn last_words(self, disconnect: Disconnect) -> Option<Frames> {
        match self {
            Self::Request => Some(Frames::from(HttpError::unavailable(disconnect).to_response())),
            Self::Answer | Self::Idle => None,
            Self::WebSocket => Some(frames::close(disconnect)),
            Self::EventStream(body) => Some(frames::end_event(body, disconnect)),
        }
    }
}
