//! Sources that publish, the network's thread, and shards in their turns.

use super::class::Without;
use super::shard::{self, Item};
use super::world::{END_MS, Event, World};
use crate::history::{Appended, Origin, Placed, push_publications};

impl World {
    pub(super) fn turn_ms(&mut self) -> i64 {
        match self.rng.u8(..60) {
            0 => self.rng.i64(0..150),
            1..6 => self.rng.i64(0..20),
            _ => self.rng.i64(0..3),
        }
    }

    /// A shard takes items out of its inbox.
    pub(super) fn turn(&mut self, place: usize, start: usize, shard: usize) {
        let count = self.rng.usize(1..=3);
        for _ in 0..count {
            let Some(relay) = self.relay(place, start) else { return };
            let Some(item) = relay.inboxes.shards[shard].inbox.pop_front() else { break };
            if !item.is_delivered {
                self.deliver(place, shard, &item);
            }
            item.appended.log.delivered(shard);
        }
        let Some(relay) = self.relay(place, start) else { return };
        relay.inboxes.shards[shard].is_awake = false;
        self.after_calls(place);
    }

    pub(super) fn deliver(&mut self, place: usize, shard: usize, item: &Item) {
        let relay = self.relays[place].as_ref().expect("it goes on");
        let listeners = relay.inboxes.shards[shard].listeners.get(item.appended.log.name());
        let merges = self.without != Without::MergedWithSkip;
        for listener in listeners.cloned().unwrap_or_default() {
            if !shard::deliver(&mut self.listeners[listener], item, merges) {
                self.leave(listener);
            }
        }
    }

    /// A source publishes some.
    pub(super) fn publish(&mut self) {
        let ms = self.rng.i64(5..40);
        if self.ms < END_MS + 1500 {
            self.after(ms, Event::Publish);
        }
        let place = self.rng.usize(..self.relays.len());
        let Some(relay) = self.relays[place].as_ref().filter(|relay| relay.takes_clients()) else { return };
        let shard = self.rng.usize(..relay.inboxes.shards.len());
        let channel = self.class.channels(self.ms)[self.rng.usize(..2)];
        let count = [1, 1, 1, 2, 5][self.rng.usize(..5)];
        self.publish_at(place, shard, channel, count);
    }

    /// A source at this shard publishes so many.
    pub(super) fn publish_at(&mut self, place: usize, shard: usize, channel: &'static str, count: usize) {
        let start = self.relays[place].as_ref().expect("it goes on").start;
        let source = start * 8 + shard;
        self.next_source = self.next_source.max(source);
        let (event, ms) = (self.event, self.ms);
        let contents: Vec<_> = (0..count).map(|_| self.judge.accept(channel, source, event).to_string()).collect();
        let in_order = self.without != Without::OwnShardInOrder;
        let relay = self.relay(place, start).expect("it goes on");
        let log = relay.logs.log(channel, relay.now(ms)).expect("it has history");
        let (now, inboxes) = (relay.now(ms), &mut relay.inboxes);
        let (mut frames, mut own) = (Vec::new(), None);
        let texts = contents.iter().map(String::as_str);
        let placed = log.publish(shard, texts, now, &mut frames, |frames, appended, shards| {
            inboxes.hand_over(frames, &appended, shards);
            inboxes.outgoing.push((appended.clone(), contents.clone()));
            own = Some(Item { frames: frames.into(), appended, event, is_delivered: false });
        });
        let mut item = own.expect("something was appended");
        self.log(|| format!("{place} publishes {contents:?} in {channel}: {:?}", item.appended));
        match placed {
            Placed::Here => self.deliver(place, shard, &item),
            Placed::Elsewhere if !in_order => {
                if let Some(waiting) = self.relays[place].as_mut().and_then(|relay| {
                    relay.inboxes.shards[shard].inbox.back_mut().filter(|last| last.appended == item.appended)
                }) {
                    waiting.is_delivered = true;
                    item.is_delivered = true;
                    self.deliver(place, shard, &item);
                }
            }
            Placed::Elsewhere => {}
            Placed::Dropped => self.judge.fail("a log was forgotten that is used".into()),
        }
        self.after_calls(place);
    }

    /// The network's thread sends what was published here to all peers.
    pub(super) fn network(&mut self, place: usize, start: usize) {
        let drops = self.class.has_breaks() && self.ms < END_MS && !self.is_told;
        let (ms, drops) = (self.ms, drops && self.rng.u8(..60) == 0 || std::mem::take(&mut self.overflows));
        let peers = self.peers_of(place, start);
        let Some(relay) = self.relay(place, start) else { return };
        relay.inboxes.is_sending = false;
        let now = relay.now(ms);
        for (at, (appended, contents)) in std::mem::take(&mut relay.inboxes.outgoing).into_iter().enumerate() {
            let mut message = Vec::new();
            let texts = contents.iter().map(String::as_str);
            let Appended { origin, base, first, .. } = appended;
            push_publications(&mut message, appended.log.name(), origin, base, first, 0, texts);
            for &peer in &peers {
                if drops && at == 0 {
                    relay.healing.overflowed(peer, appended.log.name(), now);
                } else {
                    relay.inboxes.sent.push((peer, message.clone()));
                }
            }
        }
        self.after_calls(place);
    }

    pub(super) fn peers_of(&mut self, place: usize, start: usize) -> Vec<Origin> {
        let mut peers = Vec::new();
        for other in (0..self.relays.len()).filter(|other| *other != place) {
            let end = self.wire(place, other).ends[usize::from(place > other)];
            peers.extend(end.filter(|end| end.here == start).map(|end| self.origin_of(end.there)));
        }
        peers
    }
}
