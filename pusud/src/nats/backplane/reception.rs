//! Reception: what becomes of a message that has come.

use super::garbage::Taken;
use super::{ALL_SID, Backplane, HISTORY_SID, RELAY_SID};
use crate::nats::roster::RelayId;
use crate::nats::wire::{self, Contents, Header, Message, Presence};
use crate::routing::Door;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::time::Duration;
use tokio::time::Instant;

/// What a relay says that has come further than any can.
pub(super) const TOO_FAR: &str = "a number that no publication has";
/// How long a relay may take to say what it is, once it has published.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

impl<D: Door> Backplane<D> {
    /// A message has come at a subject, for the subscription `sid`.
    pub(in crate::nats) fn receive(&mut self, sid: u64, subject: &[u8], payload: &[u8], now: Instant) {
        let (header, taken) = match wire::parse(payload) {
            // What was on its way over an earlier connection comes back; what goes over this one does not.
            Ok((header, _)) if header.boot == self.boot && header.connection < self.connection => return,
            Ok((header, _)) if header.boot == self.boot => (Some(header), Err("a message of this relay itself".into())),
            Ok((header, message)) => (Some(header), self.receive_message(sid, header, message, now)),
            Err(_) => (None, Err("a message that is none of a relay, or of one of another version".into())),
        };
        if let Err(what) = taken {
            self.garbage(&what, subject, header, now);
        }
    }

    fn receive_message(&mut self, sid: u64, header: Header, message: Message<'_>, now: Instant) -> Taken {
        let is_numbered = matches!(message, Message::Publications { .. } | Message::Note { .. } | Message::History(_));
        if !is_numbered && self.roster.is_late(header) && !self.is_taken_back(header, &message, now) {
            // A server may have held it for long.
            return Ok(());
        }
        match (sid, message) {
            (ALL_SID | RELAY_SID, Message::Barrier { number, channels }) => {
                return self.answer_barrier(header, number, channels);
            }
            (ALL_SID | RELAY_SID, Message::Presence(presence, about)) => {
                return self.receive_presence(header, presence, about, now);
            }
            (ALL_SID, Message::Goodbye) => return self.receive_goodbye(header, now),
            (RELAY_SID, Message::Passed { number, floor, lasts }) => {
                return self.receive_passed(header, (number, floor), lasts, now);
            }
            (RELAY_SID, Message::Resume { since, question }) => self.answer_resume(header, since, question),
            (RELAY_SID, Message::Numbers { piece, channels }) => {
                return self.receive_numbers(header, piece, channels, now);
            }
            (RELAY_SID, Message::Peer { to, conversation, number, frames }) => {
                self.receive_piece(header, (to, conversation, number), frames);
            }
            (HISTORY_SID | RELAY_SID, Message::History(message)) => return self.receive_history(header, message, now),
            (ALL_SID | RELAY_SID | HISTORY_SID, Message::Publications { .. } | Message::Note { .. }) => {
                return Err("publications at a subject that is no channel's".into());
            }
            (_, Message::Publications { first, base, contents }) => {
                return self.receive_publications(sid, header, (first, base), contents, now);
            }
            (_, Message::Note { base, last }) => return self.receive_note(sid, header, (base, last), now),
            (_, Message::Nothing) => {}
            (_, Message::Unknown) => self.figures.unknown += 1,
            _ => return Err("a message at a subject where it does not belong".into()),
        }
        Ok(())
    }

    fn is_taken_back(&mut self, header: Header, message: &Message<'_>, now: Instant) -> bool {
        let Message::Presence(Presence::Heartbeat, about) = message else { return false };
        self.roster.is_down(header.boot) && self.roster.takes_back(header, about.heartbeat, now)
    }

    #[inline]
    fn receive_publications(
        &mut self,
        sid: u64,
        header: Header,
        (first, base): (u64, u64),
        contents: Contents<'_>,
        now: Instant,
    ) -> Taken {
        let Some(id) = self.source(header, now)? else { return Ok(()) };
        // They have come with numbers, or will.
        let is_copied = header.is_of_copies() && self.shares_history_with(id);
        // It has been unsubscribed from while the message was on its way.
        let Some(channel) = self.interest.by_sid(sid) else { return Ok(()) };
        let mut count = 0;
        for content in contents {
            if content.is_err() {
                return Err("publications that are cut short".into());
            }
            count += 1;
        }
        if first == 0 || count == 0 {
            return Err("publications without numbers".into());
        }
        let Some(taken) = channel.take(id, first, base, count) else { return Err(TOO_FAR.into()) };
        if is_copied {
            return Ok(());
        }
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
        if refused > 0 { Err("a content that is no JSON".into()) } else { Ok(()) }
    }

    fn receive_note(&mut self, sid: u64, header: Header, (base, last): (u64, u64), now: Instant) -> Taken {
        let Some(id) = self.source(header, now)? else { return Ok(()) };
        let Some(channel) = self.interest.by_sid(sid) else { return Ok(()) };
        let Some(missed) = channel.reach(id, base, last) else { return Err(TOO_FAR.into()) };
        let name = channel.name.clone();
        if !self.are_copies(id, &name) {
            self.count_missed(id, missed);
        }
        Ok(())
    }

    /// The relay that has published or answered; `None`: it is one that nothing is taken from.
    ///
    /// # Errors
    /// Nobody knows it, and that is not this relay's fault.
    pub(super) fn source(&mut self, header: Header, now: Instant) -> Result<Option<RelayId>, Cow<'static, str>> {
        let Some(id) = self.roster.find_or_add(header, now) else {
            let is_known = self.roster.is_replaced(header.boot);
            return if is_known { Ok(None) } else { Err("more relays than can be".into()) };
        };
        let Some(relay) = self.roster.get_mut(id) else { return Ok(None) };
        if relay.about.is_some() {
            return Ok((!relay.is_refused).then_some(id));
        }
        // A relay says what it is before anything else; that may have been lost. Nothing that it has published was promised.
        match relay.asked {
            None => {
                relay.asked = Some(now);
                let subject = self.subjects.of_relay(header.boot, header.connection);
                self.say_to(Presence::Join, &subject);
                Ok(None)
            }
            Some(asked) if asked + ANSWER_WITHIN <= now => {
                Err("something of somebody who has not said which relay that is".into())
            }
            Some(_) => Ok(None),
        }
    }

    /// The relay that has said goodbye; `None`: it is one that nothing is taken from.
    ///
    /// # Errors
    /// Nobody knows it.
    pub(super) fn known(&self, header: Header) -> Result<Option<RelayId>, Cow<'static, str>> {
        match self.roster.find(header.boot).filter(|(_, relay)| relay.about.is_some()) {
            Some((id, relay)) => Ok((!relay.is_refused).then_some(id)),
            None if self.roster.is_replaced(header.boot) => Ok(None),
            None => Err("a goodbye of somebody who has not said which relay that is".into()),
        }
    }

    pub(super) fn count_missed(&mut self, id: RelayId, missed: u64) {
        if let Some(relay) = self.roster.get_mut(id) {
            relay.traffic.missed = relay.traffic.missed.saturating_add(missed);
        }
    }
}

/// The text of a content, if it is JSON and nothing more.
fn json(content: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(content).ok()?;
    let value = serde_json::from_str::<&RawValue>(text).ok()?;
    (value.get().len() == text.len()).then_some(text)
}
