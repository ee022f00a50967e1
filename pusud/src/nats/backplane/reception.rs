//! Reception: what becomes of a message that has come.

use super::{ALL_SID, Backplane, RELAY_SID};
use crate::nats::queue::Kind;
use crate::nats::roster::RelayId;
use crate::nats::wire::{self, Contents, Header, Message, Presence};
use crate::routing::Door;
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::time::Instant;
use tracing::warn;

/// Of messages that no relay has sent, only the first few are logged each.
const GARBAGE_LOGGED_MAX: u64 = 5;
/// How long a relay may take to say what it is, once it has published.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

impl<D: Door> Backplane<D> {
    /// A message has come for the subscription `sid`.
    pub(in crate::nats) fn receive(&mut self, sid: u64, payload: &[u8], now: Instant) {
        match wire::parse(payload) {
            // What was on its way over an earlier connection comes back; what goes over this one does not.
            Ok((header, _)) if header.boot == self.boot && header.connection < self.connection => {}
            Ok((header, _)) if header.boot == self.boot => self.garbage("a message of this relay itself"),
            Ok((header, message)) => self.receive_message(sid, header, message, now),
            Err(_) => self.garbage("a message that is none of a relay, or of one of another version"),
        }
    }

    fn receive_message(&mut self, sid: u64, header: Header, message: Message<'_>, now: Instant) {
        let is_numbered = matches!(message, Message::Publications { .. } | Message::Note { .. });
        if !is_numbered && self.roster.is_late(header) {
            return;
        }
        match (sid, message) {
            (ALL_SID | RELAY_SID, Message::Barrier { number, channels }) => {
                self.answer_barrier(header, number, channels)
            }
            (ALL_SID | RELAY_SID, Message::Presence(presence, about)) => {
                self.receive_presence(header, presence, about, now);
            }
            (ALL_SID, Message::Goodbye) => self.receive_goodbye(header, now),
            (RELAY_SID, Message::Passed { number, floor, lasts }) => {
                self.receive_passed(header, (number, floor), lasts, now);
            }
            (RELAY_SID, Message::Resume { since }) => self.answer_resume(header, since),
            (RELAY_SID, Message::Numbers { piece, channels }) => {
                self.receive_numbers(header, piece, channels, now);
            }
            (RELAY_SID, Message::Peer { to, conversation, number, frames }) => {
                self.receive_piece(header, (to, conversation, number), frames);
            }
            (ALL_SID | RELAY_SID, Message::Publications { .. } | Message::Note { .. }) => {
                self.garbage("publications at a subject that is no channel's");
            }
            (_, Message::Publications { first, base, contents }) => {
                self.receive_publications(sid, header, (first, base), contents, now);
            }
            (_, Message::Note { base, last }) => self.receive_note(sid, header, (base, last), now),
            (_, Message::Unknown) => {}
            _ => self.garbage("a message at a subject where it does not belong"),
        }
    }

    #[inline]
    fn receive_publications(
        &mut self,
        sid: u64,
        header: Header,
        (first, base): (u64, u64),
        contents: Contents<'_>,
        now: Instant,
    ) {
        let Some(id) = self.source(header, now) else { return };
        // It has been unsubscribed from while the message was on its way.
        let Some(channel) = self.interest.by_sid(sid) else { return };
        let mut count = 0;
        for content in contents {
            if content.is_err() {
                return self.garbage("publications that are cut short");
            }
            count += 1;
        }
        if first == 0 || count == 0 {
            return self.garbage("publications without numbers");
        }
        let taken = channel.take(id, first, base, count);
        let traffic = &mut self.roster.get_mut(id).expect("it was found").traffic;
        traffic.missed = traffic.missed.saturating_add(taken.missed);
        traffic.late = traffic.late.saturating_add(taken.late);
        let mut refused = 0;
        for content in contents.flatten().skip(taken.late as usize) {
            if content.len() > self.identity.content_bytes_max {
                traffic.too_large += 1;
                continue;
            }
            match json(content) {
                Some(content) => {
                    traffic.received += 1;
                    self.door.deliver(&channel.name, content);
                }
                None => refused += 1,
            }
        }
        if refused > 0 {
            self.garbage("a content that is no JSON");
        }
    }

    fn receive_note(&mut self, sid: u64, header: Header, (base, last): (u64, u64), now: Instant) {
        let Some(id) = self.source(header, now) else { return };
        let Some(channel) = self.interest.by_sid(sid) else { return };
        let missed = channel.reach(id, base, last);
        self.count_missed(id, missed);
    }

    /// The relay that has published; `None`: it is one that nothing is taken from.
    fn source(&mut self, header: Header, now: Instant) -> Option<RelayId> {
        let Some(id) = self.roster.find_or_add(header, now) else {
            if !self.roster.is_replaced(header.boot) {
                self.garbage("more relays than can be");
            }
            return None;
        };
        let relay = self.roster.get_mut(id)?;
        if relay.about.is_some() {
            return Some(id);
        }
        // A relay says what it is before it publishes; that may have been lost. Nothing that it has published was promised.
        match relay.asked {
            None => {
                relay.asked = Some(now);
                let subject = self.subjects.of_relay(header.boot, header.connection);
                self.say(Presence::Join, Kind::Urgent, &subject);
            }
            Some(asked) if asked + ANSWER_WITHIN <= now => {
                self.garbage("a publication of somebody who has not said which relay that is");
            }
            Some(_) => {}
        }
        None
    }

    pub(super) fn count_missed(&mut self, id: RelayId, missed: u64) {
        if let Some(relay) = self.roster.get_mut(id) {
            relay.traffic.missed = relay.traffic.missed.saturating_add(missed);
        }
    }

    /// Counts what nobody here can use.
    pub(super) fn garbage(&mut self, what: &str) {
        self.figures.garbage += 1;
        if self.figures.garbage <= GARBAGE_LOGGED_MAX {
            let subjects = self.subjects.everything();
            warn!(
                "{what} came over NATS and is dropped; let relays alone publish to `{subjects}` (further ones are only counted: \
                 `pusud status`)"
            );
        }
    }
}

/// The text of a content, if it is JSON and nothing more.
fn json(content: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(content).ok()?;
    let value = serde_json::from_str::<&RawValue>(text).ok()?;
    (value.get().len() == text.len()).then_some(text)
}
