//! The network's way into its own relay: the shard index and the shards' inboxes.
//!
//! What comes from peers is encoded once, into frames that all shards share, and never waits here: links ask for room
//! before they are read on.
//!
//! **Invariant:** what is delivered goes to shards alone, and never back to the network.

use crate::frames;
use crate::history::{Appended, Logs, LogsView};
use crate::revocation::Revocations;
use crate::routing::backplane::{Door, Event, Events, Ticket};
use crate::routing::batch::Publications;
use crate::routing::inbox::{Inbox, InboxSender, Item};
use crate::routing::lane::{Lane, Share};
use crate::routing::link_marks::LinkMarks;
use crate::routing::orders::{KickTarget, OrderTicket, Tally};
use crate::routing::outgoing::Outgoing;
use crate::routing::run::Run;
use crate::routing::shard_index::{ShardIndexView, ShardSet};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// The door of a relay with shards.
pub struct RelayDoor {
    outgoing: Outgoing,
    index: ShardIndexView,
    run: Run,
    marks: LinkMarks,
    inboxes: Vec<InboxSender>,
    /// Where peers' kicks are answered, and the revocations; `None`: there is no operator.
    operator: Option<(InboxSender<Event>, Arc<Revocations>)>,
    logs: Option<LogsView>,
    /// Who waits until the numbers of other relays are known.
    ready: Option<oneshot::Sender<()>>,
    /// Frames of publications with numbers.
    frames: Vec<u8>,
}

impl RelayDoor {
    /// The door to the shards that `outgoing` leads to and that are in the index.
    ///
    /// What it joins for them is of at most `run_bytes_max`, or one message.
    pub fn new(outgoing: Outgoing, index: ShardIndexView, run_bytes_max: usize) -> Self {
        let (run, marks) = (Run::new(run_bytes_max), LinkMarks::default());
        Self {
            outgoing,
            index,
            run,
            marks,
            inboxes: Vec::new(),
            operator: None,
            logs: None,
            ready: None,
            frames: Vec::new(),
        }
    }

    /// Lets peers end connections of the shards behind `inboxes`, and take back authorizations. `network` is the inbox of the
    /// network itself.
    pub fn with_operator(
        mut self,
        inboxes: Vec<InboxSender>,
        network: InboxSender<Event>,
        revocations: Arc<Revocations>,
    ) -> Self {
        self.inboxes = inboxes;
        self.operator = Some((network, revocations));
        self
    }

    /// Publications of channels with history go through their logs.
    /// `ready` is told when the numbers of other relays are known.
    pub fn with_logs(mut self, logs: Option<Arc<Logs>>, ready: oneshot::Sender<()>) -> Self {
        (self.logs, self.ready) = (logs.map(LogsView::new), Some(ready));
        self
    }

    /// A publication without a number, to a channel with history: only this relay knows its place, and who moves to another one
    /// is told that something is lost. False: the channel has no history.
    fn deliver_unnumbered(&mut self, channel: &str, content: &str) -> bool {
        let Some(view) = self.logs.as_mut().filter(|view| view.logs().settings().is_on()) else { return false };
        let (origin, now) = (view.logs().own().unnumbered(), view.logs().now());
        let (outgoing, marks, frames) = (&mut self.outgoing, &mut self.marks, &mut self.frames);
        while let Some(log) = view.log(channel) {
            // Order across channels is kept: what came before leaves before.
            close_run(&mut self.run, outgoing, marks);
            outgoing.send(None);
            frames.clear();
            let contents = [content.into()].into_iter();
            let is_done = log.receive_next(origin, contents, now, frames, |frames, appended, shards| {
                hand_over(outgoing, marks, frames, appended, ShardSet::of_bits(shards));
            });
            if is_done {
                return true;
            }
            view.forget(channel);
        }
        false
    }

    fn close_run(&mut self) {
        close_run(&mut self.run, &mut self.outgoing, &mut self.marks);
    }
}

fn close_run(run: &mut Run, outgoing: &mut Outgoing, marks: &mut LinkMarks) {
    if !run.is_empty() {
        let (members, publications) = (run.members(), run.publications());
        outgoing.push(members, &publications);
        marks.count(outgoing, members, &publications);
        run.clear();
    }
}

