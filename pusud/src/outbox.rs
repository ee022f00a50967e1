//! One client's outbox: the only door through which bytes reach its socket.
//!
//! A bounded queue of shared frames before a non-blocking socket. `push` queues, `flush` writes as much as the kernel
//! takes; when the kernel is full the client's own task waits for room ([`Outbox::poll_drained`]) and nobody else does.
//! It knows nothing of channels or of the protocol.
//!
//! **Invariant:** frames leave whole and in the order they were pushed; nothing can cut a half-written one.

use crate::client::http_error::HttpError;
use crate::disconnect::Disconnect;
use crate::frame::{self, Frames};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker, ready};
use tokio::net::TcpStream;

/// Most buffers handed to the kernel in one call; Linux takes up to 1024, and past a few dozen nothing is gained.
const WRITE_SLICES_MAX: usize = 64;

/// The outbox and socket of one client.
pub struct Outbox {
    socket: TcpStream,
    queue: RefCell<Queue>,
    state: Cell<State>,
    stage: Cell<Stage>,
    /// Whether the hub has it in its list of outboxes to flush.
    marked: Cell<bool>,
    /// The client's task, to be woken when it has to wait for room or to end. It comes back at its next turn.
    task: Cell<Option<Waker>>,
    bytes_max: u32,
}

/// What waits. Nearly always that is nothing or one buffer, for which no memory is allocated. There are as many of these
/// as listeners, hence the small fields: what a queue holds is far below 4 GiB (see [`Outbox::new`]).
#[derive(Default)]
struct Queue {
    first: Option<Frames>,
    rest: Option<Box<Rest>>,
    /// How much of `first` the kernel has taken already.
    written: u32,
    /// What is in `first` and `rest`, less `written`.
    bytes: u32,
}

/// What waits behind the first frames.
#[derive(Default)]
struct Rest(VecDeque<Frames>);

