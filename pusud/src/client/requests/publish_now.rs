//! The short way of a publication over HTTP: nearly all of one source are alike, come whole, and find room. Such a one is
//! handled without waiting for anything; all others go the long way (publish.rs), which decides the same.

use super::publish::PATH;
use super::{Request, Requests};
use crate::http::{Expectation, Framing, Method};
use crate::hub::Stage;
use crate::protocol;

/// The answer to it.
const ACCEPTED: &[u8] =
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"accepted\":1}";

impl Requests<'_> {
    /// Publishes, and has the answer; false, and nothing has happened: the request has to go the long way.
    pub(super) fn publish_now(&mut self, request: &Request) -> bool {
        self.try_publish(request).is_some()
    }

    fn try_publish(&mut self, request: &Request) -> Option<()> {
        let channel = request.path().strip_prefix("/publish/").filter(|_| self.context.paths.publish)?;
        let Some(Framing::Length(len)) = request.framing else { return None };
        let limits = &self.context.limits;
        let is_usual = request.method == Method::Post
            && request.keeps_alive
            && request.expectation == Expectation::None
            && !request.is_encoded
            && request.content_type().is_none_or(|text| text == b"application/json")
            && request.idempotency_key().is_none()
            && request.origin().is_none()
            && !channel.contains('%')
            && limits.publish_rate == 0;
        let len = usize::try_from(len).ok().filter(|len| is_usual && *len <= limits.max_message_bytes)?;
        protocol::check_channel_name(channel, limits).ok()?;
        let known = self.known.as_mut()?;
        let remembered = known.of(request, PATH, self.client)?;
        if !remembered.holds(self.context.authenticator.generation()) || !known.may_write(&remembered, channel) {
            return None;
        }
        let body = std::str::from_utf8(self.received.unread().get(..len)?).ok()?;
        let content = protocol::parse_content(body, limits).ok()?;
        self.context.hub.publish(channel, content, &mut self.turn).ok()?;
        self.context.hub.count_published(self.listener, content.len());
        // The answer is owed, also where the outbox is closed before it leaves.
        self.outbox.reach(Stage::Answer);
        self.needs_fence |= self.context.hub.goes_to_network(channel);
        self.answers.extend_from_slice(ACCEPTED);
        self.received.take(len);
        self.turn_bytes += request.head_len() + len;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Answer, Envelope, JSON};

    #[test]
    fn the_answer_is_that_of_the_long_way() {
        let mut long = Vec::new();
        Answer::new(202, JSON, &br#"{"accepted":1}"#[..]).push(&Envelope::default(), &mut long);
        assert_eq!(long, ACCEPTED);
    }
}
