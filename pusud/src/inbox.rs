//! A shard's inbox: how the acceptor, the other shards and the relay reach a shard.
//!
//! Handing over never waits and never fails, so that no two shards can wait for each other. Whoever reads a source
//! asks [`InboxSender::poll_room`] before the next message, and so the source slows down.

use crate::batch::Batch;
use crate::door::Pass;
use crate::report::Report;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
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

#[derive(Default)]
struct Level {
    bytes: AtomicUsize,
    waiting: Mutex<Vec<Waker>>,
}

/// Makes an inbox.
pub fn channel() -> (InboxSender, Inbox) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let level = Arc::new(Level::default());
    (InboxSender { sender, level: level.clone() }, Inbox { receiver, level, batch: Vec::new() })
}

/// The side that hands over.
#[derive(Clone)]
pub struct InboxSender {
    sender: UnboundedSender<Item>,
    level: Arc<Level>,
}

impl InboxSender {
    /// Hands an item over. A shard that has ended drops it, as it has dropped its clients.
    pub fn send(&self, item: Item) {
        if let Item::Batch(batch) = &item {
            self.level.bytes.fetch_add(batch.bytes_len(), Ordering::Relaxed);
        }
        // An error means that the shard has ended, and there is nobody left to deliver to.
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
        self.level.bytes.load(Ordering::SeqCst) < INBOX_BYTES_MAX || self.sender.is_closed()
    }
}

/// The side of the shard.
pub struct Inbox {
    receiver: UnboundedReceiver<Item>,
    level: Arc<Level>,
    batch: Vec<Item>,
}

impl Inbox {
    /// Waits for items and takes some out; empty when nobody can hand over any more.
    pub async fn next(&mut self) -> impl Iterator<Item = Item> + '_ {
        self.receiver.recv_many(&mut self.batch, BATCH_ITEMS_MAX).await;
        let taken: usize =
            self.batch.iter().map(|item| if let Item::Batch(batch) = item { batch.bytes_len() } else { 0 }).sum();
        let before = self.level.bytes.fetch_sub(taken, Ordering::SeqCst);
        if before >= INBOX_BYTES_MAX && before - taken < INBOX_BYTES_MAX {
            let waiting =
                std::mem::take(&mut *self.level.waiting.lock().expect("nothing panics while it holds the list"));
            waiting.into_iter().for_each(Waker::wake);
        }
        self.batch.drain(..)
    }
}
