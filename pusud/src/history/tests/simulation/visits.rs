//! Listeners that come, are told what they have missed, and leave at any frame.

use super::class::Without;
use super::relay::Relay;
use super::shard::{Connection, Frame};
use super::world::{Event, World};
use crate::history::{Answer, Joining, Position, Room, Start};

impl World {
    /// A listener comes, to any relay.
    pub(super) fn join(&mut self, listener: usize) {
        let there: Vec<_> = (0..self.relays.len())
            .filter(|&place| self.relays[place].as_ref().is_some_and(Relay::takes_clients))
            .collect();
        let (event, ms) = (self.event, self.ms);
        if there.is_empty() || self.listeners[listener].connection.is_some() {
            return self.after(20, Event::Join(listener));
        }
        let place = there[self.rng.usize(..there.len())];
        let frames_left = if self.is_over { u32::MAX } else { [3, 10, 40, 300][self.rng.usize(..4)] };
        let frames_left = if self.is_over { frames_left } else { 1 + self.rng.u32(..frames_left) };
        let relay = self.relays[place].as_mut().expect("it goes on");
        let shard = self.rng.usize(..relay.inboxes.shards.len());
        let came = &mut self.listeners[listener];
        let begin = match &came.position {
            None => Start::Now,
            Some(position) => Start::Since(Position::parse(position)),
        };
        let log = relay.logs.log(came.channel, relay.now(ms)).expect("it has history");
        let joining = log.join(shard, begin, Room::ANY, relay.now(ms)).expect("it is in use");
        let at_shard = relay.inboxes.shards[shard].listeners.entry(came.channel.into()).or_default();
        at_shard.push(listener);
        came.connection = Some(Connection { relay: place, shard, skip: joining.skip.clone(), frames_left });
        came.first.get_or_insert(event);
        let (known, before) = (relay.logs.boots().all(), came.position.clone());
        self.log(|| {
            format!("listener {listener} comes to {place}: {:?} {:?}", joining.answer, joining.position.text())
        });
        if joining.answer == Answer::NotRecovered {
            self.log(|| format!("... with {before:?}, {:?} {known:?}", log.numbers()));
        }
        if self.without == Without::JoinBehindWhatWaits {
            let came = self.listeners[listener].connection.as_mut().expect("it came");
            came.skip = came.skip.take().and_then(|skip| ahead_of(&skip, &joining.at));
        }
        if !self.replay(listener, joining) {
            self.leave(listener);
        } else if !self.is_over && self.rng.u8(..4) == 0 {
            let ms = self.rng.i64(1..800);
            self.after(ms, Event::Leave(listener));
        }
    }

    /// It is told where it stands, and what it has missed. False: it leaves in the middle of it.
    pub(super) fn replay(&mut self, listener: usize, joining: Joining) -> bool {
        let event = self.event;
        let without = self.without;
        let came = &mut self.listeners[listener];
        if joining.answer == Answer::NotRecovered {
            came.is_told(event);
        }
        let mut position = joining.position;
        let first = if without == Without::OldPositionFirst { &joining.at } else { &position };
        came.remember(&first.text());
        for missed in joining.missed {
            if without == Without::RunningPosition {
                position.merge_all(&joining.at);
            }
            position.merge(missed.origin, missed.number);
            if !came.take(&Frame { position: &position.text(), content: Some(&missed.content) }, event) {
                return false;
            }
        }
        true
    }

    /// A listener leaves, and will be back.
    pub(super) fn leave(&mut self, listener: usize) {
        let ms = self.ms;
        let Some(connection) = self.listeners[listener].connection.take() else { return };
        if let Some(relay) = &mut self.relays[connection.relay] {
            let now = relay.now(ms);
            let channel = self.listeners[listener].channel;
            let shard = &mut relay.inboxes.shards[connection.shard];
            let at_shard = shard.listeners.get_mut(channel).expect("it was put there");
            at_shard.retain(|other| *other != listener);
            if at_shard.is_empty() {
                relay.logs.log(channel, now).expect("it has history").leave(connection.shard, now);
            }
        }
        let ms = match self.rng.u8(..10) {
            0..4 => self.rng.i64(1..20),
            4..7 => self.rng.i64(20..200),
            7..9 => self.rng.i64(200..1500),
            _ if self.class.is_silent() || self.is_over => self.rng.i64(200..2500),
            _ => self.rng.i64(200..6000),
        };
        let ms = if self.is_over { ms.min(1500) } else { ms };
        self.after(ms, Event::Join(listener));
    }

    /// All of a relay's listeners leave at once.
    pub(super) fn all_leave(&mut self, place: usize) {
        for listener in 0..self.listeners.len() {
            if self.listeners[listener].connection.as_ref().is_some_and(|connection| connection.relay == place) {
                self.leave(listener);
            }
        }
    }

    /// From here on listeners stay.
    pub(super) fn all_stay(&mut self) {
        for listener in &mut self.listeners {
            if let Some(connection) = &mut listener.connection {
                connection.frames_left = u32::MAX;
            }
        }
    }
}

/// What of a position is ahead of another one.
fn ahead_of(skip: &Position, at: &Position) -> Option<Position> {
    let mut ahead = Position::empty(skip.minute);
    for (origin, number) in skip.iter().filter(|&(origin, number)| at.get(origin).is_none_or(|at| at < number)) {
        ahead.merge(origin, number);
    }
    let is_over = ahead.iter().next().is_none();
    (!is_over).then_some(ahead)
}
