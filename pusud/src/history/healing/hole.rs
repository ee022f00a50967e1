//! A hole in the numbers of an origin in a channel: what is known to exist, what came behind, and who is asked for it.

use super::peers::Peers;
use super::{FETCHING_MAX, Way};
use crate::history::Origin;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    pub(super) waiting: BTreeMap<u64, Waiting>,
    /// Since when it is one; before, what is missing may be on its way.
    pub(super) seen_ms: i64,
    /// When something came that was missing.
    pub(super) progressed_ms: i64,
    pub(super) due_ms: i64,
    /// Whoever was asked in vain.
    asked: Vec<Origin>,
    /// Who is being asked, and until when.
    asking: Option<(Origin, i64)>,
    was_asked: bool,
    pub(super) holders: Vec<Origin>,
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
    pub(super) fn new(base: u64, known: u64, seen_ms: i64) -> Self {
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

    pub(super) fn hold(&mut self, peer: Origin) {
        if self.holders.len() < HOLDERS_MAX && !self.holders.contains(&peer) {
            self.holders.push(peer);
        }
    }

    /// Nobody is asked for more for now: its time begins anew. Returns when it is looked at again.
    pub(super) fn put_off(&mut self, now_ms: i64) -> i64 {
        self.seen_ms = self.seen_ms.max(now_ms + FULL_MS);
        self.progressed_ms = self.seen_ms;
        self.seen_ms
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
    pub(super) fn unlinked(&mut self, peer: Origin) {
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
