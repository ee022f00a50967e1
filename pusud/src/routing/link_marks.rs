//! Marks that the network puts into the shards' inboxes behind what it hands over, which say how far a shard has come.
//!
//! Of a channel of which much goes to a shard that is behind, peers are to send no more until the shard has come to the
//! mark and answers ([`Event::GoOn`](super::Event::GoOn)). It is the network that begins to hold, since it reads a link
//! faster than any shard notices. **Invariant:** each channel that is given to be held stands for one mark in one inbox.

use crate::routing::batch::Publications;
use crate::routing::outgoing::Outgoing;
use crate::routing::shard_index::ShardSet;
use std::collections::{HashMap, VecDeque};

/// A shard is behind in which so much waits that came over links, in bytes.
const BEHIND_BYTES: usize = 64 * 1024;
/// So much of a channel goes to shards that are behind from one mark to the next, in bytes.
const MARK_BYTES: usize = 128 * 1024;
/// So many channels are counted at the most; where there are more, all of them are counted anew.
const COUNTED_MAX: usize = 4096;

/// What has been handed over to shards that are behind, and the marks in it.
#[derive(Default)]
pub(super) struct LinkMarks {
    /// Of each channel since its last mark, in bytes.
    handed: HashMap<Box<str>, usize>,
    /// Marks that are to stand behind what is handed over next.
    due: Vec<(Box<str>, ShardSet)>,
    to_hold: VecDeque<Box<str>>,
}

impl LinkMarks {
    /// Counts publications that are about to be handed over to `members`.
    pub(super) fn count(&mut self, outgoing: &Outgoing, members: ShardSet, publications: &Publications<'_>) {
        if !outgoing.is_behind(members, BEHIND_BYTES) {
            return;
        }
        let channel = publications.channel;
        let bytes = self.handed.get(channel).copied().unwrap_or(0) + publications.bytes_len();
        let is_due = bytes >= MARK_BYTES;
        if is_due {
            self.due.push((channel.into(), members));
        }
        self.set(channel, if is_due { 0 } else { bytes });
    }

    fn set(&mut self, channel: &str, bytes: usize) {
        if let Some(handed) = self.handed.get_mut(channel) {
            *handed = bytes;
            return;
        }
        if self.handed.len() >= COUNTED_MAX {
            self.handed.clear();
        }
        self.handed.insert(channel.into(), bytes);
    }

    /// Puts the marks behind what has been handed over.
    pub(super) fn place(&mut self, outgoing: &Outgoing) {
        for (channel, members) in self.due.drain(..) {
            for member in members.iter() {
                outgoing.mark(member, &channel);
                self.to_hold.push_back(channel.clone());
            }
        }
    }

    /// A channel that peers are to hold, for one of the marks that have been put.
    pub(super) fn next_to_hold(&mut self) -> Option<Box<str>> {
        self.to_hold.pop_front()
    }
}
