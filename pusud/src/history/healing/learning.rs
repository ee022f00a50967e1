//! Numbers, starts of relays and rings as peers tell them.

use super::message::{Message, NumbersTold, Ringed};
use super::{Healing, Out, Way, timing};
use crate::history::log::{Held, Log, Numbers};
use crate::history::safeguard::Safeguard;
use crate::history::{Now, Origin};
use std::sync::Arc;

/// How long what a peer tells of an origin that is linked here too may still be on its way, in milliseconds.
const LINK_BRINGS_MS: i64 = 500;
/// How long anything may be on its way over NATS.
const NATS_BRINGS_MS: i64 = 50;

impl Healing {
    /// A peer has told numbers.
    pub(super) fn take_numbers(&mut self, peer: Origin, told: &NumbersTold<'_>, now: Now, out: &mut impl Out) {
        self.learn_starts(peer, told, now);
        for (channel, all) in &told.channels {
            let is_own = |origin| origin == self.logs.own() || origin == self.logs.own().unnumbered();
            let (boots, is_joining) = (self.logs.boots(), !self.is_ready());
            let ended_before = now.ms - 2 * self.logs.times().retention_ms;
            // Who ended long ago only matters to a relay that starts: positions may still name it.
            let is_of_use = |numbers: &Numbers| match boots.ended(numbers.origin) {
                Some(ended) => is_joining || ended > ended_before,
                None => boots.is_known(numbers.origin) || is_joining && numbers.has_no_entry(),
            };
            let mut all: Vec<_> = all.clone();
            all.retain(|numbers| !is_own(numbers.origin) && is_of_use(numbers));
            if all.is_empty() {
                continue;
            }
            let Some(log) = self.logs.log(channel, now) else { continue };
            all.retain(|numbers| log.takes(numbers.origin));
            self.joining.offered(channel, peer, &all, || self.logs.len());
            for numbers in all {
                // Those before may have taken the room.
                if log.takes(numbers.origin) {
                    self.take_number(peer, &log, numbers, now, out);
                }
            }
        }
        let Some(told_by) = self.peers.get_mut(peer) else { return };
        told_by.digest = Some(told.digest);
        if told.is_whole && told_by.pieces.complete(told) {
            told_by.has_told = true;
            self.learn_forgotten(told, now, out);
            let Some(told_by) = self.peers.get_mut(peer) else { return };
            if told.is_final {
                told_by.owed = Some((told.number, now.ms + timing::DRAIN_MS));
            } else {
                self.send(peer, &Message::Acknowledge(told.number), out);
            }
        }
    }

    /// What a peer has forgotten nobody can ask it for any more.
    fn learn_forgotten(&mut self, told: &NumbersTold<'_>, now: Now, out: &mut impl Out) {
        if let Some(ago_ms) = told.forgotten_ago_ms {
            self.joining.forgotten = self.joining.forgotten.max(Some(self.logs.minute(ago_ms, now)));
            self.know_forgotten();
        }
        // A relay that starts has nothing that it could doubt.
        if told.has_displaced && self.is_ready() {
            for log in self.logs.all() {
                self.frames.clear();
                let hand_over = |frames: &[u8], appended, shards| out.deliver(frames, appended, shards);
                log.doubt(now, &mut self.frames, hand_over);
            }
        }
    }

    /// Logs that are made from here on know it. Those that others are still telling of have all that these have.
    pub(super) fn know_forgotten(&mut self) {
        if self.is_ready()
            && let Some(minute) = self.joining.forgotten.take()
        {
            self.logs.forgotten_elsewhere(minute);
        }
    }

    fn learn_starts(&mut self, peer: Origin, told: &NumbersTold<'_>, now: Now) {
        for boot in &told.boots {
            let boots = self.logs.boots();
            if boot.origin == self.logs.own() || self.peers.is_linked(boot.origin) {
                continue;
            }
            let is_new = !boots.is_known(boot.origin);
            let told_by = self.peers.get_mut(peer).expect("it is linked");
            if is_new && !told_by.brings_boot() {
                continue;
            }
            let ended_ms = boot.ended_ago_ms.map(|ago| now.before(ago));
            let ended_before = now.ms - 2 * self.logs.times().retention_ms;
            // Nobody needs those who ended long ago.
            if !is_new || ended_ms.is_none_or(|ended| ended > ended_before) {
                self.starts.told(boot.origin, boot.name, ended_ms, &self.peers, boots, now);
            }
        }
    }

