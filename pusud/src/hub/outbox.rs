//! One client's outbox: the only door through which bytes reach its socket.
//!
//! A bounded queue of shared frames before a non-blocking socket. `push` queues, `flush` writes as much as the kernel
//! takes; when the kernel is full the client's own task waits for room ([`Outbox::poll_drained`]) and nobody else does.
//! It knows nothing of channels or of the protocol.
//!
//! **Invariant:** frames leave whole and in the order they were pushed; nothing can cut a half-written one.

mod age;
mod ending;
mod standing;
mod writing;

pub(super) use writing::Progress;

use crate::frames::{Dropped, FrameQueue, Frames, Mark};
use crate::hub::incoming::Incoming;
use crate::hub::stage::Stage;
use crate::hub::transport::Transport;
use crate::protocol::Disconnect;
use crate::revocation::Standing;
use crate::routing::Lane;
use std::cell::{Cell, RefCell};
use std::task::Waker;
use std::time::Duration;
use tokio::net::TcpStream;
use writing::Watch;

/// What may be left of a frame that has left by half when its client's memory is needed, in bytes.
const HALF_SENT_BYTES_MAX: usize = 16 * 1024;

/// The outbox and socket of one client.
pub struct Outbox {
    transport: Transport,
    queue: RefCell<FrameQueue>,
    state: Cell<State>,
    stage: Cell<Stage>,
    is_authorized: Cell<bool>,
    /// Something that its client is authorized by may be revoked.
    is_suspect: Cell<bool>,
    /// The numbers of whatever its client is authorized by.
    standing: Cell<Standing>,
    /// The lanes in which it stands to be flushed, a bit for each.
    marked: Cell<u8>,
    watch: Cell<Watch>,
    is_operators: Cell<bool>,
    ended_by: Cell<Option<Disconnect>>,
    /// When its client came, in tenths of a second since the first one of all did.
    joined: Cell<u32>,
    /// The client's task, to be woken when it has to wait for room or to end. It comes back at its next turn.
    task: Cell<Option<Waker>>,
    /// What comes from the client.
    pub incoming: Incoming,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The kernel takes bytes.
    Open,
    /// The kernel is full: the client's task waits for room.
    Blocked,
    /// Takes no more frames; what is queued still leaves.
    Closing,
    /// As `Closing`, and the kernel is full.
    ClosingBlocked,
    /// The connection is gone.
    Broken,
}

impl Outbox {
    /// An empty outbox before `transport`.
    pub fn new(transport: impl Into<Transport>) -> Self {
        Self {
            transport: transport.into(),
            queue: RefCell::default(),
            state: Cell::new(State::Open),
            stage: Cell::new(Stage::Request),
            is_authorized: Cell::new(false),
            is_suspect: Cell::new(false),
            standing: Cell::default(),
            marked: Cell::new(0),
            watch: Cell::new(Watch::Unwatched),
            is_operators: Cell::new(false),
            ended_by: Cell::new(None),
            joined: Cell::new(0),
            task: Cell::new(None),
            incoming: Incoming::default(),
        }
    }

    /// The way to the network, for reading.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The socket, to wait for something to read.
    pub fn socket(&self) -> &TcpStream {
        self.transport.socket()
    }

    /// Its client's conversation is at this stage. Of streams of events the hub has to be told
    /// ([`Hub::begin_event_stream`](super::Hub::begin_event_stream)).
    pub fn reach(&self, stage: Stage) {
        self.stage.set(stage);
    }

    /// What its client speaks.
    #[inline]
    pub fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Whether its client has been authorized.
    pub fn is_authorized(&self) -> bool {
        self.is_authorized.get()
    }

    /// Its client is authorized, or is so no more.
    pub fn set_authorized(&self, is_authorized: bool) {
        self.is_authorized.set(is_authorized);
    }

    /// Queues frames; nothing is written before the next flush. Up to `bytes_max` bytes may wait (1 GiB at the most)
    /// before the client counts as slow; one push goes past it, by a run of frames or a message. Nobody is slow for what
    /// has not been offered to the kernel yet: as long as that took everything, it is twice as many.
    ///
    /// # Errors
    /// The outbox was full already, and its client is disconnected now, as [`Self::disconnect_slow_consumer`] says. A
    /// closing outbox drops frames without an error.
    pub fn push(&self, frames: Frames, bytes_max: usize) -> Result<(), Overflow> {
        if !matches!(self.state.get(), State::Open | State::Blocked) {
            return Ok(());
        }
        let mut queue = self.queue.borrow_mut();
        let is_blocked = self.is_blocked();
        if queue.cost() >= bytes_max && (is_blocked || queue.cost() >= 2 * bytes_max) {
            drop(queue);
            return Err(Overflow { dropped: self.disconnect_slow_consumer().and(&frames) });
        }
        queue.push(frames);
        Ok(())
    }

    /// Queues what a listener has missed, however much that is: it does not count among what may wait. A closing outbox drops it.
    pub fn push_replay(&self, frames: Frames) {
        if matches!(self.state.get(), State::Open | State::Blocked) {
            self.queue.borrow_mut().push_free(frames);
        }
    }

