//! An inbox: how a shard is reached by the acceptor, the other shards, the network and the relay, and how the network's
//! thread is reached by the shards.
//!
//! Handing over never waits and never fails, so that no two shards can wait for each other. Whoever reads a source
//! asks for room before the next publication, and so the source slows down. Each lane of publications has a share of its
//! own, and so has what comes over links: none of them waits for another's.

use crate::admission::OperatorPlace;
use crate::protocol::Disconnect;
use crate::routing::arrival::Arrival;
use crate::routing::backplane::Event;
use crate::routing::batch::Batch;
use crate::routing::lane::{SHARES, Share};
use crate::routing::look::Look;
use crate::routing::orders::{KickTarget, Tally};
use crate::routing::report::Report;
use crate::routing::waker_set::WakerSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

/// What may wait in one share of an inbox before sources have to, in bytes. Each member of the index may overshoot by what
/// it publishes until its next flush.
pub const SHARE_BYTES_MAX: usize = 256 * 1024;
/// The same for what comes over links, at the most ([`links_bytes_max`]). Peers are told long before to hold a channel of
/// which too much comes: this is for what is on its way then.
const LINKS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Items taken out in one go.
const BATCH_ITEMS_MAX: usize = 128;

/// What reaches a shard from outside.
pub enum Item {
    /// A connection to serve.
    Accepted(Box<Arrival>),
    /// Publications for the shard's listeners.
    Batch(Batch),
    /// Say to the network when little is left of what came of this channel over links before this.
    Mark(Box<str>),
    /// The linked relays know of a subscription: the one that the shard asked the network about under this number.
    Settled(u64),
    /// What the shard had published before its fence of this number stands in the queues of the links.
    Passed(u64),
    /// Ask the authenticator, which is another one now, about the clients' authorizations again.
    Reauthorize,
    /// Forget the clients' authorizations: nobody will be asked about them again.
    ForgetAuthorizations,
    /// What these numbers name is revoked, and stands in the table of revocations already: have the clients look that are
    /// authorized by it, and count them.
    Revoked(Arc<[u64]>, Tally),
    /// End the connections of these clients with the operator's close code, and count them.
    Kick(KickTarget, Tally),
    /// Say how you are: an answer shows that the shard takes turns.
    Report(oneshot::Sender<Report>),
    /// Show some of the clients or channels.
    Look(Look),
    /// Serve the other end of this socket as the operator, who may do everything, in that place, and say here why it was ended
    /// before it ends: the connection itself tells nobody who does not read.
    Operator(std::net::TcpStream, OperatorPlace, Arc<OnceLock<Disconnect>>),
    /// See all clients off, and say so when they have gone. Everything else goes on: other shards may still have
    /// sources.
    Drain(oneshot::Sender<()>),
    /// Hand over what was published here, and end. What is handed over to this shard after it is lost.
    Stop,
}

/// What can be put into an inbox.
pub trait Weighed {
    /// Its publications, if that is what it is: what sources have to wait for when there is too much of it.
    fn batch(&self) -> Option<&Batch>;
}

impl Weighed for Item {
    fn batch(&self) -> Option<&Batch> {
        if let Self::Batch(batch) = self { Some(batch) } else { None }
    }
}

impl Weighed for Event {
    fn batch(&self) -> Option<&Batch> {
        if let Self::Publications(batch) = self { Some(batch) } else { None }
    }
}

/// How full an inbox is, and who waits for it to be less so.
struct Level {
    shares: [AtomicUsize; SHARES],
    links_bytes_max: usize,
    waiting: Mutex<WakerSet>,
}

impl Level {
    /// What may wait in a share, in bytes.
    fn bytes_max(&self, share: Share) -> usize {
        if share == Share::LINKS { self.links_bytes_max } else { SHARE_BYTES_MAX }
    }

    fn add(&self, batch: &Batch) {
        for (share, &bytes) in self.shares.iter().zip(batch.by_share()) {
            if bytes > 0 {
                share.fetch_add(bytes, Ordering::Relaxed);
            }
        }
    }

    /// So many bytes of each share wait no more.
    fn release(&self, by_share: &[usize; SHARES]) {
        let mut has_made_room = false;
        for (share, (level, &bytes)) in Share::all().zip(self.shares.iter().zip(by_share)) {
            if bytes > 0 {
                let (before, most) = (level.fetch_sub(bytes, Ordering::SeqCst), self.bytes_max(share));
                has_made_room |= before >= most && before - bytes < most;
            }
        }
        if has_made_room {
            self.wake();
        }
    }

    fn wake(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().expect("nothing panics while it holds the set"));
        waiting.wake();
    }
}

/// Makes an inbox.
pub fn inbox<T: Weighed>() -> (InboxSender<T>, Inbox<T>) {
    inbox_with(LINKS_BYTES_MAX)
}

/// Makes that of one of so many shards, all of which may hold so many bytes together.
pub fn shard_inbox(shards: usize, queued_bytes_max: usize) -> (InboxSender, Inbox) {
    inbox_with(links_bytes_max(shards, queued_bytes_max))
}

