//! Ways of healing over NATS: something is said at a relay's subject, or at that of all.

use super::Linked;
use crate::history::{Appended, Origin, Out};
use crate::nats::queue::{Kind, Queue};
use crate::nats::roster::Roster;
use crate::nats::server::command;
use crate::nats::subjects::Subjects;
use crate::nats::wire::{self, HEADER_BYTES, Sender};
use crate::routing::Door;
use std::collections::BTreeMap;

/// What may wait of answers before no others follow, in bytes: they are asked for again.
const ANSWERS_BYTES_MAX: usize = 1 << 20;

/// What healing may do.
pub(super) struct Ways<'a, D> {
    pub(super) door: &'a mut D,
    pub(super) roster: &'a mut Roster,
    pub(super) linked: &'a BTreeMap<Origin, Linked>,
    pub(super) queue: &'a mut Queue,
    pub(super) subjects: &'a Subjects,
    pub(super) sender: Sender,
    pub(super) payload_bytes_max: usize,
    pub(super) is_connected: bool,
}

impl<D> Ways<'_, D> {
    fn say(&mut self, subject: &str, message: &[u8]) {
        // What no server takes is missing at the others, and they tell it as lost.
        if self.is_connected && HEADER_BYTES + message.len() <= self.payload_bytes_max {
            let mut head = Vec::with_capacity(HEADER_BYTES);
            wire::history_head(&mut head, self.sender);
            self.queue.answer(Kind::Ordered, |out| command::publish(out, subject, None, &[&head, message]));
        }
    }
}

impl<D: Door> Out for Ways<'_, D> {
    fn send(&mut self, peer: Origin, message: &[u8]) {
        let relay = self.linked.get(&peer).and_then(|linked| self.roster.get(linked.id));
        if let Some(subject) = relay.map(|relay| self.subjects.of_relay(relay.boot, relay.connection)) {
            self.say(&subject, message);
        }
    }

    fn room(&self, _: Origin) -> usize {
        // All have one way, which is that of publications, too.
        if self.is_connected { ANSWERS_BYTES_MAX.saturating_sub(self.queue.answers_waiting()) } else { 0 }
    }

    fn deliver(&mut self, frames: &[u8], appended: Appended, shards: u64) {
        if let Some(relay) = self.linked.get(&appended.origin).and_then(|linked| self.roster.get_mut(linked.id)) {
            relay.traffic.received += appended.count;
        }
        self.door.deliver_numbered(frames, appended, shards);
    }

    fn deliver_plain(&mut self, channel: &str, content: &str) {
        self.door.deliver(channel, content);
    }

    fn send_all(&mut self, peers: &[Origin], message: &[u8]) {
        match peers {
            [] => {}
            [peer] => self.send(*peer, message),
            _ => self.say(&self.subjects.of_history(), message),
        }
    }
}