    /// What waits of what it has missed, in bytes.
    pub fn replaying(&self) -> usize {
        self.queue.borrow().free_bytes()
    }

    /// Ends a slow consumer: what waited is dropped, the close frame takes its place, and the client's task is woken to
    /// end. Returns what is lost.
    pub fn disconnect_slow_consumer(&self) -> Dropped {
        let dropped = self.queue.borrow_mut().drop_unsent();
        if dropped.bytes > 0 && matches!(self.stage.get(), Stage::Request | Stage::Answer) {
            // Behind a gap, an answer would be taken for that to another request.
            self.stage.set(Stage::Idle);
        }
        self.close(Disconnect::SlowConsumer);
        dropped
    }

    /// Drops what waits of the publications that carry a mark: their client may not have them any more. False: nothing waits.
    pub fn drop_marked(&self, mark: &Mark) -> bool {
        self.queue.borrow_mut().drop_marked(mark) > 0
    }

    /// Ends a client whose memory is needed: as [`Self::disconnect_slow_consumer`], but a large frame that has left by
    /// half is not waited for. Then the connection is reset, since nothing can follow half a frame.
    pub fn disconnect_for_memory(&self) -> Dropped {
        let half_sent = self.queue.borrow().half_sent();
        if half_sent.bytes <= HALF_SENT_BYTES_MAX || self.is_closing() {
            return self.disconnect_slow_consumer();
        }
        self.ended_by.set(Some(Disconnect::SlowConsumer));
        let mut dropped = self.queue.borrow_mut().drop_unsent();
        dropped.bytes += half_sent.bytes;
        dropped.messages += half_sent.messages;
        // An error means that the connection is gone, which is what was wanted.
        socket2::SockRef::from(self.socket()).set_linger(Some(Duration::ZERO)).ok();
        *self.queue.borrow_mut() = FrameQueue::default();
        self.break_off();
        dropped
    }

    /// What waits, in bytes, with what its places and buffers cost.
    pub fn cost(&self) -> usize {
        self.queue.borrow().cost() + self.transport.kept_bytes()
    }

    /// This client's part of what waits, in bytes, where several share it.
    pub fn part(&self) -> usize {
        self.queue.borrow().part() + self.transport.kept_bytes()
    }

    /// Queues what the client is owed at its stage, a close frame for instance, and takes nothing after it. The client's
    /// task is woken to end.
    pub fn close(&self, disconnect: Disconnect) {
        let closing = match self.state.get() {
            State::Open => State::Closing,
            State::Blocked => State::ClosingBlocked,
            State::Closing | State::ClosingBlocked | State::Broken => return,
        };
        self.state.set(closing);
        self.ended_by.set(Some(disconnect));
        if let Some(last_words) = self.stage.get().last_words(disconnect) {
            self.queue.borrow_mut().push(last_words);
        }
        self.wake();
    }

    /// Queues the answer to a request that was being answered when the outbox was closed.
    pub fn push_last(&self, frames: Frames) {
        if self.stage.get() == Stage::Answer && matches!(self.state.get(), State::Closing | State::ClosingBlocked) {
            self.queue.borrow_mut().push(frames);
        }
    }

    /// Takes no more frames, for a client that has sent its own close frame; what is queued still leaves.
    pub fn finish(&self) {
        match self.state.get() {
            State::Open => self.state.set(State::Closing),
            State::Blocked => self.state.set(State::ClosingBlocked),
            State::Closing | State::ClosingBlocked | State::Broken => {}
        }
    }

    /// Tells the peer that nothing more will come. Only once everything has left.
    pub fn shut_down(&self) {
        self.transport.shut_down();
    }

    /// Whether the connection is gone, or as good as gone.
    pub fn is_broken(&self) -> bool {
        self.state.get() == State::Broken
    }

    /// Whether somebody has closed it, or the connection is gone.
    pub fn is_closing(&self) -> bool {
        !matches!(self.state.get(), State::Open | State::Blocked)
    }

    /// Marks it for the next flush of a lane; false if it was marked already.
    #[inline]
    pub fn mark(&self, lane: Lane) -> bool {
        let (marked, bit) = (self.marked.get(), 1 << lane.index());
        self.marked.set(marked | bit);
        marked & bit == 0
    }

    /// Whether something waits for the kernel, and nobody has closed it.
    pub fn is_blocked(&self) -> bool {
        self.state.get() == State::Blocked
    }

    /// Whether something has not been taken by the kernel.
    fn has_unsent(&self) -> bool {
        !self.queue.borrow().is_empty() || self.transport.kept_bytes() > 0
    }

    fn break_off(&self) {
        self.state.set(State::Broken);
        self.transport.give_up();
        self.wake();
    }

    fn wake(&self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}

/// An outbox was full: its client is disconnected.
#[derive(Debug, PartialEq, Eq)]
pub struct Overflow {
    /// What will not reach it.
    pub dropped: Dropped,
}

#[cfg(test)]
mod tests;
