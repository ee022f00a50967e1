//! Fences behind publications to the network: who publishes learns when all before it stand in the queues of the links.
//!
//! Owns the numbers that the network is asked under, and who waits for the answers, which come in the order of the
//! questions.

use super::Hub;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The fences of one shard.
#[derive(Default)]
pub(super) struct Fences {
    last: u64,
    passed: u64,
    waiting: BTreeMap<u64, Waker>,
}

/// A fence: what its shard has published before it is handed over.
pub struct Fence {
    hub: Rc<Hub>,
    number: u64,
}

impl Fence {
    /// Ready when the network has put all that was published before into the queues of its links.
    pub fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let fences = &mut self.hub.state.borrow_mut().fences;
        if fences.passed >= self.number {
            return Poll::Ready(());
        }
        fences.waiting.insert(self.number, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        self.hub.state.borrow_mut().fences.waiting.remove(&self.number);
    }
}

impl Hub {
    /// Whether publications to `channel` go to linked relays now.
    pub fn goes_to_network(&self, channel: &str) -> bool {
        let state = &mut *self.state.borrow_mut();
        state.outgoing.has_network()
            && state.index.shards_of(channel).iter().any(|member| member == state.outgoing.shards_len())
    }

    /// Hands over what has been published so far, without waiting for the flush.
    pub fn hand_over(&self) {
        let state = &mut *self.state.borrow_mut();
        state.close_run();
        state.outgoing.send(state.batch_timer.accepted_at());
    }

    /// Hands over what has been published so far, with a fence behind it. Only where there is a network.
    pub fn fence(self: &Rc<Self>) -> Fence {
        let state = &mut *self.state.borrow_mut();
        state.close_run();
        state.outgoing.send(state.batch_timer.accepted_at());
        state.fences.last += 1;
        let number = state.fences.last;
        state.outgoing.fence(number);
        Fence { hub: self.clone(), number }
    }

    /// The network has come to a fence.
    pub fn passed(&self, number: u64) {
        let fences = &mut self.state.borrow_mut().fences;
        fences.passed = number;
        let later = fences.waiting.split_off(&(number + 1));
        std::mem::replace(&mut fences.waiting, later).into_values().for_each(Waker::wake);
    }
}
