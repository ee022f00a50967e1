//! Faults: links that break, partitions, kills, restarts with a drain, and eviction.

use super::judge::Fate;
use super::network::{End, Travel};
use super::world::{Event, World};
use crate::history::Way;

impl World {
    /// Something goes wrong, and something else will.
    pub(super) fn fault(&mut self) {
        if self.is_over() {
            return;
        }
        let every_ms = match self.class {
            super::class::Class::Drain => 700,
            super::class::Class::Kill => 1000,
            _ => 400,
        };
        let ms = self.rng.i64(every_ms / 2..every_ms * 2);
        self.after(ms, Event::Fault);
        let kinds = [
            self.class.has_breaks(),
            self.class.has_kills(),
            self.class.has_drains(),
            self.class.has_eviction(),
            self.class.has_full_links(),
        ];
        let kinds: Vec<_> = (0..kinds.len()).filter(|kind| kinds[*kind]).collect();
        if kinds.is_empty() {
            return;
        }
        let place = self.rng.usize(..self.relays.len());
        match kinds[self.rng.usize(..kinds.len())] {
            0 if self.class == super::class::Class::CutOffAndKill || self.rng.u8(..4) == 0 => self.cut_off(place),
            0 => {
                let other = (place + 1 + self.rng.usize(..self.relays.len() - 1)) % self.relays.len();
                self.cut(place, other);
            }
            1 => self.kill(place),
            2 => self.drain(place),
            3 => self.evict(place),
            _ => self.fill(place),
        }
    }

    /// A relay loses all its links for a while.
    fn cut_off(&mut self, place: usize) {
        for other in (0..self.relays.len()).filter(|other| *other != place) {
            self.cut(place, other);
        }
    }

    /// Two relays cannot reach each other for a while.
    fn cut(&mut self, one: usize, other: usize) {
        let ms = self.ms;
        let heals_ms = if self.rng.u8(..3) == 0 { self.rng.i64(500..4000) } else { self.rng.i64(1..500) };
        let lost_from_ms = ms + self.rng.i64(0..30);
        self.log(|| format!("{one} and {other} are cut off for {heals_ms} ms"));
        let way = self.class.way();
        let wire = self.wire(one, other);
        wire.is_cut = true;
        match way {
            Way::Links => {
                wire.end(lost_from_ms);
                self.notice(one, other);
                self.notice(other, one);
            }
            // Three seconds of silence are the end.
            Way::Lossy if heals_ms > 3000 => {
                wire.end(ms + 3000);
                self.notice_after(one, other, 3000);
                self.notice_after(other, one, 3000);
            }
            Way::Lossy => {}
        }
        self.after(heals_ms, Event::Heal(one, other));
    }

    pub(super) fn heal(&mut self, one: usize, other: usize) {
        self.wire(one, other).is_cut = false;
        self.after(1, Event::Link(one, other));
    }

    /// One side will notice that its link has ended, sooner or later.
    fn notice(&mut self, place: usize, other: usize) {
        let ms = if self.rng.u8(..5) == 0 { self.rng.i64(300..3000) } else { self.rng.i64(30..300) };
        self.notice_after(place, other, ms);
    }

    fn notice_after(&mut self, place: usize, other: usize, ms: i64) {
        if let Some(end) = self.wire(place, other).ends[usize::from(place > other)] {
            self.after(ms, Event::Unlinked(place, other, end));
        }
    }

    fn kill(&mut self, place: usize) {
        if self.relays[place].is_none() {
            return;
        }
        self.end(place);
        let ms = if self.rng.bool() { self.rng.i64(20..300) } else { self.rng.i64(300..3000) };
        self.after(ms, Event::Begin(place));
    }

    /// A relay is killed, and stays so.
    pub(super) fn end(&mut self, place: usize) {
        let relay = self.relays[place].take().expect("it goes on");
        self.log(|| format!("{place} is killed"));
        self.judge.ends(relay.start, Fate::Killed);
        drop(relay);
        self.has_gone(place);
    }

    /// Nothing gets into a relay's links for a while.
    fn fill(&mut self, place: usize) {
        let full_until_ms = self.ms + self.rng.i64(1..1500);
        if let Some(relay) = &mut self.relays[place] {
            relay.inboxes.full_until_ms = full_until_ms;
        }
    }

    /// Two relays cannot reach each other from here on, and nothing of what is on its way arrives. They notice it soon, or not at all.
    pub(super) fn break_link(&mut self, one: usize, other: usize, is_noticed: bool) {
        let ms = self.ms;
        let wire = self.wire(one, other);
        wire.is_cut = true;
        wire.end(ms);
        if is_noticed {
            self.notice(one, other);
            self.notice(other, one);
        }
    }

