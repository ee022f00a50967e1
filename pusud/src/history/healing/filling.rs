//! Publications of other relays: appended as they come, held back behind a hole, and told as lost where nobody has them.

use super::hole::{Step, Waiting};
use super::message::{Entries, EntryTold, Fetch, Message, Publications};
use super::{Healing, Out};
use crate::history::log::Log;
use crate::history::safeguard::Safeguard;
use crate::history::{Now, Origin};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Healing {
    /// A peer has accepted publications.
    pub(super) fn take_publications(&mut self, peer: Origin, run: &Publications<'_>, now: Now, out: &mut impl Out) {
        let (channel, origin, base) = (run.channel, run.origin, run.base);
        if origin != peer {
            return;
        }
        let Some(log) = self.logs.log(channel, now) else {
            return run.contents.iter().for_each(|content| out.deliver_plain(channel, content));
        };
        if !log.takes(origin) {
            return;
        }
        self.begin_at(&log, origin, base, now, out);
        let accepted_ms = now.before(run.age_ms);
        let mut next = self.next(&log, origin, base);
        if run.first > next && !self.is_ready() {
            // Nobody listens here yet.
            log.adopt_up_to(origin, base, run.first - 1, now);
            next = run.first;
        }
        if run.first > next && log.adopt_unless_wanted(origin, base, run.first - 1, now) {
            next = run.first;
        }
        if run.first <= next {
            let entries = run.contents.iter().map(|&content| (content.into(), accepted_ms));
            self.append(log.clone(), origin, base, run.first, entries, now, out);
            self.close(&log, origin, base, now, out);
            return;
        }
        let last = run.first + run.contents.len() as u64 - 1;
        if self.holes.open(origin, channel, base, last, Some(peer), now.ms).is_none() {
            self.lose(&log, origin, base, run.first, now, out);
            return self.take_publications(peer, run, now, out);
        }
        for (number, &content) in (run.first..).zip(&run.contents) {
            let waiting = Waiting { accepted_ms, content: content.into() };
            if !self.holes.wait(origin, channel, number, waiting) {
                self.lose(&log, origin, base, run.first, now, out);
                return self.take_publications(peer, run, now, out);
            }
        }
        self.look_at(origin, channel, now, out);
    }

    /// A peer has answered what was missing.
    pub(super) fn take_entries(&mut self, peer: Origin, told: &Entries<'_>, now: Now, out: &mut impl Out) {
        let (channel, origin) = (told.channel, told.numbers.origin);
        let Some(log) = self.logs.find(channel) else { return };
        if !self.holes.has(origin, channel) {
            return;
        }
        if origin == peer {
            self.begin_at(&log, origin, told.numbers.base, now, out);
        }
        let Some(hole) = self.holes.get_mut(origin, channel) else { return };
        let base = hole.base;
        if origin == peer {
            // Nobody knows better how many there are.
            hole.limit(told.numbers.seen);
        }
        let before = self.next(&log, origin, base);
        let last = self.holes.get_mut(origin, channel).map_or(0, |hole| hole.last());
        let missing = || told.entries.iter().filter(|entry| (before..=last).contains(&entry.number));
        let is_forgotten = |entry: &&EntryTold<'_>| log.began_after(now.before(entry.age_ms));
        let forgotten = missing().filter(is_forgotten).map(|entry| entry.number).max();
        if let Some(number) = forgotten {
            log.adopt_up_to(origin, base, number, now);
        }
        for entry in missing() {
            let waiting = Waiting { accepted_ms: now.before(entry.age_ms), content: entry.content.into() };
            if !self.holes.wait(origin, channel, entry.number, waiting) {
                break;
            }
        }
        let filled = self.close(&log, origin, base, now, out);
        self.logs.counts().fetched.fetch_add(filled, Ordering::Relaxed);
        if let Some(hole) = self.holes.get_mut(origin, channel) {
            let was_missing = filled > 0 || forgotten.is_some();
            if was_missing {
                hole.progress(now.ms);
            }
            if hole.answered(peer, was_missing)
                && let Some(peer) = self.peers.get_mut(peer)
            {
                peer.fetching = peer.fetching.saturating_sub(1);
            }
            self.look_at(origin, channel, now, out);
        }
    }

    /// The origin itself says that its first number in this channel is `base`. It has forgotten those before, which were told here
    /// unless its link was away, or something is known to be missing.
    pub(super) fn begin_at(&mut self, log: &Arc<Log>, origin: Origin, base: u64, now: Now, out: &mut impl Out) {
        let may_be_missing = self.is_ready()
            && (self.holes.has(origin, log.name()) || self.peers.get(origin).is_some_and(|peer| !peer.has_told));
        let before = log.numbers_of(origin).filter(|numbers| numbers.seen >= numbers.base);
        let hole = self.holes.get_mut(origin, log.name()).map(|hole| hole.base);
        let seen = before.map_or_else(|| hole.map_or(u64::MAX, |base| base - 1), |before| before.seen);
        if may_be_missing && seen.saturating_add(1) < base {
            let first = before.map(|before| before.base).or(hole).unwrap_or(base);
            self.lose(log, origin, first, base, now, out);
        } else {
            log.begin_at(origin, base, now);
        }
    }

    /// Does what is to be done about a hole now.
    pub(super) fn look_at(&mut self, origin: Origin, channel: &str, now: Now, out: &mut impl Out) {
        while let Some(hole) = self.holes.get_mut(origin, channel) {
            let base = hole.base;
            // One that has been forgotten meanwhile takes nothing any more.
            let Some(log) = self.logs.log(channel, now) else { return };
            let next = self.next(&log, origin, base);
            if !self.holes.is_open(origin, channel, next - 1, &mut self.peers) {
                return;
            }
            let is_old = self.is_old(origin, now);
            let hole = self.holes.get_mut(origin, channel).expect("it is open");
            if out.is_held(channel) {
                // What is missing would come in addition to what peers keep back.
                let due_ms = hole.put_off(now.ms);
                return self.holes.look_at(origin, channel, due_ms);
            }
            let step = if is_old { Step::Tell } else { hole.step(origin, self.way, &mut self.peers, now.ms) };
            match step {
                Step::Wait(due_ms) => return self.holes.look_at(origin, channel, due_ms),
                Step::Ask(peer) => {
                    let to = hole.end() - 1;
                    self.send(peer, &Message::Fetch(Fetch { channel, origin, from: next, to }), out);
                }
                Step::Tell => {
                    let end = if is_old { hole.last() + 1 } else { hole.end() };
                    hole.begin_anew(now.ms);
                    self.lose(&log, origin, base, end, now, out);
                }
            }
        }
    }

    /// What is missing before `next` is told as lost, and what waits behind it follows.
    pub(super) fn lose(&mut self, log: &Arc<Log>, origin: Origin, base: u64, next: u64, now: Now, out: &mut impl Out) {
        self.frames.clear();
        let hand_over = |frames: &[u8], appended, shards| out.deliver(frames, appended, shards);
        log.jump(origin, base, next, now, &mut self.frames, hand_over);
        self.is_news(log.name(), origin, now);
        self.close(log, origin, base, now, out);
    }

    /// Appends what waits behind a hole that is none any more, and returns how many that were.
    fn close(&mut self, log: &Arc<Log>, origin: Origin, base: u64, now: Now, out: &mut impl Out) -> u64 {
        if !self.holes.has(origin, log.name()) {
            return 0;
        }
        let next = self.next(log, origin, base);
        let (run, late) = self.holes.take(origin, log.name(), next);
        self.logs.counts().late.fetch_add(late, Ordering::Relaxed);
        let count = run.len() as u64;
        if self.is_old(origin, now) {
            if count > 0 {
                self.frames.clear();
                let hand_over = |frames: &[u8], appended, shards| out.deliver(frames, appended, shards);
                log.jump(origin, base, next + count, now, &mut self.frames, hand_over);
                self.is_news(log.name(), origin, now);
            }
        } else {
            let entries = run.into_iter().map(|waiting| (waiting.content, waiting.accepted_ms));
            self.append(log.clone(), origin, base, next, entries, now, out);
        }
        if self.holes.is_open(origin, log.name(), next + count - 1, &mut self.peers) {
            self.holes.look_at(origin, log.name(), now.ms);
        }
        count
    }

    /// Appends publications of which none is missing before the first.
    #[expect(clippy::too_many_arguments, reason = "a run is so many values, and each caller has other ones")]
    pub(super) fn append(
        &mut self,
        log: Arc<Log>,
        origin: Origin,
        base: u64,
        first: u64,
        entries: impl ExactSizeIterator<Item = (Arc<str>, i64)>,
        now: Now,
        out: &mut impl Out,
    ) {
        let count = entries.len() as u64;
        if count == 0 {
            return;
        }
        let mut entries = Some(entries);
        self.frames.clear();
        let mut log = log;
        loop {
            let frames = &mut self.frames;
            let hand_over = |frames: &[u8], appended, shards| out.deliver(frames, appended, shards);
            let run = std::iter::from_fn(|| entries.as_mut()?.next());
            if let Some(appended) = log.receive(origin, base, first, run, now, frames, hand_over) {
                self.logs.counts().late.fetch_add(count - appended, Ordering::Relaxed);
                break;
            }
            // The log has been forgotten meanwhile, and nobody listens to the next one yet.
            let Some(next) = self.logs.log(log.name(), now) else { return };
            next.adopt_up_to(origin, base, first - 1, now);
            log = next;
        }
        self.is_news(log.name(), origin, now);
    }

    /// The number behind everything that is there.
    fn next(&self, log: &Log, origin: Origin, base: u64) -> u64 {
        log.numbers_of(origin).map_or(base, |numbers| numbers.seen + 1)
    }

    /// Whether an origin ended so long ago that nobody expects anything of it: positions may not name it any more.
    pub(super) fn is_old(&self, origin: Origin, now: Now) -> bool {
        let before_ms = now.ms - self.logs.times().retention_ms / 2;
        !self.peers.is_linked(origin)
            && self.logs.boots().ended(origin).is_some_and(|ended| ended < before_ms)
            && self.logs.holds(Safeguard::OldOriginsAreNotLive)
    }

    /// Something was learned of an origin: peers may lack it, unless its own link brings it to them.
    pub(super) fn is_news(&mut self, channel: &str, origin: Origin, now: Now) {
        let is_own = origin == self.logs.own().unnumbered();
        if !is_own && !self.peers.is_linked(origin) && self.logs.holds(Safeguard::News) {
            self.news.add(channel, origin, now.ms);
        }
    }
}
