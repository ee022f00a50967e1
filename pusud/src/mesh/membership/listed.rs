//! An entry of `relays`, which is an IP address or a name: the addresses that it has now, and what is known of each.
//!
//! Values without sockets: who resolves and who dials stands elsewhere. **Invariant:** there are never more than
//! [`ADDRESSES_PER_NAME_MAX`] addresses of an entry, whatever DNS answers.

use crate::mesh::membership::settings::ADDRESSES_PER_NAME_MAX;
use crate::peers::BootId;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::sync::Notify;
use tokio::time::Instant;

/// An entry of `relays`.
#[derive(Default)]
pub(crate) struct Listed {
    /// Its addresses that are dialled, in their order, with those that DNS has withdrawn while their relay is linked.
    pub dials: Vec<Rc<Dial>>,
    /// Why its name could not be resolved the last time.
    pub last_error: Option<String>,
    /// Addresses of the name that are not dialled, since there are too many.
    pub beyond: usize,
    /// Told when its name is to be resolved again.
    pub resolve: Rc<Notify>,
}

/// An address of an entry.
pub(crate) struct Dial {
    /// The address.
    pub address: SocketAddr,
    /// What dialling it has shown.
    pub known: RefCell<Known>,
    /// Told when the name does not lead to it any more.
    pub withdrawn: Notify,
    is_withdrawn: Cell<bool>,
}

/// What is known of an address.
#[derive(Default)]
pub(crate) struct Known {
    /// Who answered there the last time.
    pub peer: Option<(Box<str>, BootId)>,
    /// It is this relay.
    pub is_itself: bool,
    /// No connection could be made the last time.
    pub is_unreachable: bool,
    /// Why the last attempt or link ended.
    pub last_error: Option<String>,
    /// When it is dialled again.
    pub next_attempt: Option<Instant>,
}

impl Known {
    /// Whether the address was dialled, and it is known what has come of it.
    pub(crate) fn is_tried(&self) -> bool {
        self.peer.is_some() || self.is_itself || self.is_unreachable || self.next_attempt.is_some()
    }
}

impl Dial {
    fn new(address: SocketAddr) -> Rc<Self> {
        Rc::new(Self { address, known: RefCell::default(), withdrawn: Notify::new(), is_withdrawn: Cell::new(false) })
    }

    /// Whether the name does not lead to it any more.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.is_withdrawn.get()
    }
}

impl Listed {
    /// Takes an answer of DNS in. Gives the addresses that are to be dialled from now on. Those that are not in it are told
    /// so, and go when their relay is not linked.
    pub(crate) fn resolved(&mut self, answer: &[SocketAddr]) -> Vec<Rc<Dial>> {
        let mut answer: BTreeSet<SocketAddr> = answer.iter().copied().collect();
        for dial in &self.dials {
            let is_withdrawn = !answer.remove(&dial.address);
            dial.is_withdrawn.set(is_withdrawn);
            if is_withdrawn {
                dial.withdrawn.notify_one();
            }
        }
        let room = ADDRESSES_PER_NAME_MAX - self.dials.len();
        self.beyond = answer.len().saturating_sub(room);
        // In their order, so that all relays leave the same ones out.
        let new: Vec<_> = answer.into_iter().take(room).map(Dial::new).collect();
        self.dials.extend(new.iter().cloned());
        self.dials.sort_by_key(|dial| dial.address);
        new
    }

    /// An address is not dialled any more. What there was no room for may take its place.
    pub(crate) fn forget(&mut self, gone: &Rc<Dial>) {
        self.dials.retain(|dial| !Rc::ptr_eq(dial, gone));
        if self.beyond > 0 {
            self.resolve.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(hosts: impl IntoIterator<Item = u8>) -> Vec<SocketAddr> {
        hosts.into_iter().map(|host| SocketAddr::from(([192, 0, 2, host], 1))).collect()
    }

    fn of(dials: &[Rc<Dial>]) -> Vec<SocketAddr> {
        dials.iter().map(|dial| dial.address).collect()
    }

    #[test]
    fn new_addresses_are_dialled_once_and_others_are_withdrawn() {
        let mut listed = Listed::default();
        assert_eq!(of(&listed.resolved(&addresses([3, 1, 3]))), addresses([1, 3]));
        assert_eq!(of(&listed.resolved(&addresses([2, 3]))), addresses([2]));
        assert_eq!(of(&listed.dials), addresses([1, 2, 3]));
        let withdrawn: Vec<_> = listed.dials.iter().filter(|dial| dial.is_withdrawn()).cloned().collect();
        assert_eq!(of(&withdrawn), addresses([1]));
        // It was there for the time of one answer, and its task has not noticed.
        assert!(listed.resolved(&addresses([1, 2, 3])).is_empty() && !withdrawn[0].is_withdrawn());
        listed.resolved(&addresses([2, 3]));
        listed.forget(&withdrawn[0]);
        assert_eq!(of(&listed.dials), addresses([2, 3]));
    }

    #[test]
    fn there_is_a_bound_and_who_is_beyond_it_has_a_turn_later() {
        let mut listed = Listed::default();
        let all = ADDRESSES_PER_NAME_MAX as u8 + 2;
        assert_eq!(listed.resolved(&addresses(0..all)).len(), ADDRESSES_PER_NAME_MAX);
        assert_eq!(listed.beyond, 2);
        // One is withdrawn; it has its place as long as its relay is linked.
        assert!(listed.resolved(&addresses(1..all)).is_empty());
        assert_eq!(listed.beyond, 2);
        listed.forget(&listed.dials[0].clone());
        assert_eq!(of(&listed.resolved(&addresses(1..all))), addresses([ADDRESSES_PER_NAME_MAX as u8]));
        assert_eq!(listed.beyond, 1);
    }
}
