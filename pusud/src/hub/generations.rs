//! Generations of clients' numbers, which are given out anew: so that an id names one client for ever.

use super::{Hub, ListenerId, Outbox};
use crate::routing::ClientId;
use std::rc::Rc;

/// By number: how many clients that had it have gone. Those past the end: none.
#[derive(Default)]
pub(super) struct Generations(Vec<u32>);

impl Generations {
    fn gone(&self, listener: ListenerId) -> u32 {
        self.0.get(listener as usize).copied().unwrap_or(0)
    }

    /// The client of this number has gone.
    pub(super) fn end(&mut self, listener: ListenerId) {
        let at = listener as usize;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] = self.0[at].wrapping_add(1);
    }
}

impl Hub {
    /// The id of the client that has this number now.
    pub(super) fn id_of(&self, listener: ListenerId) -> ClientId {
        let earlier = self.state.borrow().generations.gone(listener);
        ClientId { shard: self.shard, number: listener, earlier }
    }

    /// The client of this id; `None`: it has gone, or is another shard's.
    pub(super) fn by_id(&self, id: ClientId) -> Option<Rc<Outbox>> {
        let is_it = self.id_of(id.number) == id;
        is_it.then(|| self.state.borrow().outboxes.get(id.number as usize).cloned()).flatten()
    }
}