/// What may wait of what comes over links in each of so many shards. A small part of what they may hold: clients are
/// disconnected where it is too much.
pub(super) fn links_bytes_max(shards: usize, queued_bytes_max: usize) -> usize {
    (queued_bytes_max / shards / 8).clamp(SHARE_BYTES_MAX, LINKS_BYTES_MAX)
}

fn inbox_with<T: Weighed>(links_bytes_max: usize) -> (InboxSender<T>, Inbox<T>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let level = Arc::new(Level { shares: Default::default(), links_bytes_max, waiting: Mutex::default() });
    (InboxSender { sender, level: level.clone() }, Inbox { receiver, level, batch: Vec::new() })
}

/// The side that hands over.
pub struct InboxSender<T = Item> {
    sender: UnboundedSender<T>,
    level: Arc<Level>,
}

impl<T> Clone for InboxSender<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), level: self.level.clone() }
    }
}

impl<T: Weighed> InboxSender<T> {
    /// Hands an item over. A thread that has ended drops it, as it has dropped its clients or links.
    pub fn send(&self, item: T) {
        if let Some(batch) = item.batch() {
            self.level.add(batch);
        }
        // An error means that the thread has ended, and there is nobody left to deliver to.
        self.sender.send(item).ok();
    }

    /// Ready while a share of the inbox has room for publications.
    pub fn poll_room(&self, share: Share, cx: &Context<'_>) -> Poll<()> {
        if self.has_room(share) {
            return Poll::Ready(());
        }
        self.level.waiting.lock().expect("nothing panics while it holds the set").insert(cx.waker());
        // The shard may have made room, and woken everybody, just before this task was in the set.
        if self.has_room(share) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether a share of the inbox has room for publications.
    pub fn has_room(&self, share: Share) -> bool {
        self.level.shares[share.index()].load(Ordering::SeqCst) < self.level.bytes_max(share) || self.sender.is_closed()
    }

    /// What waits of a share, in bytes.
    pub fn level(&self, share: Share) -> usize {
        self.level.shares[share.index()].load(Ordering::Relaxed)
    }

    /// What waits in the inbox, in bytes of publications.
    pub fn bytes(&self) -> usize {
        self.level.shares.iter().map(|share| share.load(Ordering::Relaxed)).sum()
    }

    /// So many bytes of each share, which came out of the inbox, have been delivered.
    pub fn release(&self, by_share: &[usize; SHARES]) {
        self.level.release(by_share);
    }
}

/// The side that takes out.
///
/// Those who wait for room are told when it is dropped: there is nobody left to wait for.
pub struct Inbox<T: Weighed = Item> {
    receiver: UnboundedReceiver<T>,
    level: Arc<Level>,
    batch: Vec<T>,
}

impl<T: Weighed> Inbox<T> {
    /// Waits for items and takes some out; empty when nobody can hand over any more. Publications count as waiting in the
    /// inbox until they are [released](InboxSender::release).
    pub async fn next(&mut self) -> impl Iterator<Item = T> + '_ {
        self.receiver.recv_many(&mut self.batch, BATCH_ITEMS_MAX).await;
        self.batch.drain(..)
    }

    /// Ready with the next item, or with none when nobody can hand over any more. It counts as waiting no more.
    pub fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let item = ready!(self.receiver.poll_recv(cx));
        if let Some(batch) = item.as_ref().and_then(T::batch) {
            self.level.release(batch.by_share());
        }
        Poll::Ready(item)
    }
}

impl<T: Weighed> Drop for Inbox<T> {
    fn drop(&mut self) {
        self.receiver.close();
        self.level.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::batch::Publications;
    use crate::routing::lane::Lane;
    use std::future::poll_fn;

    fn batch(share: Share, bytes: usize) -> Item {
        let mut batch = Batch::default();
        batch.push(&Publications { channel: "a", frames: &vec![0; bytes], messages: 1, share, history: None });
        Item::Batch(batch)
    }

    fn has_room(sender: &InboxSender, share: Share) -> bool {
        sender.poll_room(share, &Context::from_waker(std::task::Waker::noop())).is_ready()
    }

    #[tokio::test]
    async fn a_full_share_is_full_until_what_it_holds_is_delivered_and_others_are_not() {
        let (sender, mut inbox) = inbox();
        let (full, other) = (Share::of(Lane::FIRST), Share::LINKS);
        sender.send(batch(full, SHARE_BYTES_MAX));
        assert!(!has_room(&sender, full) && has_room(&sender, other));
        let taken: Vec<Item> = inbox.next().await.collect();
        assert!(!has_room(&sender, full), "it was taken out, and is not delivered");
        taken[0].batch().unwrap().iter().for_each(|part| {
            let mut delivered = [0; SHARES];
            delivered[part.share.index()] = part.bytes_len();
            sender.release(&delivered);
        });
        assert!(has_room(&sender, full) && sender.bytes() == 0);
    }

    #[tokio::test]
    async fn an_inbox_that_has_ended_keeps_nobody_waiting() {
        let (sender, inbox) = inbox();
        sender.send(batch(Share::LINKS, LINKS_BYTES_MAX));
        let waiting = tokio::spawn(async move { poll_fn(|cx| sender.poll_room(Share::LINKS, cx)).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(inbox);
        waiting.await.unwrap();
    }
}