    /// A peer has told its numbers of one origin.
    fn take_number(&mut self, peer: Origin, log: &Arc<Log>, theirs: Numbers, now: Now, out: &mut impl Out) {
        let origin = theirs.origin;
        if origin == peer {
            self.begin_at(log, origin, theirs.base, now, out);
        }
        let mine = log.numbers_of(origin).filter(|mine| mine.seen >= mine.base);
        if !self.is_ready() || !self.logs.holds(Safeguard::AdoptWhileJoiningOnly) {
            log.adopt(theirs, now);
            // Peers may not have the same.
            if mine.is_some_and(|mine| mine.seen != theirs.seen) {
                self.is_news(log.name(), origin, now);
            }
            return;
        }
        if theirs.seen <= mine.map_or(theirs.base - 1, |mine| mine.seen) {
            return;
        }
        let base = mine.map_or(theirs.base, |mine| mine.base);
        // Who is linked says itself what there is.
        let is_its_word = origin == peer || !self.peers.is_linked(origin);
        if mine.is_none() && is_its_word && log.adopt_unless_wanted(origin, base, theirs.seen, now) {
            return;
        }
        if self.is_old(origin, now) {
            return self.lose(log, origin, base, theirs.seen + 1, now, out);
        }
        log.know(origin, base);
        if origin != peer && self.peers.is_linked(origin) && out.is_held(log.name()) {
            // It waits at the origin, which will send it.
            return;
        }
        let seen_ms = match self.way {
            Way::Links if origin != peer && self.peers.is_linked(origin) => now.ms + LINK_BRINGS_MS,
            Way::Links => now.ms,
            Way::Lossy => now.ms + NATS_BRINGS_MS,
        };
        if self.holes.open(origin, log.name(), base, theirs.seen, Some(peer), seen_ms).is_none() {
            return self.lose(log, origin, base, theirs.seen + 1, now, out);
        }
        self.look_at(origin, log.name(), now, out);
    }

    /// A peer has sent what it has of channels.
    pub(super) fn take_rings(&mut self, peer: Origin, ringed: &Ringed<'_>, now: Now) {
        let Some(question) = self.joining.answered(ringed.number, peer, now.ms) else { return };
        let mut left: Vec<_> = question.channels;
        for told in &ringed.channels {
            let Some(log) = self.logs.find(told.channel).filter(|log| left.iter().any(|name| **name == *log.name()))
            else {
                continue;
            };
            let mut has_room = false;
            for (origin, entry) in &told.entries {
                let accepted_ms = now.before(entry.age_ms);
                let held = Held { number: entry.number, accepted_ms, content: entry.content.into() };
                has_room |= log.prepend(*origin, held, now);
            }
            if told.is_whole || !has_room {
                left.retain(|name| **name != *told.channel);
                self.joining.finished(told.channel, &log.numbers());
            }
        }
        // An answer to nothing has no room for anything.
        if !ringed.channels.is_empty() {
            self.joining.want(peer, left.into_iter());
        }
    }

    /// A peer has taken in what it was told.
    pub(super) fn take_acknowledgement(&mut self, peer: Origin, number: u32) {
        let Some(of) = self.peers.get_mut(peer) else { return };
        let Some(begun_ms) = of.telling.as_ref().and_then(|telling| telling.acknowledged(number)) else { return };
        self.acknowledged.insert(peer, begun_ms);
        if of.dropping_ms.is_some_and(|dropping_ms| dropping_ms < begun_ms) {
            of.dropping_ms = None;
        }
        // Of an earlier one: what it is being told since then takes in what is new.
        if of.telling.as_ref().is_some_and(|telling| telling.number == number) {
            of.telling = None;
        }
    }
}