/// How far its client has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// It is connected, and speaks HTTP.
    Connected,
    /// It speaks WebSocket.
    Upgraded,
    /// It has been authorized.
    Authorized,
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
    /// An empty outbox for `socket` in which up to `bytes_max` bytes may wait before the client counts as slow: 1 GiB at
    /// the most. One push goes past it, by a run of frames or a message.
    pub fn new(socket: TcpStream, bytes_max: usize) -> Self {
        const BYTES_MAX: usize = 1 << 30;
        Self {
            socket,
            queue: RefCell::default(),
            state: Cell::new(State::Open),
            stage: Cell::new(Stage::Connected),
            marked: Cell::new(false),
            task: Cell::new(None),
            bytes_max: bytes_max.min(BYTES_MAX) as u32,
        }
    }

    /// The socket, for reading.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Its client has come so far.
    pub fn reach(&self, stage: Stage) {
        self.stage.set(stage);
    }

    /// Whether its client has been authorized.
    pub fn is_authorized(&self) -> bool {
        self.stage.get() == Stage::Authorized
    }

    /// Queues frames; nothing is written before the next flush.
    ///
    /// # Errors
    /// [`Disconnect::SlowConsumer`], once, when the outbox was full already: what waited is dropped, the close frame
    /// takes its place, and the client's task is woken to end. A closing outbox drops frames without an error.
    pub fn push(&self, frames: Frames) -> Result<(), Overflow> {
        if !matches!(self.state.get(), State::Open | State::Blocked) {
            return Ok(());
        }
        let mut queue = self.queue.borrow_mut();
        if queue.bytes >= self.bytes_max {
            let dropped_bytes = queue.drop_unsent() + frames.len();
            drop(queue);
            self.close(Disconnect::SlowConsumer);
            return Err(Overflow { dropped_bytes });
        }
        queue.push(frames);
        Ok(())
    }

    /// Queues the close frame, or an HTTP answer where the client does not speak WebSocket yet, and takes nothing after
    /// it. The client's task is woken to end.
    pub fn close(&self, disconnect: Disconnect) {
        let closing = match self.state.get() {
            State::Open => State::Closing,
            State::Blocked => State::ClosingBlocked,
            State::Closing | State::ClosingBlocked | State::Broken => return,
        };
        self.state.set(closing);
        self.queue.borrow_mut().push(match self.stage.get() {
            Stage::Connected => Frames::from(HttpError::unavailable(disconnect).to_response()),
            Stage::Upgraded | Stage::Authorized => frame::close(disconnect),
        });
        self.wake();
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
        // An error means that the connection is gone, which is what was wanted.
        socket2::SockRef::from(&self.socket).shutdown(std::net::Shutdown::Write).ok();
    }

    /// Whether somebody has closed it, or the connection is gone.
    pub fn is_closing(&self) -> bool {
        !matches!(self.state.get(), State::Open | State::Blocked)
    }

    /// Marks it for the next flush; false if it was marked already.
    pub fn mark(&self) -> bool {
        !self.marked.replace(true)
    }

    /// Takes the mark away and writes what the kernel takes; wakes the client's task if that is not all.
    pub fn flush(&self) {
        self.marked.set(false);
        match self.state.get() {
            State::Open | State::Closing => self.write(),
            State::Blocked | State::ClosingBlocked | State::Broken => {}
        }
    }

    /// Ready when nothing is waiting for the kernel. Called by the client's task alone: while the kernel is full this
    /// is who waits for room and writes.
    pub fn poll_drained(&self, cx: &mut Context<'_>) -> Poll<()> {
        let task = self.task.take().filter(|task| task.will_wake(cx.waker()));
        self.task.set(Some(task.unwrap_or_else(|| cx.waker().clone())));
        loop {
            let unblocked = match self.state.get() {
                State::Blocked => State::Open,
                State::ClosingBlocked => State::Closing,
                State::Closing if self.queue.borrow().bytes > 0 => State::Closing,
                State::Open | State::Closing | State::Broken => return Poll::Ready(()),
            };
            if ready!(self.socket.poll_write_ready(cx)).is_err() {
                self.break_off();
                return Poll::Ready(());
            }
            self.state.set(unblocked);
            self.write();
        }
    }

    /// Waits for something to read, its end included, and writes what waits for room in the kernel meanwhile.
    ///
    /// # Errors
    /// The connection is gone, or has been closed from this side.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| {
            // Ready or not, whoever closes the outbox wakes this task now.
            let _ = self.poll_drained(cx);
            if self.is_closing() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            self.socket.poll_read_ready(cx)
        })
        .await
    }

    fn write(&self) {
        let queue = &mut *self.queue.borrow_mut();
        while let Some(first) = &queue.first {
            let written = match &queue.rest {
                None => self.socket.try_write(&first[queue.written as usize..]),
                Some(rest) => self.write_many(first, queue.written as usize, &rest.0),
            };
            match written {
                Ok(bytes) => queue.advance(bytes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.state.set(if self.state.get() == State::Open {
                        State::Blocked
                    } else {
                        State::ClosingBlocked
                    });
                    self.wake();
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    *queue = Queue::default();
                    self.break_off();
                    return;
                }
            }
        }
    }

    fn write_many(&self, first: &Frames, written: usize, rest: &VecDeque<Frames>) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
        slices[0] = IoSlice::new(&first[written..]);
        let mut count = 1;
        for (slice, frames) in slices[1..].iter_mut().zip(rest) {
            *slice = IoSlice::new(frames);
            count += 1;
        }
        self.socket.try_write_vectored(&slices[..count])
    }

    fn break_off(&self) {
        self.state.set(State::Broken);
        self.wake();
    }

    fn wake(&self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}

/// An outbox was full: its client is cut, and this many bytes will not reach it.
#[derive(Debug, PartialEq, Eq)]
pub struct Overflow {
    /// Bytes of frames that are lost.
    pub dropped_bytes: usize,
}

impl Queue {
    fn push(&mut self, frames: Frames) {
        self.bytes += bytes(&frames);
        if self.first.is_none() {
            self.first = Some(frames);
        } else {
            self.rest.get_or_insert_default().0.push_back(frames);
        }
    }

    /// The kernel has taken so many bytes.
    fn advance(&mut self, taken: usize) {
        let mut taken = taken as u32;
        self.bytes -= taken;
        while let Some(first) = &self.first {
            let left = bytes(first) - self.written;
            if taken < left {
                self.written += taken;
                return;
            }
            taken -= left;
            self.written = 0;
            self.first = self.rest.as_mut().and_then(|rest| rest.0.pop_front());
            if self.rest.as_ref().is_some_and(|rest| rest.0.is_empty()) {
                self.rest = None;
            }
        }
    }

    /// Drops every frame that has not begun to leave; returns their bytes.
    fn drop_unsent(&mut self) -> usize {
        let before = self.bytes;
        self.rest = None;
        if self.written == 0 {
            self.first = None;
        }
        self.bytes = self.first.as_ref().map_or(0, |first| bytes(first) - self.written);
        (before - self.bytes) as usize
    }
}

fn bytes(frames: &Frames) -> u32 {
    u32::try_from(frames.len()).expect("messages are bounded to 1 GiB, and runs far below that")
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
