//! A table of channels with listeners: the relay's own, or what a peer has told of its own.
//!
//! Values without links or clocks. Who has been told what is known to `announcer` and `announced`.

use crate::mesh::wire::{Total, hash};
use std::collections::BTreeSet;
use std::collections::btree_set::{IntoIter, Range};
use std::ops::Bound;
use std::rc::Rc;

/// More channels than any relay has listeners for.
pub(crate) const CHANNELS_MAX: usize = 4 * 1024 * 1024;

/// A change of what a peer has listeners for: the channel, and whether it has some now.
pub(crate) type Edge = (Rc<str>, bool);

/// A set of channels that knows its total.
#[derive(Default)]
pub(crate) struct Table {
    /// In order, so that everything that follows from it is the same in every run, and so that it can be walked in pieces.
    channels: BTreeSet<Rc<str>>,
    hash: u64,
}

impl Table {
    /// Puts a channel in or takes it out; gives its name if that changed anything.
    pub(crate) fn set(&mut self, channel: &str, is_in: bool) -> Option<Rc<str>> {
        if is_in {
            if self.channels.contains(channel) {
                return None;
            }
            let channel: Rc<str> = channel.into();
            self.channels.insert(channel.clone());
            self.hash = self.hash.wrapping_add(hash(&channel));
            Some(channel)
        } else {
            let channel = self.channels.take(channel)?;
            self.hash = self.hash.wrapping_sub(hash(&channel));
            Some(channel)
        }
    }

    /// Whether the channel is in it.
    pub(crate) fn contains(&self, channel: &str) -> bool {
        self.channels.contains(channel)
    }

    /// How much is in it.
    pub(crate) fn total(&self) -> Total {
        Total { count: self.channels.len() as u64, hash: self.hash }
    }

    /// What is in it, in order.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rc<str>> {
        self.channels.iter()
    }

    /// What is in it behind this channel, in order; all of it behind none.
    pub(crate) fn behind(&self, channel: Option<&str>) -> Range<'_, Rc<str>> {
        let start = channel.map_or(Bound::Unbounded, Bound::Excluded);
        self.channels.range::<str, _>((start, Bound::Unbounded))
    }

    /// What is in it, in order; lets go of each as it is given.
    pub(crate) fn into_channels(self) -> IntoIter<Rc<str>> {
        self.channels.into_iter()
    }
}
