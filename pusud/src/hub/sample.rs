//! A sample of what goes through a shard: messages and bytes by channel and by publishing client, counted for one second while
//! somebody looks, and not at all while nobody does.
//!
//! **Invariant:** one sample goes on at a time, and whoever looks meanwhile shares it; what it holds is bounded, and what has
//! no room is not counted.

use super::{Hub, ListenerId};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::sleep;

/// How long messages are counted.
const SAMPLED: Duration = Duration::from_secs(1);
/// How long what was counted is kept for whoever asks about it again.
const KEPT: Duration = Duration::from_secs(5);
/// Channels that are counted, and clients.
const COUNTED_MAX: usize = 65_536;
/// What the names of those channels may have together, in bytes.
const NAMES_BYTES_MAX: usize = 2 << 20;

/// The most that one takes, in bytes: a name has its own allocation, and tables are twice as large as what is in them.
pub(super) const SAMPLE_BYTES_MAX: usize =
    NAMES_BYTES_MAX + COUNTED_MAX * (16 + 2 * (size_of::<(Box<str>, OfChannel)>() + size_of::<(ListenerId, Count)>()));

/// Messages and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

impl Count {
    fn add(&mut self, messages: u64, bytes: usize) {
        self.messages += messages;
        self.bytes += bytes as u64;
    }
}

/// What was counted of one channel. As in all figures of a relay, the bytes of what is published are those of contents, and
/// the bytes of what is delivered those of frames.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OfChannel {
    /// Published by this shard's clients.
    pub(super) published: Count,
    /// Come over links, as every shard with listeners is given it.
    pub(super) from_links: Count,
    /// Handed to each of this shard's listeners.
    pub(super) delivered: Count,
}

/// What was counted.
#[derive(Default)]
pub(super) struct Sample {
    channels: HashMap<Box<str>, OfChannel>,
    names_bytes: usize,
    publishers: HashMap<ListenerId, Count>,
    pub(super) seconds: f64,
}

impl Sample {
    /// The shard's client has published it, whoever that is.
    pub(super) fn published(&mut self, channel: &str, bytes: usize) {
        self.with(channel, |of_channel| of_channel.published.add(1, bytes));
    }

    /// Came over a link.
    pub(super) fn came(&mut self, channel: &str, messages: u64, bytes: usize) {
        self.with(channel, |of_channel| of_channel.from_links.add(messages, bytes));
    }

    /// Goes to each listener here.
    pub(super) fn delivered(&mut self, channel: &str, messages: u64, bytes: usize) {
        self.with(channel, |of_channel| of_channel.delivered.add(messages, bytes));
    }

    fn with(&mut self, channel: &str, count: impl FnOnce(&mut OfChannel)) {
        if let Some(of_channel) = self.channels.get_mut(channel) {
            count(of_channel);
        } else if self.channels.len() < COUNTED_MAX && self.names_bytes + channel.len() <= NAMES_BYTES_MAX {
            self.names_bytes += channel.len();
            count(self.channels.entry(channel.into()).or_default());
        }
    }

    /// What was counted of a channel.
    pub(super) fn of_channel(&self, channel: &str) -> OfChannel {
        self.channels.get(channel).copied().unwrap_or_default()
    }

    /// All channels that anything was counted of.
    pub(super) fn channels(&self) -> impl Iterator<Item = &str> {
        self.channels.keys().map(|name| &**name)
    }

    /// What a client has published.
    pub(super) fn of_publisher(&self, listener: ListenerId) -> Count {
        self.publishers.get(&listener).copied().unwrap_or_default()
    }

    /// So many in a second.
    pub(super) fn a_second(&self, count: u64) -> f64 {
        if self.seconds > 0.0 { count as f64 / self.seconds } else { 0.0 }
    }
}

/// The sampling of a shard: what goes on, and who waits for it.
#[derive(Default)]
pub(super) struct Sampling {
    /// The same as whether the state has a sample, for those who do not have the state at hand.
    pub(super) is_on: Cell<bool>,
    waiting: RefCell<Vec<oneshot::Sender<Rc<Sample>>>>,
    last: RefCell<Option<Rc<Sample>>>,
}

impl Hub {
    /// A client has published a message of so many bytes.
    #[inline]
    pub fn count_published(&self, listener: ListenerId, bytes: usize) {
        if self.sampling.is_on.get()
            && let Some(sample) = &mut self.state.borrow_mut().sample
            && (sample.publishers.len() < COUNTED_MAX || sample.publishers.contains_key(&listener))
        {
            sample.publishers.entry(listener).or_default().add(1, bytes);
        }
    }

    /// Counts for a second, or waits for the end of the second for which it is counted already.
    pub(super) async fn sample(self: &Rc<Self>) -> Option<Rc<Sample>> {
        let (done, sample) = oneshot::channel();
        self.sampling.waiting.borrow_mut().push(done);
        if !self.sampling.is_on.replace(true) {
            // One at a time is held.
            self.sampling.last.take();
            self.state.borrow_mut().sample = Some(Box::default());
            let hub = self.clone();
            tokio::task::spawn_local(async move { hub.run_sample().await });
        }
        sample.await.ok()
    }

    /// What was counted last, if that is not long ago.
    pub(super) fn last_sample(&self) -> Option<Rc<Sample>> {
        self.sampling.last.borrow().clone()
    }

    async fn run_sample(&self) {
        let began = Instant::now();
        sleep(SAMPLED).await;
        self.sampling.is_on.set(false);
        let Some(mut sample) = self.state.borrow_mut().sample.take() else { return };
        sample.seconds = began.elapsed().as_secs_f64();
        let sample: Rc<Sample> = Rc::from(sample);
        for done in self.sampling.waiting.take() {
            // Whoever asked may have given up.
            done.send(sample.clone()).ok();
        }
        self.sampling.last.replace(Some(sample.clone()));
        sleep(KEPT).await;
        let mut last = self.sampling.last.borrow_mut();
        if last.as_ref().is_some_and(|last| Rc::ptr_eq(last, &sample)) {
            *last = None;
        }
    }

    /// A client has gone, and its number is given out anew.
    pub(super) fn forget_publisher(&self, listener: ListenerId) {
        if self.sampling.is_on.get()
            && let Some(sample) = &mut self.state.borrow_mut().sample
        {
            sample.publishers.remove(&listener);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_not_counted_and_takes_none() {
        let mut sample = Sample::default();
        for channel in 0..COUNTED_MAX + 100 {
            sample.published(&channel.to_string(), 1);
        }
        assert_eq!(sample.channels.len(), COUNTED_MAX);
        sample.published("0", 5);
        assert_eq!(sample.of_channel("0").published, Count { messages: 2, bytes: 6 });
        let mut sample = Sample::default();
        for channel in 0..4096 {
            sample.came(&format!("{channel}{}", "x".repeat(1024)), 1, 1);
        }
        assert!(sample.names_bytes <= NAMES_BYTES_MAX && sample.channels.len() > 1000);
    }
}
