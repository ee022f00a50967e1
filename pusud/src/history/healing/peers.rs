//! Relays that are linked with this one, and what is on its way to each of them.

use super::telling::{Pieces, Telling};
use crate::history::Origin;
use std::collections::{HashMap, HashSet};

/// Channels of a peer's that are remembered because a publication for it was dropped; past it they are told of altogether.
pub(super) const OVERFLOWED_MAX: usize = 4096;
/// Starts of relays that one peer may tell of.
const BOOTS_MAX: u32 = 1024;

/// One of them.
pub(super) struct Peer {
    pub(super) name: Box<str>,
    /// Of its settings of history, once it has told them.
    pub(super) digest: Option<u64>,
    /// All its numbers have come that it tells at the beginning.
    pub(super) has_told: bool,
    /// What it is being told, or has not acknowledged yet.
    pub(super) telling: Option<Telling>,
    /// The pieces of what it tells.
    pub(super) pieces: Pieces,
    /// The numbers of its last words, which are acknowledged when nothing is missing any more, and when at the latest.
    pub(super) owed: Option<(u32, i64)>,
    /// Channels in which publications for it were dropped; `None`: too many to name.
    pub(super) overflowed: Option<HashSet<Box<str>>>,
    /// Since when.
    pub(super) overflowed_ms: i64,
    /// Since when publications for it may have been dropped that it has not been told of.
    pub(super) dropping_ms: Option<i64>,
    /// Questions for publications that it has not answered.
    pub(super) fetching: u32,
    /// Starts of relays that it was the first to tell of.
    boots: u32,
    /// For whose numbers it has asked, and when it was answered last.
    pub(super) answered: HashMap<Origin, i64>,
}

impl Peer {
    fn new(name: &str, now_ms: i64) -> Self {
        Self {
            name: name.into(),
            digest: None,
            has_told: false,
            telling: None,
            pieces: Pieces::default(),
            owed: None,
            overflowed: Some(HashSet::new()),
            overflowed_ms: now_ms,
            dropping_ms: None,
            fetching: 0,
            boots: 0,
            answered: HashMap::new(),
        }
    }

    /// A publication for it was dropped.
    pub(super) fn overflow(&mut self, channel: &str, now_ms: i64) {
        if self.overflowed.as_ref().is_some_and(HashSet::is_empty) {
            self.overflowed_ms = now_ms;
        }
        if let Some(channels) = &mut self.overflowed {
            if channels.len() == OVERFLOWED_MAX {
                self.overflowed = None;
            } else if !channels.contains(channel) {
                channels.insert(channel.into());
            }
        }
    }

    /// Whether publications for it were dropped, or may have been.
    pub(super) fn has_dropped(&self) -> bool {
        self.has_overflowed() || self.dropping_ms.is_some()
    }

    /// Whether publications for it were dropped of which it does not know.
    pub(super) fn has_overflowed(&self) -> bool {
        self.overflowed.as_ref().is_none_or(|channels| !channels.is_empty())
    }

    /// It tells of one more start of a relay. False: it has told of enough.
    pub(super) fn brings_boot(&mut self) -> bool {
        self.boots += 1;
        self.boots <= BOOTS_MAX
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Peers {
    table: HashMap<Origin, Peer>,
    /// In the order in which they were linked, so that the same happens in the same order.
    order: Vec<Origin>,
}

impl Peers {
    pub(super) fn link(&mut self, origin: Origin, name: &str, now_ms: i64) {
        self.unlink(origin);
        self.table.insert(origin, Peer::new(name, now_ms));
        self.order.push(origin);
    }

    pub(super) fn unlink(&mut self, origin: Origin) -> Option<Peer> {
        self.order.retain(|other| *other != origin);
        self.table.remove(&origin)
    }

    pub(super) fn get(&self, origin: Origin) -> Option<&Peer> {
        self.table.get(&origin)
    }

    pub(super) fn get_mut(&mut self, origin: Origin) -> Option<&mut Peer> {
        self.table.get_mut(&origin)
    }

    pub(super) fn is_linked(&self, origin: Origin) -> bool {
        self.table.contains_key(&origin)
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// In the order in which they were linked.
    pub(super) fn origins(&self) -> &[Origin] {
        &self.order
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Origin, &Peer)> {
        self.order.iter().map(|origin| (*origin, &self.table[origin]))
    }
}
