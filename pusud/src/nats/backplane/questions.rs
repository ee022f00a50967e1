//! Questions of relays to each other, and their answers: barriers, and how far channels are.

use super::Backplane;
use super::garbage::Taken;
use super::reception::TOO_FAR;
use crate::nats::barrier::Answerer;
use crate::nats::queue::Kind;
use crate::nats::roster::{RelayId, Resume};
use crate::nats::wire::{self, Header, LIST_BYTES_MAX, Lasts, Names, Numbers, Piece};
use crate::routing::Door;
use std::time::Duration;
use tokio::time::Instant;

/// How long a relay may take to say how far its channels are before it is asked again.
const RESUME_AGAIN: Duration = Duration::from_secs(1);

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
        self.send(Kind::Ordered, &subject, |out| wire::passed(out, sender, (number, floor), lasts.into_iter()));
        Ok(())
    }

    pub(super) fn receive_passed(
        &mut self,
        header: Header,
        (number, floor): (u64, u64),
        mut lasts: Lasts<'_>,
        now: Instant,
    ) -> Taken {
        let Some(id) = self.known(header)? else { return Ok(()) };
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
                    missed = more.saturating_add(missed);
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

    /// Asks those that have to say how far they are.
    pub(super) fn resume_all(&mut self, now: Instant) {
        if !self.has_joined() {
            return;
        }
        let mut asked = Vec::new();
        for (_, relay) in self.roster.all_mut().filter(|(_, relay)| relay.linked.is_some()) {
            if let Some(resume) = &mut relay.resume
                && resume.asked.is_none_or(|at| at + RESUME_AGAIN <= now)
            {
                (resume.asked, resume.pieces) = (Some(now), 0);
                asked.push((relay.boot, relay.connection, resume.since));
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
        let asked = self.roster.linked().filter_map(|(_, relay)| relay.resume?.asked);
        asked.map(|at| at + RESUME_AGAIN).min()
    }

    /// A relay wants to know how far all channels are that were published to since this heartbeat.
    pub(super) fn answer_resume(&mut self, header: Header, since: u64) {
        let is_linked = self.roster.find(header.boot).is_some_and(|(_, relay)| relay.linked.is_some());
        // It asks again, and one answer at a time is enough.
        if !is_linked || self.queue.bytes() > LIST_BYTES_MAX {
            return;
        }
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
        let (count, floor) = (pieces.len() as u32, self.published.floor());
        let payloads: Vec<Vec<u8>> = (0..)
            .zip(pieces)
            .map(|(place, channels)| {
                let mut out = Vec::new();
                let piece = Piece { since, floor, place, is_last: place + 1 == count };
                wire::numbers(&mut out, sender, piece, channels.into_iter());
                out
            })
            .collect();
        for payload in payloads {
            self.send(Kind::Ordered, &subject, |out| out.extend_from_slice(&payload));
        }
    }

    pub(super) fn receive_numbers(&mut self, header: Header, piece: Piece, channels: Numbers<'_>) -> Taken {
        let Some(id) = self.known(header)? else { return Ok(()) };
        let mut missed = 0;
        for channel in channels {
            let Ok((channel, base, last)) = channel else { return Err("an answer that is cut short".into()) };
            // Of a new channel its barrier says it.
            if let Some(channel) = self.interest.by_name(channel)
                && (!channel.is_new || channel.knows(id))
            {
                let Some(more) = channel.reach(id, base, last) else { return Err(TOO_FAR.into()) };
                missed = more.saturating_add(missed);
            }
        }
        self.count_missed(id, missed);
        let Some(relay) = self.roster.get_mut(id) else { return Ok(()) };
        let is_asked = |resume: &&mut Resume| resume.since == piece.since && resume.asked.is_some();
        let Some(resume) = relay.resume.as_mut().filter(is_asked) else { return Ok(()) };
        resume.pieces = resume.pieces.saturating_add(u32::from(resume.pieces == piece.place));
        // Where one is missing it is asked again.
        if piece.is_last && piece.place.checked_add(1) == Some(resume.pieces) {
            relay.resume = None;
            if piece.since == 0 {
                self.interest.begins(id, piece.floor);
            }
        }
        Ok(())
    }

    /// Has a relay say how far all its channels are, where that is not known of all that are listened to here.
    pub(super) fn learn_numbers(&mut self, id: RelayId) {
        if !self.interest.knows(id)
            && let Some(relay) = self.roster.get_mut(id)
        {
            relay.resume = Some(Resume::since(0));
        }
    }
}
