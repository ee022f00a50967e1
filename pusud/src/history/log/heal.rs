//! The network's part in a log: publications of other relays, gaps, and what is taken from others' rings.

use super::Log;
use super::append::Appended;
use super::origins::{Known, Numbers};
use super::ring::Entry;
use crate::frames;
use crate::history::clock::Now;
use crate::history::counts::Counts;
use crate::history::origin::Origin;
use crate::history::safeguard::Safeguard;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What an entry takes in a message beside its content, at most.
const ENTRY_BYTES: usize = 32;

/// A publication as relays hand it to each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// Its number.
    pub number: u64,
    /// When its relay accepted it, in milliseconds since this relay's start.
    pub accepted_ms: i64,
    /// JSON text.
    pub content: Arc<str>,
}

impl Log {
    /// Appends publications of another relay, the first of which has the number `first`; those that were appended before are
    /// left out. Returns how many were appended; `hand_over` is called as in [`publish`](Self::publish), unless there are none.
    /// `None`: the log has been forgotten meanwhile.
    ///
    /// The first one must not be behind a hole.
    #[expect(clippy::too_many_arguments, reason = "a run is so many values, and each caller has other ones")]
    pub fn receive(
        self: &Arc<Self>,
        origin: Origin,
        base: u64,
        first: u64,
        entries: impl Iterator<Item = (Arc<str>, i64)>,
        now: Now,
        frames: &mut Vec<u8>,
        hand_over: impl FnOnce(&[u8], Appended, u64),
    ) -> Option<u64> {
        let mut state = self.lock();
        if state.is_dropped {
            return None;
        }
        state.make_ready(self, now);
        let place = state.place_or_new(origin, base);
        let next = state.origins[place].numbers.seen + 1;
        debug_assert!(first <= next, "holes are filled or told first");
        let known = usize::try_from(next - first).unwrap_or(usize::MAX);
        let count = state.append(self, place, entries.skip(known), now, frames);
        if count > 0 {
            let appended = Appended { log: self.clone(), origin, base, first: next, count };
            let shards = state.shards;
            self.wait_in(shards);
            hand_over(frames, appended, shards);
        }
        Some(count)
    }

    /// Appends publications of an origin that only this relay numbers, behind its last one. `hand_over` is called as in
    /// [`publish`](Self::publish). False: the log has been forgotten meanwhile.
    pub fn receive_next(
        self: &Arc<Self>,
        origin: Origin,
        contents: impl Iterator<Item = Arc<str>>,
        now: Now,
        frames: &mut Vec<u8>,
        hand_over: impl FnOnce(&[u8], Appended, u64),
    ) -> bool {
        let mut state = self.lock();
        if state.is_dropped {
            return false;
        }
        state.make_ready(self, now);
        let place = state.place_or_new(origin, self.shared.base());
        let Numbers { seen, base, .. } = state.origins[place].numbers;
        let count = state.append(self, place, contents.map(|content| (content, now.ms)), now, frames);
        let shards = state.shards;
        self.wait_in(shards);
        hand_over(frames, Appended { log: self.clone(), origin, base, first: seen + 1, count }, shards);
        true
    }

    /// Nobody has what is missing of an origin before the number `next`: listeners are told, and nobody who comes back from
    /// before recovers. False: the log has been forgotten meanwhile.
    pub fn jump(
        self: &Arc<Self>,
        origin: Origin,
        base: u64,
        next: u64,
        now: Now,
        frames: &mut Vec<u8>,
        hand_over: impl FnOnce(&[u8], Appended, u64),
    ) -> bool {
        let mut state = self.lock();
        if state.is_dropped {
            return false;
        }
        state.make_ready(self, now);
        let place = state.place_or_new(origin, base);
        let known = &mut state.origins[place];
        if known.numbers.seen + 1 >= next {
            return true;
        }
        let floor = known.numbers.floor;
        known.skip_to(next);
        if !self.shared.holds(Safeguard::GapRaisesFloor) {
            known.numbers.floor = floor;
        }
        known.is_listed = true;
        known.changed_ms = now.ms;
        self.changed_ms.store(now.ms, Ordering::Release);
        let mut position = String::new();
        state.push_position(&mut position, self, now);
        frames::push_gap(frames, &self.name, &position);
        state.count(&self.name, &self.shared);
        Counts::count(&self.shared.counts.gaps);
        let shards = state.shards;
        self.wait_in(shards);
        hand_over(frames, Appended { log: self.clone(), origin, base, first: next, count: 0 }, shards);
        true
    }

    /// There is something of this origin, which is in the list from here on.
    pub fn know(&self, origin: Origin, base: u64) {
        let mut state = self.lock();
        if !state.is_dropped {
            state.place_or_new(origin, base);
            state.count(&self.name, &self.shared);
        }
    }

    /// Something may be lost here of whomever, and nobody knows what: listeners are told, and nobody who comes back from before
    /// recovers. `hand_over` is called as in [`publish`](Self::publish).
    pub fn doubt(self: &Arc<Self>, now: Now, frames: &mut Vec<u8>, hand_over: impl FnOnce(&[u8], Appended, u64)) {
        let origin = self.shared.own.unnumbered();
        let numbers = self.numbers_of(origin).unwrap_or(Numbers::new(origin, self.shared.base()));
        self.jump(origin, numbers.base, numbers.seen + 2, now, frames, hand_over);
    }

