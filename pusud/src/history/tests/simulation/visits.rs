//! Listeners that come, are told what they have missed, and leave at any frame.

use super::class::{Class, Without};
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
        if there.is_empty() || self.listeners[listener].connection.is_some() {
            return self.after(20, Event::Join(listener));
        }
        let place = there[self.rng.usize(..there.len())];
        let frames_left = if self.is_over { u32::MAX } else { [3, 10, 40, 300][self.rng.usize(..4)] };
        let frames_left = if self.is_over { frames_left } else { 1 + self.rng.u32(..frames_left) };
        if self.come(listener, place, frames_left) && !self.is_over && self.rng.u8(..4) == 0 {
            let ms = self.rng.i64(1..800);
            self.after(ms, Event::Leave(listener));
        }
    }

    /// Where it wants to begin.
    fn wanted(&mut self, listener: usize) -> Start {
        let has_last = self.class.has_last() && !self.is_told;
        if has_last && self.rng.u8(..8) == 0 {
            self.listeners[listener].begin_anew();
        }
        match &self.listeners[listener].position {
            None if has_last && self.rng.bool() => Start::Last([0, 1, 3, 100][self.rng.usize(..4)]),
            None => Start::Now,
            Some(position) => Start::Since(Position::parse(position)),
        }
    }

    /// A listener comes to a relay. False: it leaves behind so many frames of what it has missed.
    pub(super) fn come(&mut self, listener: usize, place: usize, frames_left: u32) -> bool {
        let (event, ms) = (self.event, self.ms);
        let shards = self.relays[place].as_ref().expect("it goes on").inboxes.shards.len();
        let shard = self.rng.usize(..shards);
        let begin = self.wanted(listener);
        self.expect_known(place, &begin);
        let relay = self.relays[place].as_mut().expect("it goes on");
        let came = &mut self.listeners[listener];
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
        let stays = self.replay(listener, joining);
        if !stays {
            self.leave(listener);
        }
        stays
    }

    /// A relay that takes clients is known to all others that do: nobody has to wait until it is.
    fn expect_known(&self, place: usize, begin: &Start) {
        let has_no_breaks = matches!(self.class, Class::None | Class::Drain | Class::Kill) && !self.is_told;
        let Start::Since(Some(position)) = begin else { return };
        let boots = self.relays[place].as_ref().expect("it goes on").logs.boots();
        let unknown = position.iter().find(|&(origin, _)| self.judge.goes_on(origin) && !boots.is_known(origin));
        if let Some((origin, _)) = unknown.filter(|_| has_no_breaks) {
            self.judge.fail(format!("{origin:?} goes on, takes clients, and is not known at {place}"));
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
        if joining.answer == Answer::Last {
            let ids = joining.missed.iter().map(|missed| missed.content.parse().expect("contents are numbers"));
            came.newest = ids.map(|id| (id, event)).collect();
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
        if self.listeners[listener].connection.is_none() {
            return;
        }
        self.part(listener);
        if self.is_told {
            return;
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

    /// A listener leaves.
    pub(super) fn part(&mut self, listener: usize) {
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
