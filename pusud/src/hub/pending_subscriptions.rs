//! Pending subscriptions: their clients wait for `subscribe_ok`, since the linked relays have not acknowledged them yet.
//!
//! Owns what one shard has asked the network, and who waits for the answer. It exists only where there is a network.
//! **Invariant:** a channel is in here from its first listener in this shard until the network has answered, or until
//! the last of them has gone; so what is not in here and has a listener is known to all linked relays.

use crate::hub::subscriptions::ListenerId;
use std::collections::{BTreeMap, HashMap};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// The channels of one shard whose first subscription is not acknowledged.
#[derive(Default)]
pub(crate) struct PendingSubscriptions {
    channels: HashMap<Box<str>, Pending>,
    /// By the numbers under which the network was asked.
    channels_by_number: HashMap<u64, Box<str>>,
    last_number: u64,
}

struct Pending {
    number: u64,
    /// When the network was asked, if somebody wants to know.
    asked: Option<Instant>,
    /// Each listener once, however often it asks.
    waiting: BTreeMap<ListenerId, Waker>,
}

impl PendingSubscriptions {
    /// `channel` has its first listener; returns the number under which the network is to be `asked`.
    pub(crate) fn begin(&mut self, channel: &str, asked: Option<Instant>) -> u64 {
        self.last_number += 1;
        let number = self.last_number;
        self.channels.insert(channel.into(), Pending { number, asked, waiting: BTreeMap::new() });
        self.channels_by_number.insert(number, channel.into());
        number
    }

    /// The network has answered what it was asked under this number: when that was, if that is known and somebody still
    /// listens.
    pub(crate) fn acknowledged(&mut self, number: u64) -> Option<Instant> {
        let channel = self.channels_by_number.get(&number)?.clone();
        let asked = self.channels.get(&channel).and_then(|pending| pending.asked);
        self.end(&channel);
        asked
    }

    /// There is nothing to wait for any more: the network has answered, or the last listener has gone.
    pub(crate) fn end(&mut self, channel: &str) {
        if let Some(pending) = self.channels.remove(channel) {
            self.channels_by_number.remove(&pending.number);
            pending.waiting.into_values().for_each(Waker::wake);
        }
    }

    /// Whether all linked relays know that `channel` has a listener, if it has one.
    pub(crate) fn is_acknowledged(&self, channel: &str) -> bool {
        !self.channels.contains_key(channel)
    }

    /// Ready when `channel` is acknowledged, for which `listener` waits.
    pub(crate) fn poll(&mut self, channel: &str, listener: ListenerId, cx: &Context<'_>) -> Poll<()> {
        let Some(pending) = self.channels.get_mut(channel) else { return Poll::Ready(()) };
        let waker = pending.waiting.entry(listener).or_insert_with(|| cx.waker().clone());
        waker.clone_from(cx.waker());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn everybody_is_woken_by_the_answer() {
        let wakes = [Arc::new(Wakes::default()), Arc::new(Wakes::default())];
        let mut pending = PendingSubscriptions::default();
        let number = pending.begin("a", None);
        for (listener, wake) in (0..).zip(&wakes) {
            // A task may be polled with another waker each time.
            for _ in 0..3 {
                let waker = Waker::from(wake.clone());
                assert!(pending.poll("a", listener, &Context::from_waker(&waker)).is_pending());
            }
        }
        pending.acknowledged(number);
        assert!(wakes.iter().all(|wake| wake.0.load(Ordering::SeqCst) == 1));
        assert!(pending.is_acknowledged("a") && pending.channels_by_number.is_empty());
    }

    #[test]
    fn an_answer_about_listeners_that_have_gone_is_none_about_those_that_came_later() {
        let mut pending = PendingSubscriptions::default();
        let early = pending.begin("a", None);
        pending.end("a");
        let late = pending.begin("a", None);
        pending.acknowledged(early);
        assert!(!pending.is_acknowledged("a"));
        pending.acknowledged(late);
        assert!(pending.is_acknowledged("a"));
    }
}
