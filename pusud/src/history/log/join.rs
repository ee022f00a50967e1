//! Joining: what a listener has missed that comes back, and where it stands from then on.

use super::{Log, State};
use crate::history::clock::Now;
use crate::history::counts::Counts;
use crate::history::origin::Origin;
use crate::history::position::Position;
use crate::history::safeguard::Safeguard;
use crate::history::shared::Shared;
use crate::protocol::Since;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How much a listener may be sent of what it has missed. Who has missed more is told that it is lost: it would be disconnected
/// in the middle of it, at each return.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// All of it, in bytes.
    pub bytes: usize,
    /// What each publication takes beside its content and its positions.
    pub head: usize,
    /// How many positions are sent with each.
    pub positions: usize,
}

impl Room {
    /// For somebody who is not sent all of it at once.
    pub const ANY: Self = Self { bytes: usize::MAX, head: 0, positions: 0 };

    /// How many of these contents there is room for, beside positions that are like this one.
    fn count<'a>(&self, at: &Position, contents: impl Iterator<Item = &'a str>) -> usize {
        let each = self.head + if self.positions == 0 { 0 } else { self.positions * at.text().len() };
        let mut left = self.bytes;
        let mut takes = |content: &&str| match left.checked_sub(content.len() + each) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        };
        contents.take_while(|content| takes(content)).count()
    }
}

/// Where a listener wants to begin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Start {
    /// With what comes from now on.
    Now,
    /// Behind this position; `None`: behind something that is not one.
    Since(Option<Position>),
    /// With so many of the newest publications.
    Last(u32),
}

impl From<Since<'_>> for Start {
    fn from(since: Since<'_>) -> Self {
        match since {
            Since::Now => Self::Now,
            Since::Position(text) => Self::Since(Position::parse(&text)),
            Since::Last(count) => Self::Last(count),
        }
    }
}

/// What a listener is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It begins now.
    Now,
    /// It has missed what follows, and nothing else.
    Recovered,
    /// It has missed something that is not there any more: nothing of it follows.
    NotRecovered,
    /// What follows are the newest publications.
    Last,
}

/// A publication that was missed.
#[derive(Clone, Debug)]
pub struct Missed {
    /// Whose it is.
    pub origin: Origin,
    /// Its number.
    pub number: u64,
    /// JSON text.
    pub content: Arc<str>,
}

/// How a listener joins.
#[derive(Clone, Debug)]
pub struct Joining {
    /// What it is told.
    pub answer: Answer,
    /// Where it stands before the first that it has missed. Each of them adds itself.
    pub position: Position,
    /// What it has missed, in the log's order.
    pub missed: Vec<Missed>,
    /// What it has seen that comes here later: of each of these origins up to that number.
    pub skip: Option<Position>,
    /// Where the log stands.
    pub at: Position,
}

impl Log {
    /// A listener of `shard` joins: everything behind what this returns is delivered to it from here on. `None`: the log has been
    /// forgotten meanwhile.
    pub fn join(&self, shard: usize, start: Start, room: Room, now: Now) -> Option<Joining> {
        let mut state = self.lock();
        if state.is_dropped {
            return None;
        }
        state.used_ms = now.ms;
        state.expire(self, now);
        let mut joining = state.judge(self, start, room, now);
        state.shards |= 1 << shard;
        if self.is_behind(shard) {
            // What waits in the shard's inbox was appended before, and is missed or seen.
            joining.skip.get_or_insert_default().merge_all(&joining.at);
        }
        drop(state);
        let counts = &self.shared.counts;
        match joining.answer {
            Answer::Recovered => Counts::count(&counts.recovered),
            Answer::NotRecovered => Counts::count(&counts.not_recovered),
            Answer::Now | Answer::Last => {}
        }
        counts.replayed.fetch_add(joining.missed.len() as u64, Ordering::Relaxed);
        Some(joining)
    }

    /// What somebody would be answered who does not stay to listen.
    pub fn read(&self, start: Start, now: Now) -> Joining {
        let mut state = self.lock();
        state.expire(self, now);
        state.judge(self, start, Room::ANY, now)
    }
}

impl State {
    fn judge(&self, log: &Log, start: Start, room: Room, now: Now) -> Joining {
        let at = self.position(log, now);
        match start {
            Start::Now => Joining { answer: Answer::Now, position: at.clone(), missed: Vec::new(), skip: None, at },
            Start::Last(count) => self.newest(count, room, at),
            Start::Since(None) => not_recovered(at, None),
            // Of another channel it says nothing.
            Start::Since(Some(since)) if since.tag != log.tag => not_recovered(at, None),
            Start::Since(Some(since)) => self.since(log, since, at, room, now),
        }
    }

    fn newest(&self, count: u32, room: Room, at: Position) -> Joining {
        let newest = room.count(&at, self.ring.iter().rev().take(count as usize).map(|entry| &*entry.content));
        let missed: Vec<_> = self.ring.iter().skip(self.ring.len() - newest).map(|entry| self.missed(entry)).collect();
        let mut position = at.clone();
        for (origin, seen) in &mut position.seen {
            if let Some(first) = missed.iter().find(|missed| missed.origin == *origin) {
                *seen = first.number - 1;
            }
        }
        Joining { answer: Answer::Last, position, missed, skip: None, at }
    }