    /// The origin itself says that its first number in this channel is `base`: it has forgotten those before, which nobody
    /// has wanted for long.
    pub fn begin_at(&self, origin: Origin, base: u64, now: Now) {
        let mut state = self.lock();
        if state.is_dropped {
            return;
        }
        let place = state.place_or_new(origin, base);
        let known = &mut state.origins[place];
        if known.numbers.seen + 1 < base {
            known.go_on_at(base);
            self.changed_ms.store(now.ms, Ordering::Release);
        }
    }

    /// Takes over the numbers of others, before anybody listens here. What the ring has of an origin goes, if it is not all:
    /// it comes again with the ring of another relay.
    pub fn adopt(&self, numbers: Numbers, now: Now) {
        let mut state = self.lock();
        if state.is_dropped {
            return;
        }
        state.used_ms = now.ms;
        let place = state.place_or_new(numbers.origin, numbers.base);
        let known = &mut state.origins[place];
        if known.numbers.seen < numbers.seen {
            let had_entries = !known.numbers.has_no_entry() || known.has_gap;
            known.skip_to(numbers.seen + 1);
            if had_entries {
                known.has_gap = false;
                state.ring.drop_origin(u16::try_from(place).expect("origins are bounded far below"));
            }
            self.changed_ms.store(now.ms, Ordering::Release);
        }
        state.count(&self.name, &self.shared);
    }

    /// Everything of an origin up to this number is nobody's concern: nobody listens here yet.
    pub fn adopt_up_to(&self, origin: Origin, base: u64, seen: u64, now: Now) {
        self.adopt(Numbers { origin, base, seen, floor: seen + 1 }, now);
    }

    /// As [`adopt_up_to`](Self::adopt_up_to), where this log may have taken the place of one that was displaced, has nothing of this
    /// origin yet, and nobody listens here: there was no room for what came before, and who comes back from there is told that
    /// something is lost. Returns whether that is so.
    pub fn adopt_unless_wanted(&self, origin: Origin, base: u64, seen: u64, now: Now) -> bool {
        let mut state = self.lock();
        let is_new = state.place(origin).is_none_or(|place| state.origins[place].numbers.is_empty());
        let was_displaced = state.horizon.is_some() && self.shared.has_displaced(self.ttl_ms, now);
        if state.is_dropped || !was_displaced || !is_new || state.is_in_use(self) {
            return false;
        }
        let place = state.place_or_new(origin, base);
        if state.origins[place].numbers.seen < seen {
            state.origins[place].skip_to(seen + 1);
            self.changed_ms.store(now.ms, Ordering::Release);
        }
        state.count(&self.name, &self.shared);
        true
    }

    /// Whether what was accepted at this time was known to a log that was forgotten before this one took its place: nobody who
    /// listens here is to hear of it as something new.
    pub fn began_after(&self, accepted_ms: i64) -> bool {
        accepted_ms < self.lock().begins_ms
    }

    /// Adds what was published before the oldest of an origin in the ring, if it is the next one in that direction and there is
    /// room for it. False: it is not.
    pub fn prepend(&self, origin: Origin, held: Held, now: Now) -> bool {
        let mut state = self.lock();
        let Some(place) = state.place(origin).filter(|_| !state.is_dropped) else { return false };
        let Known { numbers, has_gap, .. } = state.origins[place];
        let is_young = now.ms - held.accepted_ms < self.ttl_ms;
        let has_room = state.ring.len() < self.size && !self.shared.is_tight();
        if held.number + 1 != numbers.floor || held.number < numbers.base || has_gap || !is_young || !has_room {
            return false;
        }
        let origin = u16::try_from(place).expect("origins are bounded far below");
        state.ring.prepend(Entry { content: held.content, number: held.number, accepted_ms: held.accepted_ms, origin });
        state.origins[place].numbers.floor = held.number;
        state.count(&self.name, &self.shared);
        self.shared.counts.fetched.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// What the ring holds of an origin from one number to another, until that is so many bytes. The first one is given however
    /// long it is.
    pub fn held(&self, origin: Origin, from: u64, to: u64, bytes_max: usize) -> Vec<Held> {
        let state = self.lock();
        let Some(place) = state.place(origin) else { return Vec::new() };
        let is_asked = |entry: &&Entry| usize::from(entry.origin) == place && (from..=to).contains(&entry.number);
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let is_first = bytes == 0;
            bytes += entry.content.len() + 1;
            is_first || bytes <= bytes_max
        };
        state.ring.iter().filter(is_asked).take_while(fits).map(held).collect()
    }

    /// What the ring holds of these origins below these numbers, from the newest to the oldest, until that is so many bytes,
    /// and whether that is all. The first one is given however long it is.
    pub fn older(&self, below: &[(Origin, u64)], bytes_max: usize) -> (Vec<(Origin, Held)>, bool) {
        let state = self.lock();
        let below: Vec<_> =
            below.iter().filter_map(|&(origin, number)| Some((state.place(origin)?, origin, number))).collect();
        let asked = |entry: &Entry| {
            let (_, origin, number) = below.iter().find(|(place, ..)| *place == usize::from(entry.origin))?;
            (entry.number < *number).then(|| (*origin, held(entry)))
        };
        let (mut bytes, mut older) = (0, Vec::new());
        for (origin, held) in state.ring.iter().rev().filter_map(asked) {
            bytes += held.content.len() + ENTRY_BYTES;
            if bytes > bytes_max && !older.is_empty() {
                return (older, false);
            }
            older.push((origin, held));
        }
        (older, true)
    }
}

fn held(entry: &Entry) -> Held {
    Held { number: entry.number, accepted_ms: entry.accepted_ms, content: entry.content.clone() }
}
