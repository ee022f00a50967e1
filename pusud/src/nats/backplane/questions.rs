//! Questions of relays to each other whether everything before has been said, and their answers: barriers.

use super::Backplane;
use super::garbage::Taken;
use super::reception::TOO_FAR;
use crate::nats::barrier::Answerer;
use crate::nats::queue::Kind;
use crate::nats::wire::{self, Header, LIST_BYTES_MAX, Lasts, Names};
use crate::routing::Door;
use tokio::time::Instant;

impl<D: Door> Backplane<D> {
    /// A relay wants to know when everything before has been said, and how far these channels are.
    pub(super) fn answer_barrier(&mut self, header: Header, number: u64, channels: Names<'_>) -> Taken {
        let mut lasts = Vec::new();
        for (place, channel) in (0..).zip(channels) {
            let Ok(channel) = channel else { return Err("a question that is cut short".into()) };
            if place as usize >= LIST_BYTES_MAX / 20 {
                return Err("a question about more channels than an answer has room for".into());
            }
            if let Some((base, last)) = self.published.of(channel) {
                lasts.push((place, base, last));
            }
        }
        let (sender, subject) = (self.sender(), self.subjects.of_relay(header.boot, header.connection));
        let floor = self.published.floor();
        // In order with the publications that it counts.
        self.answer(Kind::Ordered, &subject, |out| wire::passed(out, sender, (number, floor), lasts.into_iter()));
        Ok(())
    }

    pub(super) fn receive_passed(
        &mut self,
        header: Header,
        (number, floor): (u64, u64),
        mut lasts: Lasts<'_>,
        now: Instant,
    ) -> Taken {
        let Some(id) = self.source(header, now)? else { return Ok(()) };
        if let Some(subscriptions) = self.barriers.subscriptions(number) {
            let mut next = lasts.next();
            let mut missed = 0;
            for (place, asked) in (0..).zip(subscriptions.iter()) {
                let (base, last) = match next {
                    Some(Ok((of, base, last))) if of == place => {
                        next = lasts.next();
                        (base, last)
                    }
                    Some(Err(_)) => return Err("an answer that is cut short".into()),
                    _ => (floor, floor),
                };
                if let Some(channel) = self.interest.by_sid(asked.sid) {
                    let Some(more) = channel.reach(id, base, last) else { return Err(TOO_FAR.into()) };
                    if more > 0 {
                        let name = channel.name.clone();
                        missed = if self.are_copies(id, &name) { 0 } else { more }.saturating_add(missed);
                    }
                }
            }
            self.count_missed(id, missed);
        }
        let server = self.roster.get(id).and_then(|relay| Some(relay.about.as_ref()?.server.clone()));
        self.barriers.passed(number, &Answerer::Relay(id));
        if let Some(server) = server {
            self.barriers.passed(number, &Answerer::Server(server));
        }
        self.caught_up(id, number, now);
        self.settle_waiting(now);
        Ok(())
    }
}
