//! Questions of relays to each other, and their answers: barriers, and how far channels are.

use super::Backplane;
use crate::nats::barrier::Answerer;
use crate::nats::queue::Kind;
use crate::nats::wire::{self, Header, LIST_BYTES_MAX, Lasts, Names, Numbers};
use crate::routing::Door;
use std::time::Duration;
use tokio::time::Instant;

/// How long a relay may take to say how far its channels are before it is asked again.
const RESUME_AGAIN: Duration = Duration::from_secs(1);

impl<D: Door> Backplane<D> {
    /// A relay wants to know when everything before has been said, and how far these channels are.
    pub(super) fn answer_barrier(&mut self, header: Header, number: u64, channels: Names<'_>) {
        let mut lasts = Vec::new();
        for (place, channel) in (0..).zip(channels) {
            let Ok(channel) = channel else { return self.garbage("a question that is cut short") };
            if let Some((base, last)) = self.published.of(channel) {
                lasts.push((place, base, last));
            }
        }
        let (sender, subject) = (self.sender(), self.subjects.of_relay(header.boot, header.connection));
        let floor = self.published.floor();
        // In order with the publications that it counts.
        self.send(Kind::Ordered, &subject, |out| wire::passed(out, sender, (number, floor), lasts.into_iter()));
    }

    pub(super) fn receive_passed(
        &mut self,
        header: Header,
        (number, floor): (u64, u64),
        mut lasts: Lasts<'_>,
        now: Instant,
    ) {
        let Some(id) = self.roster.find_or_add(header, now) else { return };
        if let Some(channels) = self.barriers.channels(number) {
            let mut next = lasts.next();
            let mut missed = 0;
            for (place, channel) in (0..).zip(channels.iter()) {
                let (base, last) = match next {
                    Some(Ok((of, base, last))) if of == place => {
                        next = lasts.next();
                        (base, last)
                    }
                    Some(Err(_)) => return self.garbage("an answer that is cut short"),
                    _ => (floor, floor),
                };
                if let Some(channel) = self.interest.by_name(channel) {
                    missed += channel.reach(id, base, last);
                }
            }
            self.count_missed(id, missed);
        }
        let server = self.roster.get(id).and_then(|relay| Some(relay.about.as_ref()?.server.clone()));
        self.barriers.passed(number, &Answerer::Relay(id));
        if let Some(server) = server {
            self.barriers.passed(number, &Answerer::Server(server));
        }
        self.caught_up(id, number);
        self.settle_waiting(now);
    }

    /// Asks those that have to say how far they are.
    pub(super) fn resume_all(&mut self, now: Instant) {
        if !self.has_joined() {
            return;
        }
        let mut asked = Vec::new();
        for (_, relay) in self.roster.all_mut().filter(|(_, relay)| relay.linked.is_some()) {
            if let Some((since, at)) = &mut relay.resume
                && at.is_none_or(|at| at + RESUME_AGAIN <= now)
            {
                *at = Some(now);
                asked.push((relay.boot, relay.connection, *since));
            }
        }
        let sender = self.sender();
        for (boot, connection, since) in asked {
            let subject = self.subjects.of_relay(boot, connection);
            self.send(Kind::Ordered, &subject, |out| wire::resume(out, sender, since));
        }
    }

    /// When a relay has to be asked again.
    pub(super) fn resume_due(&self) -> Option<Instant> {
        let asked = self.roster.linked().filter_map(|(_, relay)| relay.resume?.1);
        asked.map(|at| at + RESUME_AGAIN).min()
    }

    /// A relay wants to know how far all channels are that were published to since this heartbeat.
    pub(super) fn answer_resume(&mut self, header: Header, since: u64) {
        let (sender, subject) = (self.sender(), self.subjects.of_relay(header.boot, header.connection));
        let mut pieces: Vec<Vec<(&str, u64, u64)>> = vec![Vec::new()];
        let mut bytes = 0;
        for (channel, base, last) in self.published.since(since) {
            bytes += channel.len() + 17;
            if bytes > LIST_BYTES_MAX {
                pieces.push(Vec::new());
                bytes = channel.len() + 17;
            }
            pieces.last_mut().expect("there is one").push((channel, base, last));
        }
        let count = pieces.len();
        let payloads: Vec<Vec<u8>> = (1..)
            .zip(pieces)
            .map(|(at, piece)| {
                let mut out = Vec::new();
                wire::numbers(&mut out, sender, (since, at == count), piece.into_iter());
                out
            })
            .collect();
        for payload in payloads {
            self.send(Kind::Ordered, &subject, |out| out.extend_from_slice(&payload));
        }
    }

    pub(super) fn receive_numbers(
        &mut self,
        header: Header,
        (since, is_last): (u64, bool),
        channels: Numbers<'_>,
        now: Instant,
    ) {
        let Some(id) = self.roster.find_or_add(header, now) else { return };
        let mut missed = 0;
        for channel in channels {
            let Ok((channel, base, last)) = channel else { return self.garbage("an answer that is cut short") };
            if let Some(channel) = self.interest.by_name(channel) {
                missed += channel.reach(id, base, last);
            }
        }
        let Some(relay) = self.roster.get_mut(id) else { return };
        relay.traffic.missed += missed;
        if is_last && relay.resume.is_some_and(|(asked, at)| asked == since && at.is_some()) {
            relay.resume = None;
        }
    }
}
