//! The network's way into its own relay: the shard index and the shards' inboxes.
//!
//! What comes from peers is encoded once, into frames that all shards share, and never waits here: links ask for room
//! before they are read on.
//!
//! **Invariant:** what is delivered goes to shards alone, and never back to the network.

use super::local::{Door, Event, Events, Ticket};
use crate::frame;
use crate::inbox::Inbox;
use crate::lane::Share;
use crate::outgoing::Outgoing;
use crate::run::Run;
use crate::shard_index::{ShardIndexView, ShardSet};
use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll};

/// A shard is behind in which so much waits that came over links, in bytes.
const BEHIND_BYTES: usize = 64 * 1024;
/// Of a channel that goes to a shard that is behind, peers are held after so much, in bytes, until the shard has come there.
const MARK_BYTES: usize = 128 * 1024;
/// So many channels are counted at the most; where there are more, all of them are counted anew.
const COUNTED_MAX: usize = 4096;

/// The door of a relay with shards.
pub struct RelayDoor {
    outgoing: Outgoing,
    index: ShardIndexView,
    run: Run,
    /// What shards that are behind have been handed over of each channel since the last mark, in bytes.
    handed: HashMap<Box<str>, usize>,
    /// Where marks are to stand behind what is handed over next.
    marks: Vec<(Box<str>, ShardSet)>,
    to_hold: VecDeque<Box<str>>,
}

impl RelayDoor {
    /// The door to the shards that `outgoing` leads to and that are in the index.
    ///
    /// What it joins for them is of at most `run_bytes_max`, or one message.
    pub fn new(outgoing: Outgoing, index: ShardIndexView, run_bytes_max: usize) -> Self {
        let (handed, marks, to_hold) = (HashMap::new(), Vec::new(), VecDeque::new());
        Self { outgoing, index, run: Run::new(run_bytes_max), handed, marks, to_hold }
    }

    fn close_run(&mut self) {
        if !self.run.is_empty() {
            let (members, publications) = (self.run.members(), self.run.publications());
            self.outgoing.push(members, &publications);
            if self.outgoing.is_behind(members, BEHIND_BYTES) {
                let (channel, bytes) = (publications.channel, publications.bytes_len());
                if count(&mut self.handed, channel, bytes) {
                    self.marks.push((channel.into(), members));
                }
            }
            self.run.clear();
        }
    }
}

/// Counts what is handed over of a channel. True: it is time for a mark.
fn count(handed: &mut HashMap<Box<str>, usize>, channel: &str, bytes: usize) -> bool {
    let Some(before) = handed.get_mut(channel) else {
        if handed.len() >= COUNTED_MAX {
            handed.clear();
        }
        handed.insert(channel.into(), bytes);
        return bytes >= MARK_BYTES;
    };
    *before += bytes;
    let is_due = *before >= MARK_BYTES;
    if is_due {
        *before = 0;
    }
    is_due
}

impl Door for RelayDoor {
    fn announce(&mut self, channel: &str) {
        self.index.index().announce(self.outgoing.member(), channel);
    }

    fn withdraw(&mut self, channel: &str) {
        self.index.index().withdraw(self.outgoing.member(), channel);
    }

    fn has_listeners(&self, channel: &str) -> bool {
        self.index.index().has_local_listeners(channel)
    }

    fn channels(&self) -> Vec<Box<str>> {
        self.index.index().local_channels()
    }

    fn deliver(&mut self, channel: &str, content: &str) {
        let shards = self.index.shards_of(channel).without(self.outgoing.member());
        if !self.run.takes(channel, shards, frame::publish_len(channel, content)) {
            self.close_run();
            if shards.is_empty() {
                // The last listener has gone, and the peer does not know yet.
                return;
            }
            self.run.begin(channel, None, shards, Share::LINKS);
        }
        self.run.push(content);
    }

    fn flush(&mut self) {
        self.close_run();
        self.outgoing.send();
        for (channel, members) in self.marks.drain(..) {
            for member in members.iter() {
                self.outgoing.mark(member, &channel);
                self.to_hold.push_back(channel.clone());
            }
        }
    }

    fn next_to_hold(&mut self) -> Option<Box<str>> {
        self.to_hold.pop_front()
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.outgoing.poll_room_for_links(cx)
    }

    fn settled(&mut self, ticket: Ticket) {
        self.outgoing.settled(ticket);
    }
}

impl Events for Inbox<Event> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_take(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::{self, Item};
    use crate::shard_index::ShardIndex;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_peers_publications_reach_the_shards_that_listen_and_nobody_else() {
        let (inboxes, mut receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| inbox::channel()).unzip();
        let (network, mut events) = inbox::channel::<Event>();
        let index = Arc::new(ShardIndex::with_network(3, network));
        let mut door = RelayDoor::new(Outgoing::of_network(inboxes), ShardIndexView::new(index.clone()), usize::MAX);
        index.announce(0, "a");
        index.announce(2, "a");
        index.announce(2, "b");
        door.announce("a");
        for (channel, content) in [("a", "1"), ("a", "2"), ("nobody", "3"), ("b", "4"), ("a", "5")] {
            door.deliver(channel, content);
        }
        door.flush();
        door.settled(Ticket { shard: 1, number: 7 });
        drop((door, index));
        let expected = [vec![("a", 2), ("a", 1)], vec![], vec![("a", 2), ("b", 1), ("a", 1)]];
        for (shard, (receiver, expected)) in receivers.iter_mut().zip(expected).enumerate() {
            match receiver.next().await.next() {
                Some(Item::Batch(batch)) => {
                    let got: Vec<_> = batch.iter().map(|part| (part.channel.to_owned(), part.messages)).collect();
                    let expected: Vec<_> = expected.iter().map(|&(name, n)| (name.to_owned(), n)).collect();
                    assert_eq!(got, expected, "shard {shard}");
                }
                Some(Item::Settled(7)) => assert_eq!(shard, 1),
                _ => panic!("shard {shard} got something else"),
            }
        }
        let told = events.next().await.all(|event| matches!(event, Event::Changed(_)));
        assert!(told, "nothing of a peer's goes back to the network");
    }
}