/// Hands over publications that have numbers, under the lock of their log.
fn hand_over(outgoing: &Outgoing, marks: &mut LinkMarks, frames: &[u8], appended: Appended, shards: ShardSet) {
    let appended = Arc::new(appended);
    let channel = appended.log.name();
    let (messages, share) = (appended.count, Share::LINKS);
    let publications = Publications { channel, frames, messages, share, history: Some(&appended) };
    outgoing.push_now(shards, &publications, None);
    marks.count(outgoing, shards, &publications);
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
        if self.deliver_unnumbered(channel, content) {
            return;
        }
        let shards = self.index.shards_of(channel).without(self.outgoing.member());
        if !self.run.takes(channel, shards, frames::publish_len(channel, content)) {
            self.close_run();
            if shards.is_empty() {
                // The last listener has gone, and the peer does not know yet.
                return;
            }
            self.run.begin(channel, None, shards, Lane::FIRST, Share::LINKS);
        }
        self.run.push(content);
    }

    fn logs(&self) -> Option<Arc<Logs>> {
        self.logs.as_ref().map(|view| view.logs().clone())
    }

    fn deliver_numbered(&mut self, frames: &[u8], appended: Appended, shards: u64) {
        // What came before leaves before.
        self.close_run();
        self.outgoing.send(None);
        hand_over(&self.outgoing, &mut self.marks, frames, appended, ShardSet::of_bits(shards));
    }

    fn history_is_ready(&mut self) {
        if let Some(ready) = self.ready.take() {
            // Whoever waited may have given up.
            ready.send(()).ok();
        }
    }

    fn flush(&mut self) {
        self.close_run();
        self.outgoing.send(None);
        self.marks.place(&self.outgoing);
    }

    fn next_to_hold(&mut self) -> Option<Box<str>> {
        self.marks.next_to_hold()
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.outgoing.poll_room_for_links(cx)
    }

    fn settled(&mut self, ticket: Ticket) {
        self.outgoing.settled(ticket);
    }

    fn revocations(&self) -> Option<Arc<Revocations>> {
        self.operator.as_ref().map(|(_, revocations)| revocations.clone())
    }

    fn kick(&mut self, target: KickTarget, ticket: OrderTicket) {
        let Some((network, _)) = &self.operator else { return };
        let network = network.clone();
        let tally = Tally::new(move |count| network.send(Event::Kicked(ticket, count)));
        for inbox in &self.inboxes {
            inbox.send(Item::Kick(target.clone(), tally.clone()));
        }
    }

    fn count_revoked(&self, ticket: OrderTicket) -> Box<dyn FnOnce(u64) + Send> {
        match self.operator.clone() {
            Some((network, _)) => Box::new(move |count| network.send(Event::Revoked(ticket, count))),
            None => Box::new(drop),
        }
    }

    fn passed(&mut self, ticket: Ticket) {
        self.outgoing.passed(ticket);
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
    use crate::routing::inbox;
    use crate::routing::shard_index::ShardIndex;

    #[tokio::test]
    async fn a_peers_publications_reach_the_shards_that_listen_and_nobody_else() {
        let (inboxes, mut receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| inbox::inbox()).unzip();
        let (network, mut events) = inbox::inbox::<Event>();
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

    /// What a shard that is behind is handed over of a channel is followed by a mark, for which peers hold the channel.
    #[tokio::test]
    async fn a_channel_is_held_once_for_each_mark_that_a_shard_has_to_come_to() {
        let (inboxes, mut receivers): (Vec<_>, Vec<_>) = (0..2).map(|_| inbox::inbox()).unzip();
        let (network, _events) = inbox::inbox::<Event>();
        let index = Arc::new(ShardIndex::with_network(2, network));
        let mut door = RelayDoor::new(Outgoing::of_network(inboxes), ShardIndexView::new(index.clone()), usize::MAX);
        index.announce(0, "hot");
        index.announce(0, "quiet");
        index.announce(1, "elsewhere");
        let content = format!("\"{}\"", "x".repeat(10_000));
        let mut held = Vec::new();
        for _ in 0..60 {
            for (channel, text) in [("hot", &*content), ("quiet", "1"), ("elsewhere", "2")] {
                door.deliver(channel, text);
            }
            door.flush();
            held.extend(std::iter::from_fn(|| door.next_to_hold()));
        }
        drop((door, index));
        let is_mark = |item: &Item| matches!(item, Item::Mark(channel) if **channel == *"hot");
        let mut marks = [0; 2];
        for (marks, receiver) in marks.iter_mut().zip(&mut receivers) {
            loop {
                let some: Vec<Item> = receiver.next().await.collect();
                *marks += some.iter().filter(|item| is_mark(item)).count();
                assert!(some.iter().all(|item| is_mark(item) || matches!(item, Item::Batch(_))));
                if some.is_empty() {
                    break;
                }
            }
        }
        assert_eq!(marks, [3, 0], "of 600 KB the first 64 KiB are not too much, and then 14 messages are 128 KiB");
        assert!(held.len() == 3 && held.iter().all(|channel| **channel == *"hot"), "{held:?}");
    }
}
