//! The index of shards that have listeners of a channel, so that a publication wakes only those.
//!
//! The network of relays is one more member beside the shards: its bit says that a linked relay has listeners.
//!
//! Shared by all shards, but not on the data path: a shard reads through its own [`ShardIndexView`], which costs one
//! load of a rarely written counter while nothing changes.
//!
//! **Invariant:** a shard announces its first listener of a channel before that listener is told `subscribe_ok`, so
//! that whatever is published after the answer finds it.
//! **Invariant:** the network is told of a channel's first local listener, and of the last one gone, in the order in
//! which the index sees them.

use crate::routing::backplane::Event;
use crate::routing::inbox::InboxSender;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Names that a view remembers; past it the view is emptied, so that publishing to ever new names costs no memory.
const VIEW_CHANNELS_MAX: usize = 4096;

/// A set of shards, with or without the network.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ShardSet(u64);

impl ShardSet {
    /// The set without `shard`.
    pub fn without(self, shard: usize) -> Self {
        Self(self.0 & !(1 << shard))
    }

    /// The set of those whose bit is set.
    pub fn of_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The set with `shard`.
    pub fn with(self, shard: usize) -> Self {
        Self(self.0 | 1 << shard)
    }

    /// Whether it has no shard in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The numbers of its shards.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let first = (left != 0).then(|| left.trailing_zeros() as usize);
            left &= left.wrapping_sub(1);
            first
        })
    }
}

/// The index itself.
#[derive(Default)]
pub struct ShardIndex {
    /// Counts changes of `channels`.
    version: AtomicU64,
    channels: Mutex<HashMap<Box<str>, u64>>,
    network: Option<Network>,
    /// A member of every channel, whoever has announced it.
    always: u64,
}

/// The network as a member.
struct Network {
    bit: u64,
    inbox: InboxSender<Event>,
}

impl ShardIndex {
    /// An index in which the network is member number `member`, behind all shards, and is told of changes.
    pub fn with_network(member: usize, inbox: InboxSender<Event>) -> Self {
        Self { network: Some(Network { bit: 1 << member, inbox }), ..Self::default() }
    }

    /// The network is a member of every channel: it has all publications.
    pub fn with_all_wanted(mut self) -> Self {
        self.always = self.network.as_ref().map_or(0, |network| network.bit);
        self
    }

    /// `shard` has its first listener of `channel`.
    pub fn announce(&self, shard: usize, channel: &str) {
        let mut channels = self.lock();
        let before = match channels.get_mut(channel) {
            Some(shards) => std::mem::replace(shards, *shards | 1 << shard),
            None => {
                channels.insert(channel.into(), 1 << shard);
                0
            }
        };
        self.tell_network(channel, before, before | 1 << shard);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The last listener of `channel` in `shard` has gone.
    pub fn withdraw(&self, shard: usize, channel: &str) {
        let mut channels = self.lock();
        if let Some(shards) = channels.get_mut(channel) {
            let before = std::mem::replace(shards, *shards & !(1 << shard));
            let after = *shards;
            if after == 0 {
                channels.remove(channel);
            }
            self.tell_network(channel, before, after);
        }
        self.version.fetch_add(1, Ordering::Release);
    }

    /// How many channels have listeners in a shard.
    pub fn local_channels_len(&self) -> usize {
        self.lock().values().filter(|&&shards| self.is_local(shards)).count()
    }

    /// Whether a shard has listeners of `channel`.
    pub fn has_local_listeners(&self, channel: &str) -> bool {
        self.lock().get(channel).is_some_and(|&shards| self.is_local(shards))
    }

    /// Whether a shard or a linked relay has listeners of `channel`.
    pub fn has_listeners(&self, channel: &str) -> bool {
        self.lock().contains_key(channel)
    }

    /// How many of these channels have no listener in a shard of a lower number.
    pub fn count_first<'a>(&self, shard: usize, channels: impl Iterator<Item = &'a str>) -> usize {
        let known = self.lock();
        let lower = (1 << shard) - 1;
        channels.filter(|&channel| known.get(channel).is_none_or(|shards| shards & lower == 0)).count()
    }

