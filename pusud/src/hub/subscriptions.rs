//! Subscriptions of one shard: channels to listeners and back.
//!
//! **Invariant:** both directions change together, in the functions of this file and nowhere else; a channel is in the
//! table exactly while it has a listener.

use crate::routing::ChannelId;
use slab::Slab;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

/// A client's number in its shard, given out by the hub and used again after it has left.
pub type ListenerId = u32;

/// The table of one shard.
#[derive(Default)]
pub struct Subscriptions {
    by_name: HashMap<Rc<str>, u32>,
    channels: Slab<Channel>,
    /// What each listener is subscribed to, by its number. Most have one or two, for which no memory is allocated.
    listeners: Vec<SmallVec<[Subscription; 2]>>,
}

struct Channel {
    name: Rc<str>,
    members: Vec<Member>,
}

/// One listener of a channel, and where the channel stands in the listener's own list.
#[derive(Clone, Copy)]
struct Member {
    listener: ListenerId,
    at: u32,
}

/// One channel of a listener, and where the listener stands in the channel's list.
#[derive(Clone, Copy)]
struct Subscription {
    channel: u32,
    at: u32,
}

/// What subscribing has changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Subscribed {
    /// Nothing: the listener was subscribed.
    Already,
    /// The channel has one more listener.
    Added,
    /// The channel has its first listener in this shard.
    First,
}

impl Subscriptions {
    /// Adds `listener` to the channel `name`.
    pub fn subscribe(&mut self, listener: ListenerId, name: &str) -> Subscribed {
        let (channel, first) = match self.by_name.get(name) {
            Some(&channel) => (channel, false),
            None => (self.add_channel(name), true),
        };
        if self.listeners.len() <= listener as usize {
            self.listeners.resize_with(listener as usize + 1, SmallVec::new);
        }
        let own = &mut self.listeners[listener as usize];
        if own.iter().any(|subscription| subscription.channel == channel) {
            return Subscribed::Already;
        }
        let members = &mut self.channels[channel as usize].members;
        members.push(Member { listener, at: index(own.len()) });
        own.push(Subscription { channel, at: index(members.len() - 1) });
        if first { Subscribed::First } else { Subscribed::Added }
    }

    /// Whether `listener` is subscribed to the channel `name`.
    pub fn is_subscribed(&self, listener: ListenerId, name: &str) -> bool {
        let Some(&channel) = self.by_name.get(name) else { return false };
        let own = self.listeners.get(listener as usize);
        own.is_some_and(|own| own.iter().any(|subscription| subscription.channel == channel))
    }

    /// Takes `listener` out of the channel `name`; true if that was the channel's last listener in this shard.
    pub fn unsubscribe(&mut self, listener: ListenerId, name: &str) -> bool {
        let Some(&channel) = self.by_name.get(name) else { return false };
        let Some(own) = self.listeners.get(listener as usize) else { return false };
        match own.iter().position(|subscription| subscription.channel == channel) {
            Some(at) => self.remove(listener, at).is_some(),
            None => false,
        }
    }

    /// Takes `listener` out of all its channels; returns the names of those that have no listener any more.
    pub fn leave(&mut self, listener: ListenerId) -> Vec<Rc<str>> {
        let mut emptied = Vec::new();
        while let Some(last) = self.listeners.get(listener as usize).and_then(|own| own.len().checked_sub(1)) {
            emptied.extend(self.remove(listener, last));
        }
        if let Some(own) = self.listeners.get_mut(listener as usize) {
            own.shrink_to_fit();
        }
        emptied
    }

    /// The channel `name`, if it has listeners here.
    pub fn find(&self, name: &str) -> Option<ChannelId> {
        self.by_name.get(name).copied().map(ChannelId::new)
    }

