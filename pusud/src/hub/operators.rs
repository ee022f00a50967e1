//! The operator's own sessions among a shard's clients: served like them, and counted and seen off apart.

use super::{Hub, ListenerId, Outbox};
use crate::protocol::Disconnect;
use std::cell::RefCell;
use std::rc::{Rc, Weak};

/// Those that are there.
#[derive(Default)]
pub(super) struct Operators(RefCell<Vec<Weak<Outbox>>>);

impl Operators {
    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    pub(super) fn remove(&self, outbox: &Rc<Outbox>) {
        self.0.borrow_mut().retain(|one| !std::ptr::eq(one.as_ptr(), Rc::as_ptr(outbox)));
    }
}

impl Hub {
    /// Takes a session of the operator's in.
    pub fn join_operator(&self, outbox: Rc<Outbox>) -> ListenerId {
        outbox.belong_to_operator();
        self.operators.0.borrow_mut().push(Rc::downgrade(&outbox));
        self.join(outbox)
    }

    /// Ends the operator's sessions: the relay stops, and nobody waits for them.
    pub fn close_operators(&self) {
        let operators: Vec<_> = self.operators.0.borrow().iter().filter_map(Weak::upgrade).collect();
        operators.iter().for_each(|outbox| self.close(outbox, Disconnect::GoingAway));
    }
}