    /// The channels of which a shard has listeners.
    pub fn local_channels(&self) -> Vec<Box<str>> {
        self.lock().iter().filter(|&(_, &shards)| self.is_local(shards)).map(|(channel, _)| channel.clone()).collect()
    }

    fn is_local(&self, shards: u64) -> bool {
        shards & !self.network.as_ref().map_or(0, |network| network.bit) != 0
    }

    /// Tells the network where a channel has got its first local listener or lost the last one. Under the lock, for the
    /// order.
    fn tell_network(&self, channel: &str, before: u64, after: u64) {
        if let Some(network) = &self.network
            && self.is_local(before) != self.is_local(after)
        {
            network.inbox.send(Event::Changed(channel.into()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, u64>> {
        self.channels.lock().expect("nothing panics while it holds the index")
    }
}

/// One shard's view of the index: what it has looked up since the index last changed.
pub struct ShardIndexView {
    index: Arc<ShardIndex>,
    version: u64,
    seen: HashMap<Box<str>, ShardSet>,
}

impl ShardIndexView {
    /// A view of `index`.
    pub fn new(index: Arc<ShardIndex>) -> Self {
        Self { index, version: 0, seen: HashMap::new() }
    }

    /// The index itself, for changing it.
    pub fn index(&self) -> &ShardIndex {
        &self.index
    }

    /// The shards that have listeners of `channel`.
    pub fn shards_of(&mut self, channel: &str) -> ShardSet {
        let version = self.index.version.load(Ordering::Acquire);
        if version != self.version || self.seen.len() >= VIEW_CHANNELS_MAX {
            self.seen.clear();
            self.version = version;
        }
        if let Some(&shards) = self.seen.get(channel) {
            return shards;
        }
        let shards = ShardSet(self.index.lock().get(channel).copied().unwrap_or(0) | self.index.always);
        self.seen.insert(channel.into(), shards);
        shards
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_follows_every_change() {
        let index = Arc::new(ShardIndex::default());
        let mut view = ShardIndexView::new(index.clone());
        assert!(view.shards_of("a").is_empty());
        index.announce(2, "a");
        index.announce(5, "a");
        assert_eq!(view.shards_of("a").iter().collect::<Vec<_>>(), [2, 5]);
        assert_eq!(view.shards_of("a").without(2).iter().collect::<Vec<_>>(), [5]);
        index.withdraw(5, "a");
        assert_eq!(view.shards_of("a").iter().collect::<Vec<_>>(), [2]);
        index.withdraw(2, "a");
        assert!(view.shards_of("a").is_empty());
        assert!(index.lock().is_empty(), "a channel without listeners is forgotten");
    }

    #[tokio::test]
    async fn the_network_hears_of_local_edges_alone() {
        let (sender, mut inbox) = crate::routing::inbox::inbox();
        let index = ShardIndex::with_network(2, sender);
        index.announce(2, "a");
        assert!(!index.has_local_listeners("a") && index.local_channels().is_empty(), "a peer is not local");
        for channel in ["a", "b"] {
            index.announce(0, channel);
            index.announce(1, channel);
        }
        index.withdraw(0, "a");
        index.withdraw(2, "a");
        assert!(index.has_local_listeners("a") && index.local_channels().len() == 2);
        index.withdraw(1, "a");
        assert!(!index.has_local_listeners("a"));
        drop(index);
        let told: Vec<_> = inbox
            .next()
            .await
            .map(|event| match event {
                Event::Changed(channel) => channel,
                _ => panic!("nothing else is told"),
            })
            .collect();
        assert_eq!(told, ["a".into(), "b".into(), "a".into()] as [Box<str>; 3]);
    }

    #[test]
    fn a_view_does_not_grow_without_end() {
        let mut view = ShardIndexView::new(Arc::default());
        for n in 0..3 * VIEW_CHANNELS_MAX {
            view.shards_of(&n.to_string());
            assert!(view.seen.len() <= VIEW_CHANNELS_MAX);
        }
    }
}
