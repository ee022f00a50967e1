//! Effects of a client's messages are applied here: the session has decided them, and nothing here waits.

use super::{Client, Next, framing, session::Effect};
use crate::client::publish_rate::PublishRate;
use crate::protocol::{self, Disconnect, Malformed, Refusal, Reply, Request};
use std::time::Instant;
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::debug;

impl Client {
    /// Does what a message says.
    pub(super) fn handle(&mut self, message: Result<Message, Error>) -> Next {
        match message {
            Ok(Message::Text(text)) => {
                self.count_turn(text.len());
                let next = self.request(protocol::parse(&text, &self.context.limits));
                self.messages.after_message(text.len());
                next
            }
            Ok(Message::Binary(bytes)) => {
                self.count_turn(bytes.len());
                let next = self.request(protocol::parse_binary(&bytes, &self.context.limits));
                self.messages.after_message(bytes.len());
                next
            }
            // Pings are answered and a close frame is echoed by tungstenite, at its next turn.
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => Next::Message,
            Err(error) => self.end_after(&error),
        }
    }

    fn count_turn(&mut self, bytes: usize) {
        self.turn_bytes = self.turn_bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// Counts something that was refused, unless the operator has asked for it.
    fn count_refusal(&self, refusal: Refusal) {
        if !self.outbox.is_operators() {
            self.context.hub.count_refusal(refusal);
        }
    }

    fn request(&mut self, request: Result<Request<'_>, Malformed>) -> Next {
        if let Err(Malformed { limit: Some(limit), .. }) = &request {
            self.count_refusal(*limit);
        }
        let effect = self.session.handle(request);
        self.apply(effect)
    }

    fn apply(&mut self, effect: Effect<'_>) -> Next {
        let hub = &self.context.hub;
        match effect {
            Effect::Publish { channel, content } => {
                if !self.may_publish_now() {
                    self.count_refusal(Refusal::PublishRate);
                    return self.exceeded(&channel, Refusal::PublishRate, "published faster than limits.publish_rate");
                }
                self.messages.stay_open();
                return self.publish(&channel, content);
            }
            Effect::Subscribe { channel, since } => return self.subscribe(&channel, since.into()),
            Effect::Unsubscribe(channel) => hub.unsubscribe(self.listener, &channel),
            Effect::Authorize { authorization, again } => return Next::Verdict { authorization, again },
            Effect::End(reply, disconnect) => return self.end(&reply, disconnect),
        }
        Next::Message
    }

    fn may_publish_now(&mut self) -> bool {
        let limits = &self.context.limits;
        if limits.publish_rate == 0 {
            return true;
        }
        let now = Instant::now();
        let rate = self.publish_rate.get_or_insert_with(|| Box::new(PublishRate::new(now)));
        rate.allows(now, limits.publish_rate, limits.publish_burst)
    }

    /// Ends a client that has exceeded a limit.
    pub(super) fn exceeded(&self, channel: &str, limit: Refusal, reason: &str) -> Next {
        self.context.hub.reply(&self.outbox, &Reply::LimitExceeded { channel, reason }.to_json());
        self.context.hub.close_past(&self.outbox, Disconnect::LimitExceeded, limit);
        Next::End
    }

    /// The client's address as text.
    pub(super) fn peer(&self) -> String {
        self.outbox.transport().describe_client()
    }

    /// Sends a reply.
    pub(super) fn reply(&self, reply: &Reply<'_>) {
        self.context.hub.reply(&self.outbox, &reply.to_json());
    }

    /// Sends a last reply (JSON text) and ends the connection.
    pub(super) fn end(&self, reply: &[u8], disconnect: Disconnect) -> Next {
        self.context.hub.reply_ended(self.listener, &self.outbox, reply);
        self.context.hub.close(&self.outbox, disconnect);
        Next::End
    }

    fn end_after(&self, error: &Error) -> Next {
        let hub = &self.context.hub;
        let limit = framing::limit_of(error);
        if let Some(limit) = limit {
            self.count_refusal(limit);
        }
        debug!(client = %self.peer(), %error, "client connection closed");
        match (framing::disconnect_after(error), limit) {
            (Some(disconnect), Some(limit)) => hub.close_past(&self.outbox, disconnect, limit),
            (Some(disconnect), None) => hub.close(&self.outbox, disconnect),
            (None, _) => {}
        }
        Next::End
    }
}
