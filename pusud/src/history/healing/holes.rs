//! All holes, by origin and channel, and when each is looked at.
//!
//! Knows no logs: it is told how far everything is there.

use super::hole::{Hole, Waiting};
use super::peers::Peers;
use crate::history::Origin;
use std::collections::{BTreeMap, BTreeSet, btree_map};

/// Holes at most; past it what is missing is told as lost at once.
pub(super) const HOLES_MAX: usize = 16_384;
/// What may wait behind all holes, in bytes, each content with what keeps it.
pub(super) const WAITING_BYTES_MAX: usize = 16 << 20;
/// What keeps a content that waits.
const WAITING_BYTES: usize = 80;
/// All holes, by origin and channel.
#[derive(Default)]
pub(super) struct Holes {
    table: BTreeMap<Origin, BTreeMap<Box<str>, Hole>>,
    due: BTreeSet<(i64, Origin, Box<str>)>,
    count: usize,
    bytes: usize,
}

impl Holes {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// What waits behind them, in bytes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get_mut(&mut self, origin: Origin, channel: &str) -> Option<&mut Hole> {
        self.table.get_mut(&origin)?.get_mut(channel)
    }

    pub(super) fn has(&self, origin: Origin, channel: &str) -> bool {
        !self.is_empty() && self.table.get(&origin).is_some_and(|channels| channels.contains_key(channel))
    }

    /// Publications up to `known` exist, and are missing from `seen_ms` on. `None`: there are too many holes.
    pub(super) fn open(
        &mut self,
        origin: Origin,
        channel: &str,
        base: u64,
        known: u64,
        holder: Option<Origin>,
        seen_ms: i64,
    ) -> Option<&mut Hole> {
        if !self.has(origin, channel) {
            if self.count >= HOLES_MAX {
                return None;
            }
            self.count += 1;
            let hole = Hole::new(base, known, seen_ms);
            self.table.entry(origin).or_default().insert(channel.into(), hole);
        }
        let hole = self.get_mut(origin, channel).expect("it is there, or was put in");
        hole.known = hole.known.max(known);
        if seen_ms < hole.seen_ms {
            (hole.seen_ms, hole.progressed_ms) = (seen_ms, seen_ms);
        }
        if let Some(holder) = holder {
            hole.hold(holder);
        }
        Some(hole)
    }

    /// Something waits behind a hole, or in it. False: there is no room.
    pub(super) fn wait(&mut self, origin: Origin, channel: &str, number: u64, waiting: Waiting) -> bool {
        let bytes = waiting.content.len() + WAITING_BYTES;
        if self.bytes + bytes > WAITING_BYTES_MAX {
            return false;
        }
        let Some(hole) = self.get_mut(origin, channel) else { return false };
        hole.known = hole.known.max(number);
        if let btree_map::Entry::Vacant(place) = hole.waiting.entry(number) {
            place.insert(waiting);
            self.bytes += bytes;
        }
        true
    }

    /// Takes out what waits from `next` on without a hole; what is before it is dropped, and counted.
    pub(super) fn take(&mut self, origin: Origin, channel: &str, mut next: u64) -> (Vec<Waiting>, u64) {
        let (mut run, mut late, mut bytes) = (Vec::new(), 0, 0);
        let Some(hole) = self.get_mut(origin, channel) else { return (run, late) };
        while let Some(first) = hole.waiting.first_entry() {
            let number = *first.key();
            if number > next {
                break;
            }
            let waiting = first.remove();
            bytes += waiting.content.len() + WAITING_BYTES;
            if number == next {
                next += 1;
                run.push(waiting);
            } else {
                late += 1;
            }
        }
        self.bytes -= bytes;
        (run, late)
    }

    /// Everything is there up to this number. Whether a hole is left.
    pub(super) fn is_open(&mut self, origin: Origin, channel: &str, seen: u64, peers: &mut Peers) -> bool {
        let Some(hole) = self.get_mut(origin, channel) else { return false };
        if hole.last() > seen {
            return true;
        }
        self.close(origin, channel, peers);
        false
    }

    /// The hole is none any more.
    pub(super) fn close(&mut self, origin: Origin, channel: &str, peers: &mut Peers) {
        let Some(channels) = self.table.get_mut(&origin) else { return };
        let Some((name, mut hole)) = channels.remove_entry(channel) else { return };
        if channels.is_empty() {
            self.table.remove(&origin);
        }
        hole.stop_asking(peers);
        self.bytes -= hole.waiting.values().map(|waiting| waiting.content.len() + WAITING_BYTES).sum::<usize>();
        self.count -= 1;
        self.due.remove(&(hole.due_ms, origin, name));
    }

    /// It is looked at again at this time.
    pub(super) fn look_at(&mut self, origin: Origin, channel: &str, due_ms: i64) {
        let Some(hole) = self.get_mut(origin, channel) else { return };
        let before = std::mem::replace(&mut hole.due_ms, due_ms);
        if before != due_ms {
            let name: Box<str> = channel.into();
            let mut key = (before, origin, name);
            self.due.remove(&key);
            key.0 = due_ms;
            self.due.insert(key);
        }
    }

    /// One that is to be looked at now.
    pub(super) fn due(&mut self, now_ms: i64) -> Option<(Origin, Box<str>)> {
        let (due_ms, origin, channel) = self.due.first()?;
        (*due_ms <= now_ms).then(|| (*origin, channel.clone()))
    }

    pub(super) fn next_due(&self) -> Option<i64> {
        self.due.first().map(|(due_ms, ..)| *due_ms)
    }

    /// A relay is linked, or is no more: all holes are looked at.
    pub(super) fn peers_changed(&mut self, unlinked: Option<Origin>, now_ms: i64) {
        let keys: Vec<_> = self.due.iter().map(|(_, origin, channel)| (*origin, channel.clone())).collect();
        for (origin, channel) in keys {
            if let Some(hole) = self.get_mut(origin, &channel)
                && let Some(peer) = unlinked
            {
                hole.unlinked(peer);
            }
            self.look_at(origin, &channel, now_ms);
        }
    }

    /// Whether this peer has something that is missing here.
    pub(super) fn is_held_by(&self, peer: Origin) -> bool {
        self.table.values().flat_map(BTreeMap::values).any(|hole| hole.holders.contains(&peer))
    }
}
