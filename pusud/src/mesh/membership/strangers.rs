//! Connections of others that have not finished their handshake: how many there may be, of whom, and which one goes when
//! one too many comes.
//!
//! Values without sockets. **Invariant:** whatever others do, an address has its share, a listed one has places of its own
//! besides, and who comes is let in: where there is no place the oldest goes, and of those first who have said nothing.

use crate::admission::block;
use crate::mesh::membership::settings::{KEPT_STRANGERS, STRANGERS_MAX, STRANGERS_PER_ADDRESS_MAX};
use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use tokio::sync::Notify;

/// What is known of one stranger by those who have to do with it.
#[derive(Default)]
pub(crate) struct Seen {
    /// It has sent a good HELLO.
    pub has_spoken: Cell<bool>,
    /// It has to go.
    pub has_to_go: Notify,
}

struct Place {
    /// Strangers are in the order of their numbers.
    number: u64,
    block: IpAddr,
    /// It has one of the places that are kept for its address.
    is_kept: bool,
    seen: Rc<Seen>,
}

/// Those who are there.
#[derive(Default)]
pub(crate) struct Strangers {
    /// From the oldest to the youngest, with those who have been told to go and have not gone yet.
    places: Vec<Place>,
    leaving: Vec<u64>,
    numbers: u64,
}

/// A stranger that was let in.
pub(crate) struct Admitted {
    /// Its number.
    pub number: u64,
    /// What is known of it.
    pub seen: Rc<Seen>,
    /// Another one has to go for it.
    pub is_in_place_of_another: bool,
}

impl Strangers {
    /// Lets one in. `listed`: how many relays of the settings are at its address.
    pub(crate) fn admit(&mut self, address: IpAddr, listed: usize) -> Admitted {
        let block = block(address);
        let own = |place: &&Place| place.block == block;
        let kept = self.places.iter().filter(own).filter(|place| place.is_kept).count();
        let shared = self.places.iter().filter(own).filter(|place| !place.is_kept).count();
        let all_shared = self.places.iter().filter(|place| !place.is_kept).count();
        let is_kept = kept < listed * KEPT_STRANGERS;
        let gone = if is_kept {
            None
        } else if shared >= STRANGERS_PER_ADDRESS_MAX || (all_shared >= STRANGERS_MAX && shared > 0) {
            self.oldest(|place| place.block == block && !place.is_kept)
        } else if all_shared >= STRANGERS_MAX && listed > 0 {
            self.oldest(|place| place.block == block)
        } else if all_shared >= STRANGERS_MAX {
            self.oldest(|place| !place.is_kept)
        } else {
            None
        };
        let is_kept = is_kept || gone.is_some_and(|at| self.places[at].is_kept);
        if let Some(at) = gone {
            let place = self.places.remove(at);
            self.leaving.push(place.number);
            place.seen.has_to_go.notify_one();
        }
        self.numbers += 1;
        let (number, seen) = (self.numbers, Rc::<Seen>::default());
        self.places.push(Place { number, block, is_kept, seen: seen.clone() });
        Admitted { number, seen, is_in_place_of_another: gone.is_some() }
    }

    /// The oldest one of which this holds and that has said nothing, or, where all have, the oldest one.
    fn oldest(&self, holds: impl Fn(&Place) -> bool) -> Option<usize> {
        let mut those = self.places.iter().enumerate().filter(|(_, place)| holds(place));
        let silent = those.clone().find(|(_, place)| !place.seen.has_spoken.get());
        silent.or_else(|| those.next()).map(|(at, _)| at)
    }

    /// One is linked, or gone.
    pub(crate) fn leave(&mut self, number: u64) {
        self.places.retain(|place| place.number != number);
        self.leaving.retain(|leaving| *leaving != number);
    }

    /// Whether some have been told to go and are still there.
    pub(crate) fn are_some_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(host: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, host])
    }

    fn is_told_to_go(admitted: &Admitted) -> bool {
        let waker = std::task::Waker::noop();
        let notified = std::pin::pin!(admitted.seen.has_to_go.notified());
        notified.poll(&mut std::task::Context::from_waker(waker)).is_ready()
    }

    #[test]
    fn of_one_address_the_oldest_silent_one_goes() {
        let mut strangers = Strangers::default();
        let four: Vec<_> = (0..4).map(|_| strangers.admit(address(1), 0)).collect();
        four[0].seen.has_spoken.set(true);
        let other = strangers.admit(address(2), 0);
        assert!(strangers.admit(address(1), 0).is_in_place_of_another);
        assert_eq!([0, 1, 2, 3].map(|at| is_told_to_go(&four[at])), [false, true, false, false]);
        assert!(!is_told_to_go(&other) && strangers.are_some_leaving());
        strangers.leave(four[1].number);
        assert!(!strangers.are_some_leaving());
    }

    #[test]
    fn of_ipv6_a_64_is_one_address() {
        let mut strangers = Strangers::default();
        let v6 = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
        let five: Vec<_> = (0..5).map(|at| strangers.admit(v6(at), 0)).collect();
        assert!(five[4].is_in_place_of_another && is_told_to_go(&five[0]));
        assert!(!strangers.admit(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, 1]), 0).is_in_place_of_another);
    }

    #[test]
    fn places_of_a_listed_address_are_taken_by_nobody_else() {
        let mut strangers = Strangers::default();
        let others: Vec<_> = (0..STRANGERS_MAX).map(|at| strangers.admit(address(at as u8), 0)).collect();
        let listed: Vec<_> = (0..KEPT_STRANGERS).map(|_| strangers.admit(address(200), 1)).collect();
        assert!(!listed.iter().chain(&others).any(is_told_to_go));
        // All shared places are taken: one more of its own takes the place of one of its own.
        assert!(strangers.admit(address(200), 1).is_in_place_of_another && is_told_to_go(&listed[0]));
        assert!(strangers.admit(address(201), 0).is_in_place_of_another && is_told_to_go(&others[0]));
    }

    proptest! {
        #[test]
        fn all_bounds_hold(steps in proptest::collection::vec((0u8..40, any::<bool>(), any::<bool>()), 0..300)) {
            let (mut strangers, mut there) = (Strangers::default(), Vec::new());
            let listed = |host: u8| usize::from(host < 3);
            for (host, speaks, leaves) in steps {
                let admitted = strangers.admit(address(host), listed(host));
                admitted.seen.has_spoken.set(speaks);
                there.push(admitted.number);
                if leaves {
                    strangers.leave(there.remove(there.len() / 2));
                }
                let shared = strangers.places.iter().filter(|place| !place.is_kept).count();
                prop_assert!(shared <= STRANGERS_MAX);
                for host in 0..40 {
                    let own = strangers.places.iter().filter(|place| place.block == address(host));
                    let (kept, shared): (Vec<_>, Vec<_>) = own.partition(|place| place.is_kept);
                    prop_assert!(kept.len() <= listed(host) * KEPT_STRANGERS);
                    prop_assert!(shared.len() <= STRANGERS_PER_ADDRESS_MAX);
                }
            }
        }
    }
}