    fn since(&self, log: &Log, since: Position, at: Position, room: Room, now: Now) -> Joining {
        let shared = &*log.shared;
        let mut is_recovered = self.is_behind_horizon(shared, &since) && !is_ahead_of_clock(log, &since, now);
        let mut skip = Position::of(since.minute, since.tag, std::iter::empty(), false);
        for (origin, number) in since.iter() {
            let known = self.place(origin).map(|place| &self.origins[place]);
            let numbers = known.map(|known| known.numbers);
            let seen = numbers.map_or(0, |numbers| numbers.seen);
            if number > seen {
                // Of another relay it is not from the future: the client was faster than the link.
                let is_known = shared.boots.is_known(origin);
                let was_told = !is_known && since.was_told_of(origin);
                let is_no_future = shared.holds(Safeguard::AheadIsNotTheFuture);
                let objects = !is_known && !was_told && shared.holds(Safeguard::UnknownStartsObject);
                is_recovered &= !shared.is_own(origin) && !objects && is_no_future;
                // Of a relay that has never been here nothing comes to one that is alone.
                if shared.is_own(origin) || shared.is_alone || !is_no_future {
                    continue;
                }
                // Who is told now that something is lost is not told the same again.
                if is_known {
                    skip.merge(origin, number);
                } else if shared.holds(Safeguard::SkipOfUnknownStarts) {
                    skip.merge_told(origin, number);
                }
            } else if let Some(numbers) = numbers {
                let is_counted = !shared.is_own(origin) || shared.holds(Safeguard::OwnFloor);
                // Below the base of another relay there may have been something. Of this one nothing was: it knows what it has
                // forgotten.
                let lowest = if origin == shared.own { numbers.base - 1 } else { 0 };
                let number = known.map_or(number, |known| known.seen_with(number)).max(lowest);
                is_recovered &= !is_counted || number + 1 >= numbers.floor;
            } else {
                // It has seen nothing of that start. If nobody knows of it, nobody knows what else was there.
                is_recovered &= shared.is_own(origin)
                    || shared.boots.is_known(origin)
                    || !shared.holds(Safeguard::UnknownStartsObject);
            }
        }
        let seen_whole = self.seen_whole(log, &since, now);
        is_recovered &= seen_whole.is_some();
        let skip = (!skip.seen.is_empty()).then_some(skip);
        let Some(seen_whole) = seen_whole.filter(|_| is_recovered) else { return not_recovered(at, skip) };
        let is_missed = |missed: &Missed| match since.get(missed.origin) {
            Some(seen) => missed.number > seen,
            None => !seen_whole.contains(&missed.origin),
        };
        let missed: Vec<_> = self.ring.iter().map(|entry| self.missed(entry)).filter(is_missed).collect();
        if room.count(&at, missed.iter().map(|missed| &*missed.content)) < missed.len() {
            return not_recovered(at, skip);
        }
        let position = if missed.is_empty() { with(at.clone(), skip.as_ref()) } else { since };
        Joining { answer: Answer::Recovered, position, missed, skip, at }
    }

    /// Those origins that the position does not name because all of them had been seen. `None`: of another one something may have been
    /// missed that is not here.
    fn seen_whole(&self, log: &Log, since: &Position, now: Now) -> Option<Vec<Origin>> {
        let shared = &*log.shared;
        let mut seen_whole = Vec::new();
        for known in &self.origins {
            let numbers = known.numbers;
            if numbers.is_empty() || since.get(numbers.origin).is_some() {
                continue;
            }
            let is_unnumbered = numbers.origin == shared.own.unnumbered();
            let is_seen_whole = if is_unnumbered {
                since.minute > now.minute_at(known.changed_ms, log.times).saturating_add(log.times.half_minutes())
            } else {
                !shared.is_own(numbers.origin)
                    && shared.boots.had_ended(numbers.origin, since.minute, log.times, now)
                    && shared.holds(Safeguard::AbsentAfterItsEndIsSeen)
            };
            // Who was elsewhere has what came without numbers under other ones, or has not seen it. Of a position that does not say
            // all nobody knows what it would have said.
            if since.is_partial || is_unnumbered && !is_seen_whole {
                return None;
            }
            if is_seen_whole || !shared.holds(Safeguard::AbsentIsNothing) {
                seen_whole.push(numbers.origin);
            } else if numbers.has_lost() {
                return None;
            }
        }
        Some(seen_whole)
    }

    /// Whether a position was made when this log was there, and not by an earlier one that was forgotten.
    fn is_behind_horizon(&self, shared: &Shared, since: &Position) -> bool {
        let Some(horizon) = self.horizon else { return true };
        // No earlier log has come so far: it is named in every position of this one.
        let own = self.origins.iter().find(|known| known.numbers.origin == shared.own);
        let is_of_this = own.is_some_and(|own| since.get(shared.own).is_some_and(|seen| seen + 1 >= own.numbers.base));
        // Made elsewhere, by another clock.
        is_of_this || since.minute >= horizon.saturating_add(shared.times.half_minutes())
    }

    fn missed(&self, entry: &super::ring::Entry) -> Missed {
        let origin = self.origins[usize::from(entry.origin)].numbers.origin;
        Missed { origin, number: entry.number, content: entry.content.clone() }
    }
}

/// Whether the clock of the relay that made a position is too far ahead of this one's: then its minute says nothing of what had
/// ended before.
fn is_ahead_of_clock(log: &Log, since: &Position, now: Now) -> bool {
    since.minute > now.minute.saturating_add(log.times.half_minutes())
}

fn not_recovered(at: Position, skip: Option<Position>) -> Joining {
    let position = with(at.clone(), skip.as_ref());
    Joining { answer: Answer::NotRecovered, position, missed: Vec::new(), skip, at }
}

fn with(mut position: Position, more: Option<&Position>) -> Position {
    if let Some(more) = more {
        position.merge_all(more);
    }
    position
}