    /// A relay is there no more: its listeners and its links have ended.
    fn has_gone(&mut self, place: usize) {
        self.all_leave(place);
        let ms = self.ms + self.rng.i64(0..20);
        for other in (0..self.relays.len()).filter(|other| *other != place) {
            let wire = self.wire(place, other);
            wire.end(ms);
            wire.ends[usize::from(place > other)] = None;
            self.notice(other, place);
        }
    }

    pub(super) fn drain(&mut self, place: usize) {
        let event = self.event;
        let is_alone = (0..self.relays.len())
            .all(|other| other == place || self.relays[other].as_ref().is_none_or(|relay| !relay.takes_clients()));
        // Rolling restarts are one after the other.
        if is_alone || self.class.is_silent() && !self.is_told && !self.are_all_well() {
            return;
        }
        let are_linked = self.are_linked(place);
        let Some(relay) = self.relays[place].as_mut().filter(|relay| relay.draining.is_none()) else { return };
        relay.draining = Some(event);
        relay.is_clean = are_linked && relay.healing.holes() == 0;
        let start = relay.start;
        self.log(|| format!("{place} drains"));
        self.all_leave(place);
        self.after(0, Event::Network(place, start));
        self.after(1, Event::IsDrained(place, start));
    }

    /// Whether a relay and all that are there have a link from both sides.
    fn are_linked(&mut self, place: usize) -> bool {
        (0..self.relays.len())
            .filter(|other| *other != place && self.relays[*other].is_some())
            .collect::<Vec<_>>()
            .into_iter()
            .all(|other| {
                let wire = self.wire(place, other);
                wire.goes_on() && !wire.is_cut && wire.ends.iter().all(Option::is_some)
            })
    }

    fn are_all_well(&mut self) -> bool {
        let places: Vec<_> = (0..self.relays.len()).collect();
        self.relays.iter().all(|relay| relay.as_ref().is_some_and(|relay| relay.takes_clients()))
            && places.into_iter().all(|place| self.are_linked(place))
    }

    /// A relay that stops goes when it has drained.
    pub(super) fn is_drained(&mut self, place: usize, start: usize) {
        let (ms, event) = (self.ms, self.event);
        let are_linked = self.are_linked(place);
        let Some(relay) = self.relay(place, start) else { return };
        let now = relay.now(ms);
        relay.is_clean &= are_linked && relay.healing.holes() == 0;
        if relay.inboxes.outgoing.is_empty() && relay.draining.is_some_and(|since| since > 0) {
            if !relay.healing.is_draining() {
                relay.draining = Some(event);
                relay.healing.drain(now, &mut relay.inboxes);
                self.after_calls(place);
            }
            let relay = self.relay(place, start).expect("it goes on");
            if relay.healing.is_drained(now) {
                relay.is_clean &= relay.healing.are_told();
                return self.stop(place);
            }
        }
        self.after(5, Event::IsDrained(place, start));
    }

    fn stop(&mut self, place: usize) {
        let relay = self.relays[place].take().expect("it goes on");
        self.log(|| format!("{place} stops, clean {}", relay.is_clean));
        let last_numbers = relay.draining.expect("it drains");
        self.judge.ends(relay.start, if relay.is_clean { Fate::Drained(last_numbers) } else { Fate::Killed });
        let mut gone_ms = 0;
        for other in (0..self.relays.len()).filter(|other| *other != place) {
            let (ms, way) = (self.ms, self.class.way());
            let side = usize::from(place > other);
            let places = self.relays.len();
            let wire = &mut self.wires[place.min(other) * places + place.max(other)];
            let Some(end) = wire.ends[side].take() else { continue };
            let Travel(arrives) = wire.travel(side, end, way, ms, &mut self.rng);
            let there = End { here: end.there, there: end.here, link: end.link };
            if let Some(arrives_ms) = arrives {
                gone_ms = gone_ms.max(arrives_ms - ms + 1);
                self.after(arrives_ms - ms, Event::Goodbye(other, place, there));
            } else {
                self.after(3000, Event::Unlinked(other, place, there));
            }
        }
        let ms = self.ms;
        for other in (0..self.relays.len()).filter(|other| *other != place) {
            self.wire(place, other).end(ms + gone_ms + 1);
        }
        let ms = gone_ms + self.rng.i64(20..600);
        if !self.is_told {
            self.after(ms, Event::Begin(place));
        }
    }

    fn evict(&mut self, place: usize) {
        let bytes = self.rng.usize(500..3000);
        let ms = self.ms;
        if let Some(relay) = &self.relays[place] {
            relay.logs.all().iter().for_each(|log| log.shrink(bytes, relay.now(ms)));
        }
    }

    /// The faults are over.
    pub(super) fn heal_all(&mut self) {
        self.all_stay();
        for one in 0..self.relays.len() {
            for other in one + 1..self.relays.len() {
                self.heal(one, other);
            }
        }
    }
}
