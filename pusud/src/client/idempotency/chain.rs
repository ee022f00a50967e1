//! A chain: places in an order, from the oldest to the youngest, of which any can leave in constant time.
//!
//! The links stand in the places themselves. Each place is in two chains.

use super::ledger::Place;
use super::table::{Key, Table};

/// Which of a place's links are meant.
#[derive(Clone, Copy)]
pub(super) enum Which {
    /// Those between all.
    All,
    /// Those between places of the same subject.
    Own,
}

/// The ends of a chain.
#[derive(Clone, Copy, Default)]
pub(super) struct Chain {
    oldest: Option<Key>,
    youngest: Option<Key>,
}

/// The neighbours of a place in one chain.
#[derive(Clone, Copy, Default)]
pub(super) struct Links {
    older: Option<Key>,
    younger: Option<Key>,
}

impl Chain {
    /// The one that has been there for longest.
    pub(super) fn oldest(&self) -> Option<Key> {
        self.oldest
    }

    /// Adds the youngest one, which is in no such chain.
    pub(super) fn push(&mut self, places: &mut Table<Place>, which: Which, key: Key) {
        places[key].links[which as usize] = Links { older: self.youngest, younger: None };
        match self.youngest.replace(key) {
            Some(older) => places[older].links[which as usize].younger = Some(key),
            None => self.oldest = Some(key),
        }
    }

    /// Takes one out that is in it.
    pub(super) fn remove(&mut self, places: &mut Table<Place>, which: Which, key: Key) {
        let Links { older, younger } = places[key].links[which as usize];
        match older {
            Some(older) => places[older].links[which as usize].younger = younger,
            None => self.oldest = younger,
        }
        match younger {
            Some(younger) => places[younger].links[which as usize].older = older,
            None => self.youngest = older,
        }
    }
}
