//! Starts of relays that are known, and when those ended that have.
//!
//! The network's thread tells of them; whoever judges a position asks.

use super::clock::{Now, Times};
use super::origin::Origin;
use super::position::Minute;
use std::collections::HashMap;
use std::sync::{RwLock, RwLockReadGuard};

/// After how many retentions a start that has ended is forgotten: no ring and no position of use has it.
const FORGOTTEN_RETENTIONS: i64 = 3;

/// The table.
#[derive(Debug)]
pub struct Boots {
    times: Times,
    /// When each of them ended, by the relay's clock in milliseconds; `None`: it has not.
    known: RwLock<HashMap<Origin, Option<i64>>>,
    /// What the relays are called, as far as this is known: for people.
    names: RwLock<HashMap<Origin, Box<str>>>,
}

impl Boots {
    /// Only the relay's own start is known.
    pub(super) fn new(own: Origin, times: Times) -> Self {
        Self { times, known: RwLock::new(HashMap::from([(own, None)])), names: RwLock::default() }
    }

    /// A start is known from here on. The earliest end that is told of counts.
    pub fn learn(&self, origin: Origin, ended_ms: Option<i64>) {
        let mut known = self.known.write().expect("nothing panics while it holds the table");
        let ended = known.entry(origin).or_default();
        *ended = match (*ended, ended_ms) {
            (Some(before), Some(now)) => Some(before.min(now)),
            (before, now) => before.or(now),
        };
    }

    /// The relay of a start that is known is called so.
    pub fn call(&self, origin: Origin, name: &str) {
        self.names.write().expect("nothing panics while it holds the names").insert(origin, name.into());
    }

    /// What the relay of a start is called, if anybody has said so.
    pub fn name(&self, origin: Origin) -> Option<Box<str>> {
        self.names.read().expect("nothing panics while it holds the names").get(&origin).cloned()
    }

    /// A start that was taken for ended goes on.
    pub fn revive(&self, origin: Origin) {
        self.known.write().expect("nothing panics while it holds the table").insert(origin, None);
    }

    /// Whether this start is known.
    pub fn is_known(&self, origin: Origin) -> bool {
        self.read().contains_key(&origin)
    }

    /// When it ended, by the relay's clock in milliseconds, if it has.
    pub fn ended(&self, origin: Origin) -> Option<i64> {
        self.read().get(&origin).copied().flatten()
    }

    /// All that are known, each with its end.
    pub fn all(&self) -> Vec<(Origin, Option<i64>)> {
        self.read().iter().map(|(&origin, &ended)| (origin, ended)).collect()
    }

    /// Whether whoever came from this minute has seen everything of a start in a channel with these times: it had ended long
    /// before that.
    pub(super) fn had_ended(&self, origin: Origin, minute: Minute, times: Times, now: Now) -> bool {
        let ended = match self.read().get(&origin) {
            Some(&ended) => ended,
            None => Some(now.ms - FORGOTTEN_RETENTIONS * self.times.retention_ms),
        };
        let Some(ended) = ended else { return false };
        minute > now.minute_at(ended, times).saturating_add(times.half_minutes())
    }

    /// Forgets those that ended long ago.
    pub fn forget(&self, now: Now) {
        let before = now.ms - FORGOTTEN_RETENTIONS * self.times.retention_ms;
        let mut known = self.known.write().expect("nothing panics while it holds the table");
        known.retain(|_, ended| ended.is_none_or(|ended| ended > before));
        let mut names = self.names.write().expect("nothing panics while it holds the names");
        names.retain(|origin, _| known.contains_key(origin));
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Origin, Option<i64>>> {
        self.known.read().expect("nothing panics while it holds the table")
    }
}
