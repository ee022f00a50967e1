//! Starts of relays: what they are called, when they were lost sight of, and whom their numbers are asked of.

use super::peers::Peers;
use crate::history::{Boots, Now, Origin};
use std::collections::BTreeMap;

/// Starts that are known at most.
const STARTS_MAX: usize = 4096;
/// When others are asked for the first time about a relay that is linked no more, in milliseconds.
const ASK_AFTER_MS: i64 = 200;
/// How often after that.
const ASK_EVERY_MS: i64 = 1000;
/// How long, if its link has just ended: it may be back.
const ASK_LOST_MS: i64 = 15_000;
/// How long, if it is gone for sure.
const ASK_ENDED_MS: i64 = 3_000;

/// A start that others are asked about.
struct Asked {
    next_ms: i64,
    until_ms: i64,
}

/// The starts.
pub(super) struct Starts {
    own: Origin,
    names: BTreeMap<Origin, Box<str>>,
    /// When the link with each of them ended that was linked and is not.
    lost_ms: BTreeMap<Origin, i64>,
    asked: BTreeMap<Origin, Asked>,
}

impl Starts {
    /// Only the relay's own start is known.
    pub(super) fn new(own: Origin, name: &str) -> Self {
        Self { own, names: BTreeMap::from([(own, name.into())]), lost_ms: BTreeMap::new(), asked: BTreeMap::new() }
    }

    pub(super) fn name(&self, origin: Origin) -> Option<&str> {
        self.names.get(&origin).map(|name| &**name)
    }

    /// All of them, each with its name.
    pub(super) fn names(&self) -> impl Iterator<Item = (Origin, &str)> {
        self.names.iter().map(|(&origin, name)| (origin, &**name))
    }

    /// A relay is linked: this is its only start that goes on.
    pub(super) fn linked(&mut self, origin: Origin, name: &str, boots: &Boots, now: Now) {
        boots.learn(origin, None);
        boots.revive(origin);
        self.names.insert(origin, name.into());
        self.lost_ms.remove(&origin);
        self.asked.remove(&origin);
        self.end_others(origin, name, boots, now);
    }

    /// All other starts with this name have ended.
    fn end_others(&mut self, origin: Origin, name: &str, boots: &Boots, now: Now) {
        let others: Vec<_> = self
            .names
            .iter()
            .filter(|(other, named)| **other != origin && ***named == *name)
            .map(|(&o, _)| o)
            .collect();
        for other in others {
            if boots.ended(other).is_none() {
                boots.learn(other, Some(self.lost_ms.get(&other).copied().unwrap_or(now.ms)));
                self.ask(other, now.ms, ASK_ENDED_MS);
            }
        }
    }

    /// A link has ended.
    pub(super) fn unlinked(&mut self, origin: Origin, said_goodbye: bool, boots: &Boots, now: Now) {
        self.lost_ms.insert(origin, now.ms);
        if said_goodbye {
            boots.learn(origin, Some(now.ms));
            self.ask(origin, now.ms, ASK_ENDED_MS);
        } else {
            self.ask(origin, now.ms + ASK_AFTER_MS, ASK_LOST_MS);
        }
    }

    /// Somebody tells of a start that is not linked here.
    pub(super) fn told(
        &mut self,
        origin: Origin,
        name: &str,
        ended_ms: Option<i64>,
        peers: &Peers,
        boots: &Boots,
        now: Now,
    ) {
        let is_new = !self.names.contains_key(&origin);
        if is_new {
            if self.names.len() >= STARTS_MAX {
                return;
            }
            self.names.insert(origin, name.into());
        }
        // Who has this relay's name was this relay.
        let ended_ms = if self.name(self.own) == Some(name) { ended_ms.or(Some(now.ms)) } else { ended_ms };
        let had_ended = boots.ended(origin).is_some();
        boots.learn(origin, ended_ms);
        if ended_ms.is_some() {
            if !had_ended && !is_new {
                self.ask(origin, now.ms, ASK_ENDED_MS);
            }
        } else if is_new {
            // Of two starts that go on, the one that has been heard of later is the later one.
            let is_here = self.names.iter().any(|(other, named)| **named == *name && peers.is_linked(*other));
            if !is_here {
                self.end_others(origin, name, boots, now);
            }
            // Unless it is linked soon, others have what it publishes.
            self.ask(origin, now.ms + ASK_AFTER_MS, ASK_LOST_MS);
        }
    }

    fn ask(&mut self, origin: Origin, from_ms: i64, during_ms: i64) {
        let asked = self.asked.entry(origin).or_insert(Asked { next_ms: from_ms, until_ms: from_ms + during_ms });
        asked.next_ms = asked.next_ms.min(from_ms);
        asked.until_ms = asked.until_ms.min(from_ms + during_ms);
    }

    /// About whom others are to be asked now.
    pub(super) fn take_due(&mut self, boots: &Boots, now: Now) -> Vec<Origin> {
        let due: Vec<_> =
            self.asked.iter().filter(|(_, asked)| asked.next_ms <= now.ms).map(|(&origin, _)| origin).collect();
        for origin in &due {
            let asked = self.asked.get_mut(origin).expect("it is one of them");
            asked.next_ms = now.ms + ASK_EVERY_MS;
            if asked.next_ms > asked.until_ms {
                self.asked.remove(origin);
                // Who has been away for so long has ended, unless it comes back.
                boots.learn(*origin, self.lost_ms.get(origin).copied());
            }
        }
        due
    }

    /// Forgets those that the table of starts has forgotten.
    pub(super) fn forget(&mut self, boots: &Boots) {
        self.names.retain(|&origin, _| boots.is_known(origin));
        self.lost_ms.retain(|&origin, _| boots.is_known(origin));
    }

    pub(super) fn next_due(&self) -> Option<i64> {
        self.asked.values().map(|asked| asked.next_ms).min()
    }
}
