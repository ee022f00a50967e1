//! Connections by address. An address without connections is forgotten, so that there are never more addresses in here
//! than connections.

use crate::admission::address::block;
use slab::Slab;
use std::collections::HashMap;
use std::net::IpAddr;

/// The place of connections that are not counted by address: one that no address has, since there are a million
/// connections at the most.
pub(super) const UNCOUNTED: u32 = (1 << 26) - 1;

/// The addresses that have connections.
#[derive(Default)]
pub(super) struct Addresses {
    places: HashMap<IpAddr, u32>,
    by_place: Slab<(IpAddr, Counts)>,
}

/// The connections of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) connections: u32,
    pub(super) unauthorized: u32,
}

impl Addresses {
    /// What `address` has.
    pub(super) fn of(&self, address: IpAddr) -> Counts {
        self.places.get(&block(address)).map_or(Counts::default(), |&place| self.by_place[place as usize].1)
    }

    /// Counts one more connection of `address`, which is not authorized yet; returns its place.
    pub(super) fn enter(&mut self, address: IpAddr) -> u32 {
        let address = block(address);
        let by_place = &mut self.by_place;
        let place = *self.places.entry(address).or_insert_with(|| {
            u32::try_from(by_place.insert((address, Counts::default())))
                .expect("connections are bounded far below 2^32")
        });
        let counts = &mut by_place[place as usize].1;
        counts.connections += 1;
        counts.unauthorized += 1;
        place
    }

    /// Whether connections of `address` are counted at `place`.
    pub(super) fn is_of(&self, place: u32, address: IpAddr) -> bool {
        place != UNCOUNTED && self.by_place[place as usize].0 == block(address)
    }

    /// One of the connections at `place` has to be authorized again.
    pub(super) fn begin_probation(&mut self, place: u32) {
        self.change(place, |counts| counts.unauthorized += 1);
    }

    /// One of the connections at `place` is authorized, or gone.
    pub(super) fn pass_probation(&mut self, place: u32) {
        self.change(place, |counts| counts.unauthorized -= 1);
    }

    /// One of the connections at `place` is gone.
    pub(super) fn leave(&mut self, place: u32) {
        self.change(place, |counts| counts.connections -= 1);
    }

    fn change(&mut self, place: u32, change: impl FnOnce(&mut Counts)) {
        if place == UNCOUNTED {
            return;
        }
        let (address, counts) = &mut self.by_place[place as usize];
        change(counts);
        if *counts == Counts::default() {
            self.places.remove(address);
            self.by_place.remove(place as usize);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.places.len(), self.by_place.len());
        self.places.len()
    }
}
