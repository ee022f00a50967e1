//! An inbox: how a shard is reached by the acceptor, the other shards, the network and the relay, and how the network's
//! thread is reached by the shards.
//!
//! Handing over never waits and never fails, so that no two shards can wait for each other. Whoever reads a source
//! asks [`InboxSender::poll_room`] before the next message, and so the source slows down.

use crate::batch::Batch;
use crate::door::Pass;
use crate::network::local::Event;
use crate::report::Report;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

/// What may wait in an inbox before sources have to, in bytes. A source may overshoot by one batch.
pub const INBOX_BYTES_MAX: usize = 1024 * 1024;
/// Items taken out in one go.
const BATCH_ITEMS_MAX: usize = 128;

/// What reaches a shard from outside.
pub enum Item {
    /// A connection to serve, with where it comes from and what it was let in with.
    Accepted(TcpStream, SocketAddr, Pass),
    /// Publications for the shard's listeners.
    Batch(Batch),
    /// The linked relays know of a subscription: the one that the shard asked the network about under this number.
    Settled(u64),
    /// Ask the authenticator, which is another one now, about the clients' authorizations again.
    Reauthorize,
    /// Forget the clients' authorizations: nobody will be asked about them again.
    ForgetAuthorizations,
    /// Say how you are: an answer shows that the shard takes turns.
    Report(oneshot::Sender<Report>),
    /// See all clients off, and say so when they have gone. Everything else goes on: other shards may still have
    /// sources.
    Drain(oneshot::Sender<()>),
    /// Hand over what was published here, and end. What is handed over to this shard after it is lost.
    Stop,
}

/// What can be put into an inbox.
pub trait Weighed {
    /// The bytes of its publications: what sources have to wait for when there is too much of it.
    fn publication_bytes(&self) -> usize;
}

impl Weighed for Item {
    fn publication_bytes(&self) -> usize {
        if let Self::Batch(batch) = self { batch.bytes_len() } else { 0 }
    }
}

impl Weighed for Event {
    fn publication_bytes(&self) -> usize {
        if let Self::Publications(batch) = self { batch.bytes_len() } else { 0 }
    }
}

#[derive(Default)]
struct Level {
    bytes: AtomicUsize,
    waiting: Mutex<Vec<Waker>>,
}

impl Level {
    /// So many bytes were taken out.
    fn release(&self, taken: usize) {
        if taken == 0 {
            return;
        }
        let before = self.bytes.fetch_sub(taken, Ordering::SeqCst);
        if before >= INBOX_BYTES_MAX && before - taken < INBOX_BYTES_MAX {
            let waiting = std::mem::take(&mut *self.waiting.lock().expect("nothing panics while it holds the list"));
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}

/// Makes an inbox.
pub fn channel<T: Weighed>() -> (InboxSender<T>, Inbox<T>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let level = Arc::new(Level::default());
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
        let bytes = item.publication_bytes();
        if bytes > 0 {
            self.level.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        // An error means that the thread has ended, and there is nobody left to deliver to.
        self.sender.send(item).ok();
    }

    /// Ready while the inbox has room for publications.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        self.level.waiting.lock().expect("nothing panics while it holds the list").push(cx.waker().clone());
        // The shard may have made room, and woken everybody, just before this task was on the list.
        if self.has_room() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether the inbox has room for publications.
    pub fn has_room(&self) -> bool {
        self.level.bytes.load(Ordering::SeqCst) < INBOX_BYTES_MAX || self.is_closed()
    }

    /// Whether the thread that takes out has ended.
    fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

/// The side that takes out.
pub struct Inbox<T = Item> {
    receiver: UnboundedReceiver<T>,
    level: Arc<Level>,
    batch: Vec<T>,
}

impl<T: Weighed> Inbox<T> {
    /// Waits for items and takes some out; empty when nobody can hand over any more.
    pub async fn next(&mut self) -> impl Iterator<Item = T> + '_ {
        self.receiver.recv_many(&mut self.batch, BATCH_ITEMS_MAX).await;
        let taken: usize = self.batch.iter().map(T::publication_bytes).sum();
        self.level.release(taken);
        self.batch.drain(..)
    }

    /// Ready with the next item, or with none when nobody can hand over any more.
    pub fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let item = ready!(self.receiver.poll_recv(cx));
        if let Some(item) = &item {
            self.level.release(item.publication_bytes());
        }
        Poll::Ready(item)
    }
}
