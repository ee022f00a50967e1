//! Publications that are missing: what is known to exist of an origin in a channel, what came behind the hole, and who is
//! asked for it.
//!
//! Knows no logs: it is told how far everything is there.

use super::peers::Peers;
use super::{FETCHING_MAX, Way};
use crate::history::Origin;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Holes at most; past it what is missing is told as lost at once.
const HOLES_MAX: usize = 16_384;
/// What may wait behind all holes, in bytes, each content with what keeps it.
const WAITING_BYTES_MAX: usize = 16 << 20;
/// What keeps a content that waits.
const WAITING_BYTES: usize = 80;
/// Peers that are remembered for having said that they have what is missing.
const HOLDERS_MAX: usize = 16;
/// How long one peer has to answer over a link, in milliseconds.
const LINK_ANSWER_MS: i64 = 400;
/// How long over NATS: question or answer may be lost.
const LOSSY_ANSWER_MS: i64 = 250;
/// How long after a hole was seen, or something came of it, it is told as lost.
const HOLE_MS: i64 = 1000;
/// The same, while answers come.
const HOLE_MS_MAX: i64 = 5000;
/// When a peer with too many questions is looked at again.
const FULL_MS: i64 = 20;

/// A publication that came behind a hole.
pub(super) struct Waiting {
    pub(super) accepted_ms: i64,
    pub(super) content: Arc<str>,
}

/// One hole.
pub(super) struct Hole {
    /// The first number of the origin in this channel.
    pub(super) base: u64,
    /// The highest number that is known to exist.
    pub(super) known: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// Since when it is one; before, what is missing may be on its way.
    seen_ms: i64,
    /// When something came that was missing.
    progressed_ms: i64,
    due_ms: i64,
    /// Whoever was asked in vain.
    asked: Vec<Origin>,
    /// Who is being asked, and until when.
    asking: Option<(Origin, i64)>,
    was_asked: bool,
    holders: Vec<Origin>,
}

/// What is to be done about a hole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Nothing before this time.
    Wait(i64),
    /// To ask this peer.
    Ask(Origin),
    /// To tell it as lost.
    Tell,
}

impl Hole {
    fn new(base: u64, known: u64, seen_ms: i64) -> Self {
        Self {
            base,
            known,
            waiting: BTreeMap::new(),
            seen_ms,
            progressed_ms: seen_ms,
            due_ms: i64::MAX,
            asked: Vec::new(),
            asking: None,
            was_asked: false,
            holders: Vec::new(),
        }
    }

    /// The number behind the hole: the first that waits, or behind the last that is known.
    pub(super) fn end(&self) -> u64 {
        self.waiting.first_key_value().map_or(self.known + 1, |(&number, _)| number)
    }

    /// The highest number that is known to exist.
    pub(super) fn last(&self) -> u64 {
        self.waiting.last_key_value().map_or(self.known, |(&number, _)| number.max(self.known))
    }

    /// The origin itself says that it has published no more than this.
    pub(super) fn limit(&mut self, seen: u64) {
        let waiting = self.waiting.last_key_value().map_or(0, |(&number, _)| number);
        self.known = self.known.min(seen.max(waiting));
    }

    fn hold(&mut self, peer: Origin) {
        if self.holders.len() < HOLDERS_MAX && !self.holders.contains(&peer) {
            self.holders.push(peer);
        }
    }

    /// It has become smaller.
    pub(super) fn progress(&mut self, now_ms: i64) {
        self.progressed_ms = now_ms;
    }

    /// What comes behind is another hole.
    pub(super) fn begin_anew(&mut self, now_ms: i64) {
        self.seen_ms = self.seen_ms.max(now_ms);
        (self.progressed_ms, self.was_asked) = (self.seen_ms, false);
        self.asked.clear();
    }

    /// This peer has answered, and something of it was missing or not.
    pub(super) fn answered(&mut self, peer: Origin, was_missing: bool) -> bool {
        if !was_missing && !self.asked.contains(&peer) {
            self.asked.push(peer);
        }
        let was_asking = self.asking.is_some_and(|(asked, _)| asked == peer);
        if was_asking {
            self.asking = None;
        }
        was_asking
    }

    /// This peer is linked no more.
    fn unlinked(&mut self, peer: Origin) {
        self.answered(peer, true);
        self.asked.retain(|asked| *asked != peer);
        self.holders.retain(|holder| *holder != peer);
    }

    fn ends_ms(&self, peers: &Peers) -> i64 {
        if !self.was_asked && peers.len() > 0 {
            return self.seen_ms + HOLE_MS_MAX;
        }
        (self.progressed_ms + HOLE_MS).min(self.seen_ms + HOLE_MS_MAX)
    }

    /// What is to be done now about this hole of `origin`. A peer whose time is over is asked no more.
    pub(super) fn step(&mut self, origin: Origin, way: Way, peers: &mut Peers, now_ms: i64) -> Step {
        if now_ms < self.seen_ms {
            return Step::Wait(self.seen_ms);
        }
        let ends_ms = self.ends_ms(peers);
        if now_ms >= ends_ms {
            self.stop_asking(peers);
            return Step::Tell;
        }
        if let Some((peer, until_ms)) = self.asking {
            if now_ms < until_ms {
                return Step::Wait(until_ms.min(ends_ms));
            }
            self.stop_asking(peers);
            self.asked.push(peer);
        }
        let all = [origin].into_iter().chain(self.holders.iter().copied()).chain(peers.origins().iter().copied());
        let asked = &self.asked;
        let next = all.into_iter().find(|peer| peers.is_linked(*peer) && !asked.contains(peer));
        let Some(peer) = next else { return self.all_were_asked(origin, way, peers, now_ms, ends_ms) };
        let asked = peers.get_mut(peer).expect("it is linked");
        if asked.fetching >= FETCHING_MAX {
            return Step::Wait((now_ms + FULL_MS).min(ends_ms));
        }
        asked.fetching += 1;
        let answer_ms = match way {
            Way::Links => LINK_ANSWER_MS,
            Way::Lossy => LOSSY_ANSWER_MS,
        };
        self.asking = Some((peer, now_ms + answer_ms));
        self.was_asked = true;
        Step::Ask(peer)
    }

    fn all_were_asked(&mut self, origin: Origin, way: Way, peers: &Peers, now_ms: i64, ends_ms: i64) -> Step {
        match way {
            Way::Links if self.asked.contains(&origin) && peers.is_linked(origin) => Step::Tell,
            Way::Links => Step::Wait(ends_ms),
            // What is late may still come, and questions may have been lost.
            Way::Lossy => {
                self.asked.clear();
                Step::Wait((now_ms + LOSSY_ANSWER_MS).min(ends_ms))
            }
        }
    }

    pub(super) fn stop_asking(&mut self, peers: &mut Peers) {
        if let Some((peer, _)) = self.asking.take()
            && let Some(peer) = peers.get_mut(peer)
        {
            peer.fetching = peer.fetching.saturating_sub(1);
        }
    }
}

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
        if let std::collections::btree_map::Entry::Vacant(place) = hole.waiting.entry(number) {
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