    /// The listeners of a channel.
    pub fn listeners(&self, channel: ChannelId) -> impl ExactSizeIterator<Item = ListenerId> + '_ {
        self.channels[channel.place()].members.iter().map(|member| member.listener)
    }

    /// The channels that `listener` is subscribed to.
    pub fn channels_of(&self, listener: ListenerId) -> impl ExactSizeIterator<Item = &Rc<str>> {
        let own = self.listeners.get(listener as usize).map_or(&[][..], |own| own);
        own.iter().map(|subscription| &self.channels[subscription.channel as usize].name)
    }

    /// The channels at these places, each with how many listeners it has.
    pub fn channels_at(&self, places: Range<usize>) -> impl Iterator<Item = (&Rc<str>, usize)> {
        let channel = |place| self.channels.get(place).map(|channel| (&channel.name, channel.members.len()));
        places.filter_map(channel)
    }

    /// How many places for channels there are, taken or not.
    pub fn places_len(&self) -> usize {
        self.channels.capacity()
    }

    /// How many channels have a listener here.
    pub fn channels_len(&self) -> usize {
        self.channels.len()
    }

    /// How many pairs of a listener and a channel there are. Looks at every listener.
    pub fn len(&self) -> usize {
        self.listeners.iter().map(SmallVec::len).sum()
    }

    /// Whether nobody listens to anything.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    fn add_channel(&mut self, name: &str) -> u32 {
        let name: Rc<str> = name.into();
        let channel = index(self.channels.insert(Channel { name: name.clone(), members: Vec::new() }));
        self.by_name.insert(name, channel);
        channel
    }

    /// Removes the listener's subscription number `at`; returns the channel's name if it has become empty.
    fn remove(&mut self, listener: ListenerId, at: usize) -> Option<Rc<str>> {
        let own = &mut self.listeners[listener as usize];
        let gone = own.swap_remove(at);
        if let Some(moved) = own.get(at) {
            self.channels[moved.channel as usize].members[moved.at as usize].at = index(at);
        }
        let members = &mut self.channels[gone.channel as usize].members;
        members.swap_remove(gone.at as usize);
        if let Some(&moved) = members.get(gone.at as usize) {
            self.listeners[moved.listener as usize][moved.at as usize].at = gone.at;
        }
        if !self.channels[gone.channel as usize].members.is_empty() {
            return None;
        }
        let channel = self.channels.remove(gone.channel as usize);
        self.by_name.remove(&channel.name);
        Some(channel.name)
    }
}

fn index(n: usize) -> u32 {
    u32::try_from(n).expect("connections are bounded far below 2^32, and so are their subscriptions")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[derive(Debug, Clone)]
    enum Step {
        Subscribe(u32, u8),
        Unsubscribe(u32, u8),
        Leave(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0u32..6, 0u8..6).prop_map(|(listener, channel)| Step::Subscribe(listener, channel)),
            2 => (0u32..6, 0u8..6).prop_map(|(listener, channel)| Step::Unsubscribe(listener, channel)),
            1 => (0u32..6).prop_map(Step::Leave),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        /// Against a set of pairs, after every step and for every channel.
        #[test]
        fn agrees_with_a_set_of_pairs(steps in steps()) {
            let mut table = Subscriptions::default();
            let mut pairs: BTreeSet<(u8, u32)> = BTreeSet::new();
            let has = |pairs: &BTreeSet<(u8, u32)>, channel| pairs.iter().any(|&(c, _)| c == channel);
            for step in steps {
                match step {
                    Step::Subscribe(listener, channel) => {
                        let first = !has(&pairs, channel);
                        let expected = match pairs.insert((channel, listener)) {
                            false => Subscribed::Already,
                            true if first => Subscribed::First,
                            true => Subscribed::Added,
                        };
                        prop_assert_eq!(table.subscribe(listener, &channel.to_string()), expected);
                    }
                    Step::Unsubscribe(listener, channel) => {
                        let last = pairs.remove(&(channel, listener)) && !has(&pairs, channel);
                        prop_assert_eq!(table.unsubscribe(listener, &channel.to_string()), last);
                    }
                    Step::Leave(listener) => {
                        let before: BTreeSet<u8> = pairs.iter().map(|&(channel, _)| channel).collect();
                        pairs.retain(|&(_, other)| other != listener);
                        let emptied: BTreeSet<String> = table.leave(listener).iter().map(|n| n.to_string()).collect();
                        let expected: BTreeSet<String> =
                            before.iter().filter(|&&c| !has(&pairs, c)).map(u8::to_string).collect();
                        prop_assert_eq!(emptied, expected);
                    }
                }
                for channel in 0..6 {
                    let found: BTreeSet<u32> =
                        table.find(&channel.to_string()).into_iter().flat_map(|found| table.listeners(found)).collect();
                    let expected: BTreeSet<u32> =
                        pairs.iter().filter(|&&(c, _)| c == channel).map(|&(_, l)| l).collect();
                    prop_assert_eq!(found, expected);
                }
                for listener in 0..6 {
                    let found: BTreeSet<String> = table.channels_of(listener).map(|name| name.to_string()).collect();
                    let expected: BTreeSet<String> =
                        pairs.iter().filter(|&&(_, l)| l == listener).map(|(c, _)| c.to_string()).collect();
                    let is_subscribed = |channel: &u8| table.is_subscribed(listener, &channel.to_string());
                    let asked: BTreeSet<String> = (0..6).filter(is_subscribed).map(|channel| channel.to_string()).collect();
                    prop_assert_eq!(&asked, &expected);
                    prop_assert_eq!(found, expected);
                }
                prop_assert_eq!(table.channels_len(), pairs.iter().map(|&(c, _)| c).collect::<BTreeSet<_>>().len());
            }
        }
    }
}
