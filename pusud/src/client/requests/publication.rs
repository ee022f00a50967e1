//! One publication over HTTP: whether it is accepted, when there is room, and once for each key.

use super::{Answer, Requests};
use crate::client::idempotency::{Begun, Reservation, Scope};
use crate::client::publish_rate::PublishRate;
use crate::client::verdicts::Remembered;
use crate::protocol::Refusal;
use std::borrow::Cow;
use std::future::poll_fn;
use std::time::Instant;

/// Why a message is not accepted.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) detail: Cow<'static, str>,
}

/// How a message was accepted.
pub(super) enum Accepted {
    Now,
    /// It was before, under the same key.
    Replayed,
}

impl Refused {
    pub(super) fn new(status: u16, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into() }
    }

    pub(super) fn answer(&self) -> Answer {
        Answer::problem(self.status, &self.detail)
    }
}

impl Requests<'_> {
    /// Publishes one message, once for each key.
    pub(super) async fn accept(
        &mut self,
        remembered: &Remembered,
        key: Option<&[u8]>,
        channel: &str,
        ordinal: usize,
        content: &str,
    ) -> Result<Accepted, Refused> {
        if !self.may_write(remembered, channel) {
            return Err(no_permission());
        }
        let reservation = match key {
            None => None,
            Some(key) => match self.reserve(remembered, key, channel, ordinal, content)? {
                Some(reservation) => Some(reservation),
                None => {
                    // What was accepted then may have left for the network a moment ago.
                    self.needs_fence |= self.context.hub.goes_to_network(channel);
                    return Ok(Accepted::Replayed);
                }
            },
        };
        self.publish(remembered, channel, content).await?;
        if let Some(reservation) = reservation {
            // A repetition may come to another shard, whose fence has to stand behind this.
            self.context.hub.hand_over();
            reservation.accept(Instant::now());
        }
        Ok(Accepted::Now)
    }

    /// Reserves a key; `None`: it stands for the same message, which was accepted.
    fn reserve(
        &self,
        remembered: &Remembered,
        key: &[u8],
        channel: &str,
        ordinal: usize,
        content: &str,
    ) -> Result<Option<Reservation>, Refused> {
        let scope = Scope { key, channel, subject: &remembered.identity, ordinal };
        match self.context.idempotency.begin(scope, content, Instant::now()) {
            Begun::New(reservation) => Ok(Some(reservation)),
            Begun::Replayed => Ok(None),
            Begun::InFlight => Err(Refused::new(409, "The first request with this Idempotency-Key is on its way.")),
            Begun::OtherContent => Err(Refused::new(422, "The Idempotency-Key was used for another message.")),
        }
    }

    /// Publishes when there is room.
    async fn publish(&mut self, remembered: &Remembered, channel: &str, content: &str) -> Result<(), Refused> {
        if !self.may_publish_now() {
            self.context.hub.count_refusal(Refusal::PublishRate);
            return Err(Refused::new(429, "Published faster than limits.publish_rate."));
        }
        while let Err(waiting) = self.context.hub.publish(channel, content, &mut self.turn) {
            // Earlier answers do not wait for this.
            self.send_answers().await;
            let turn = self.while_open(poll_fn(|cx| waiting.poll(cx))).await;
            self.turn = Some(turn.map_err(|_| Refused::new(503, "The relay has closed the connection; try again."))?);
            if !self.may_write(remembered, channel) {
                return Err(no_permission());
            }
        }
        self.context.hub.count_published(self.listener, content.len());
        self.needs_fence |= self.context.hub.goes_to_network(channel);
        Ok(())
    }

    fn may_publish_now(&mut self) -> bool {
        let limits = &self.context.limits;
        if limits.publish_rate == 0 {
            return true;
        }
        let now = Instant::now();
        let rate = self.publish_rate.get_or_insert_with(|| PublishRate::new(now));
        rate.allows(now, limits.publish_rate, limits.publish_burst)
    }
}

/// The source may not write the channel.
pub(super) fn no_permission() -> Refused {
    Refused::new(403, "no permission to write this channel")
}
