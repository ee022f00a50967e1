//! Streams of Server-Sent Events among a shard's clients: publications are encoded for them only where there are some.

use super::{Hub, Outbox, Stage};
use crate::frames::{self, EventBody};
use crate::protocol::{Limits, Reply};
use std::rc::Rc;
use std::time::Duration;

/// A stream that is about to begin: its client may subscribe, and gets nothing of it before that.
pub struct EventStream {
    hub: Rc<Hub>,
    begins: bool,
}

impl EventStream {
    /// From here on the client behind `outbox` gets what it is subscribed to, behind what has been sent to it.
    pub fn begin(mut self, outbox: &Outbox, body: EventBody) {
        self.begins = true;
        outbox.reach(Stage::EventStream(body));
        outbox.incoming.open();
        outbox.transport().limit_sending(silence_max(&self.hub.limits));
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        if !self.begins {
            self.hub.end_event_stream();
        }
    }
}

/// For how long what is sent to a client may be unacknowledged. Nobody answers a comment, so the system has to notice who
/// is gone; but who only reads slowly is told so before.
fn silence_max(limits: &Limits) -> Duration {
    limits.ping_interval + limits.pong_timeout + limits.write_deadline
}

impl Hub {
    /// A client is about to listen to a stream of events.
    pub fn begin_event_stream(self: &Rc<Self>) -> EventStream {
        self.state.borrow_mut().event_streams += 1;
        EventStream { hub: self.clone(), begins: false }
    }

    pub(super) fn end_event_stream(&self) {
        self.state.borrow_mut().event_streams -= 1;
    }

    /// Sends a reply (JSON text) to a client, as it speaks.
    pub fn reply(&self, outbox: &Rc<Outbox>, json: &[u8]) {
        self.send(
            outbox,
            match outbox.stage() {
                Stage::EventStream(body) => frames::event(body, Reply::type_of(json), json),
                Stage::WebSocket | Stage::Request | Stage::Answer | Stage::Idle => frames::text(json),
            },
        );
    }
}
