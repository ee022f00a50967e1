//! Interest: a shard's subscriptions, and their announcement to the other shards and the linked relays.

use super::{Hub, State};
use crate::frames::Mark;
use crate::hub::subscriptions::{ListenerId, Subscribed};
use crate::protocol::Refusal;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

impl Hub {
    /// From here on `listener` gets what is published on `channel`. False, and nothing has changed: it is subscribed to
    /// `max_subscriptions` others.
    pub fn subscribe(&self, listener: ListenerId, channel: &str) -> bool {
        let state = &mut *self.state.borrow_mut();
        state.close_run();
        let may_add = state.subscriptions.channels_of(listener).len() < self.limits.max_subscriptions;
        match state.subscriptions.subscribe(listener, channel) {
            Subscribed::Already => return true,
            _ if !may_add => {
                state.subscriptions.unsubscribe(listener, channel);
                state.stats.refusals.count(Refusal::MaxSubscriptions);
                return false;
            }
            Subscribed::First => state.announce(channel),
            Subscribed::Added => {}
        }
        state.subscribed(listener, channel);
        true
    }

    /// From here on `listener` gets nothing more that is published on `channel`.
    pub fn unsubscribe(&self, listener: ListenerId, channel: &str) {
        let state = &mut *self.state.borrow_mut();
        state.close_run();
        state.unsubscribed(listener, channel);
        if state.subscriptions.unsubscribe(listener, channel) {
            state.withdraw(channel);
        }
    }

    /// As [`Self::unsubscribe`], and what waits for the listener of that is dropped: it may not have it any more.
    pub fn take_away(&self, listener: ListenerId, channel: &str) {
        self.unsubscribe(listener, channel);
        if self.drop_waiting(listener, &Mark::of(Some(channel))) {
            self.state.borrow_mut().lost(listener, Some(channel));
        }
    }

    /// As [`Self::unsubscribe_all`], and everything that waits for the listener of what was published is dropped.
    pub fn take_all_away(&self, listener: ListenerId) {
        self.unsubscribe_all(listener);
        if self.drop_waiting(listener, &Mark::of(None)) {
            self.state.borrow_mut().lost(listener, None);
        }
    }

    fn drop_waiting(&self, listener: ListenerId, mark: &Mark) -> bool {
        let state = self.state.borrow();
        state.outboxes.get(listener as usize).is_some_and(|outbox| outbox.drop_marked(mark))
    }

    /// From here on `listener` gets nothing that is published; what it was sent before still leaves.
    pub fn unsubscribe_all(&self, listener: ListenerId) {
        let state = &mut *self.state.borrow_mut();
        state.close_run();
        state.unsubscribed_all(listener);
        for channel in state.subscriptions.leave(listener) {
            state.withdraw(&channel);
        }
    }

    /// What `listener` is subscribed to.
    pub fn channels_of(&self, listener: ListenerId) -> Vec<Rc<str>> {
        self.state.borrow().subscriptions.channels_of(listener).cloned().collect()
    }

    /// Whether all linked relays know that `channel`, which has a listener here, has one.
    pub fn is_acknowledged(&self, channel: &str) -> bool {
        self.state.borrow().pending_subscriptions.is_acknowledged(channel)
    }

    /// Ready when all linked relays know that `channel` has a listener; false if it is not `listener` any more, whose
    /// subscription has ended meanwhile.
    pub fn poll_acknowledged(&self, listener: ListenerId, channel: &str, cx: &Context<'_>) -> Poll<bool> {
        let state = &mut *self.state.borrow_mut();
        ready!(state.pending_subscriptions.poll(channel, listener, cx));
        Poll::Ready(state.subscriptions.is_subscribed(listener, channel))
    }

    /// The network has answered what it was asked under this number.
    pub fn acknowledged(&self, number: u64) {
        let state = &mut *self.state.borrow_mut();
        if let Some(asked) = state.pending_subscriptions.acknowledged(number) {
            state.stats.times.settle.observe(asked.elapsed());
        }
    }
}

impl State {
    /// The channel has its first listener in this shard.
    fn announce(&mut self, channel: &str) {
        self.index.index().announce(self.outgoing.member(), channel);
        if self.outgoing.has_network() {
            let asked = self.batch_timer.is_on().then(Instant::now);
            self.outgoing.settle(channel, self.pending_subscriptions.begin(channel, asked));
        }
    }

    /// The channel has lost its last listener in this shard.
    fn withdraw(&mut self, channel: &str) {
        self.index.index().withdraw(self.outgoing.member(), channel);
        self.leave_log(channel);
        self.pending_subscriptions.end(channel);
    }
}
