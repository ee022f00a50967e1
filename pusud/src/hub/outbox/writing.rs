//! Writing what waits in an outbox: as much as the kernel takes, at a flush or when there is room again, and the progress of
//! that.

use super::{Outbox, State};
use crate::frames::FrameQueue;
use crate::routing::Lane;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

/// Whether a client that the kernel takes nothing more for is watched, and its progress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Watch {
    /// Nobody watches it.
    Unwatched,
    /// It is watched, and the kernel has taken nothing since the last check.
    Stalled,
    /// It is watched, and the kernel has taken something since the last check.
    Moving,
}

/// The result of a flush.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Bytes that the kernel has taken.
    pub bytes: usize,
    /// It has to be watched from here on: the kernel is full, and nobody does yet.
    pub has_to_be_watched: bool,
}

/// The progress of an outbox that is watched.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing waits any more, or the connection ends: it is watched no more.
    Done,
    /// The kernel has taken something since the last check.
    Moving,
    /// The kernel has taken nothing since the last check.
    Stalled,
}

impl Outbox {
    /// Takes the lane's mark away and writes what the kernel takes; wakes the client's task if that is not all.
    pub fn flush(&self, lane: Lane) -> Flushed {
        self.marked.set(self.marked.get() & !(1 << lane.index()));
        match self.state.get() {
            State::Open => {
                let bytes = self.write();
                let is_new = self.is_blocked() && self.watch.replace(Watch::Stalled) == Watch::Unwatched;
                Flushed { bytes, has_to_be_watched: is_new }
            }
            State::Closing => Flushed { bytes: self.write(), has_to_be_watched: false },
            State::Blocked | State::ClosingBlocked | State::Broken => Flushed::default(),
        }
    }

    /// Whether the kernel has taken nothing since the last check. It is watched no more where nothing waits.
    pub fn check_progress(&self) -> Progress {
        if !self.is_blocked() {
            self.watch.set(Watch::Unwatched);
            return Progress::Done;
        }
        match self.watch.replace(Watch::Stalled) {
            Watch::Stalled => Progress::Stalled,
            Watch::Moving | Watch::Unwatched => Progress::Moving,
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
                State::Closing if self.has_unsent() => State::Closing,
                // A part of a record that was no frame's.
                State::Open if self.transport.kept_bytes() > 0 => State::Open,
                State::Open | State::Closing | State::Broken => return Poll::Ready(()),
            };
            if ready!(self.socket().poll_write_ready(cx)).is_err() {
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
            self.socket().poll_read_ready(cx)
        })
        .await
    }

    /// Writes what the kernel takes; returns how many bytes that were.
    fn write(&self) -> usize {
        let queue = &mut *self.queue.borrow_mut();
        let mut total = 0;
        while let Some(written) = self.transport.write(queue) {
            match written {
                Ok(bytes) => {
                    total += bytes;
                    if self.watch.get() == Watch::Stalled {
                        self.watch.set(Watch::Moving);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.state.set(if self.state.get() == State::Open {
                        State::Blocked
                    } else {
                        State::ClosingBlocked
                    });
                    self.wake();
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    *queue = FrameQueue::default();
                    self.break_off();
                    break;
                }
            }
        }
        total
    }
}
