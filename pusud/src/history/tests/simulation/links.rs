//! Links between relays: made, taken for ended, and what travels over them.

use super::network::{End, Travel};
use super::relay::Relay;
use super::world::{Event, World};
use crate::history::{Origin, Way};

impl World {
    pub(super) fn begin(&mut self, place: usize) {
        if self.relays[place].is_some() {
            return;
        }
        let kept = self.kept.get(place).copied();
        let relay = Relay::new(place, self.class, self.without, self.ms, kept, &self.judge, &mut self.rng);
        let start = relay.start;
        self.log(|| format!("{place} begins as {:?}", relay.origin));
        self.relays[place] = Some(relay);
        for other in (0..self.relays.len()).filter(|other| *other != place) {
            let ms = self.rng.i64(1..100);
            self.after(ms, Event::Link(place, other));
        }
        self.after(100, Event::Dialled(place, start));
        self.after(1000, Event::LookAfter(place, start));
        self.after_calls(place);
    }

    /// Whether everybody is linked who can be.
    pub(super) fn dialled(&mut self, place: usize, start: usize) {
        if self.relay(place, start).is_none_or(|relay| relay.healing.is_ready()) {
            return;
        }
        let mut is_dialled = true;
        for other in 0..self.relays.len() {
            let is_there = other != place && self.relays[other].is_some();
            let wire = self.wire(place, other);
            is_dialled &= !is_there || wire.is_cut || wire.ends[usize::from(place > other)].is_some();
        }
        if is_dialled {
            self.relay(place, start).expect("it goes on").healing.dialled();
            let ms = self.ms;
            self.relay(place, start).expect("it goes on").tick(ms);
        }
        self.after_calls(place);
        self.after(20, Event::Dialled(place, start));
    }

    /// Two places make a link, unless they have one.
    pub(super) fn link(&mut self, one: usize, other: usize) {
        let (Some(here), Some(there)) = (&self.relays[one], &self.relays[other]) else { return };
        let starts = [here.start, there.start];
        if here.draining.is_some() || there.draining.is_some() {
            return;
        }
        let (ms, link, up_ms) = (self.ms, self.links + 1, self.rng.i64(0..40));
        let wire = self.wire(one, other);
        if wire.is_cut || wire.goes_on() {
            return;
        }
        wire.begin(link, ms + up_ms);
        self.links = link;
        let end = End { here: starts[1], there: starts[0], link };
        self.after(0, Event::Linked(other, end));
        self.after(up_ms, Event::Linked(one, End { here: end.there, there: end.here, link }));
    }

    /// A relay looks after its logs: those stay that somebody listens to, here or at a linked relay.
    pub(super) fn look_after(&mut self, place: usize, start: usize) {
        let are_all_wanted = !self.class.has_last();
        let is_near = |other: usize| {
            let wire = &self.wires[place.min(other) * self.relays.len() + place.max(other)];
            other == place || wire.ends[usize::from(place > other)].is_some()
        };
        let listened = self
            .listeners
            .iter()
            .filter(|listener| listener.connection.as_ref().is_some_and(|connection| is_near(connection.relay)));
        let wanted: Vec<_> = listened.map(|listener| listener.channel).collect();
        let ms = self.ms;
        if let Some(relay) = self.relay(place, start) {
            relay.logs.look_after(relay.now(ms), |channel| are_all_wanted || wanted.contains(&channel));
            self.after(1000, Event::LookAfter(place, start));
        }
    }

    pub(super) fn other_of(&self, place: usize, end: End) -> usize {
        let ends = (0..self.relays.len()).filter(|other| *other != place);
        let places = self.relays.len();
        ends.into_iter()
            .find(|other| self.wires[place.min(*other) * places + place.max(*other)].link == end.link)
            .unwrap_or(place)
    }

    pub(super) fn linked(&mut self, place: usize, end: End) {
        let other = self.other_of(place, end);
        if other == place || self.relay(place, end.here).is_none() {
            return;
        }
        let wire = self.wire(place, other);
        if !wire.goes_on() {
            // It has ended before this side knew of it.
            return self.after(50, Event::Link(place, other));
        }
        let side = usize::from(place > other);
        let before = wire.ends[side].replace(end);
        if let Some(before) = before {
            self.unlinked_in(place, before);
        }
        let Some(peer) = self.relays[other].as_ref().filter(|relay| relay.start == end.there) else { return };
        let (peer, ms) = (peer.origin, self.ms);
        self.log(|| format!("{place} links with {other}"));
        let relay = self.relay(place, end.here).expect("it goes on");
        let now = relay.now(ms);
        relay.healing.linked(peer, &format!("relay-{other}"), now, &mut relay.inboxes);
        self.after_calls(place);
    }

    pub(super) fn unlinked_in(&mut self, place: usize, end: End) {
        let (ms, there) = (self.ms, self.origin_of(end.there));
        if let Some(relay) = self.relay(place, end.here) {
            let now = relay.now(ms);
            relay.healing.unlinked(there, false, now);
        }
    }

    pub(super) fn origin_of(&self, start: usize) -> Origin {
        self.judge.origin(start)
    }

    pub(super) fn unlinked(&mut self, place: usize, other: usize, end: End, said_goodbye: bool) {
        let (ms, side) = (self.ms, usize::from(place > other));
        let wire = self.wire(place, other);
        if wire.ends[side] != Some(end) {
            return;
        }
        if wire.link == end.link {
            wire.end(ms);
        }
        let wire = self.wire(place, other);
        wire.ends[side] = None;
        let (ms, there) = (self.ms, self.origin_of(end.there));
        self.log(|| format!("{place} ends its link with {other}, goodbye {said_goodbye}"));
        if let Some(relay) = self.relay(place, end.here) {
            let now = relay.now(ms);
            relay.healing.unlinked(there, said_goodbye, now);
            relay.is_clean &= said_goodbye;
            self.after_calls(place);
        }
        let ms = self.rng.i64(50..500);
        self.after(ms, Event::Link(place, other));
    }

    pub(super) fn arrive(&mut self, place: usize, end: End, message: &[u8]) {
        let (ms, from) = (self.ms, self.origin_of(end.there));
        let way = self.class.way();
        let other = self.other_of(place, end);
        let is_up = other != place && self.wire(place, other).ends[usize::from(place > other)] == Some(end);
        let Some(relay) = self.relay(place, end.here) else { return };
        if way == Way::Links && !is_up {
            return;
        }
        let now = relay.now(ms);
        let received = relay.healing.received(from, message, now, &mut relay.inboxes);
        if received.is_err() {
            self.judge.fail(format!("{place} cannot read {message:?}"));
        }
        self.after_calls(place);
    }

    pub(super) fn send(&mut self, place: usize, start: usize, peer: Origin, message: Vec<u8>) {
        let side = |other| usize::from(place > other);
        for other in (0..self.relays.len()).filter(|other| *other != place) {
            let Some(end) = self.wire(place, other).ends[side(other)].filter(|end| end.here == start) else { continue };
            if self.origin_of(end.there) != peer {
                continue;
            }
            let (ms, way) = (self.ms, self.class.way());
            let places = self.relays.len();
            let wire = &mut self.wires[place.min(other) * places + place.max(other)];
            let Travel(arrives) = wire.travel(side(other), end, way, ms, &mut self.rng);
            if let Some(ms) = arrives {
                let end = End { here: end.there, there: end.here, link: end.link };
                self.at(ms, Event::Arrive { place: other, end, message });
            }
            return;
        }
    }
}
