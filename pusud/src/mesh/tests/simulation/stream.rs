//! One end of a connection in the simulated world, and the two pipes of bytes that it is made of.

use super::wire::{Host, World};
use rand::RngExt as _;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// What a pipe holds at most, in bytes.
const CAPACITY: usize = 128 * 1024;

#[derive(Default)]
pub(super) struct Pipe {
    chunks: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    is_finished: bool,
    pub(super) is_reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    pub(super) fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }

    pub(super) fn reset(&mut self) {
        self.is_reset = true;
        self.wake();
    }
}

pub(super) type Pipes = [Rc<RefCell<Pipe>>; 2];

/// One end of a connection.
pub(in crate::mesh::tests) struct Stream {
    pub(super) world: World,
    pub(super) own: Host,
    pub(super) other: Host,
    pub(super) incoming: Rc<RefCell<Pipe>>,
    pub(super) outgoing: Rc<RefCell<Pipe>>,
    pub(super) alarm: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let world = &mut *this.world.borrow_mut();
        let pipe = &mut *this.incoming.borrow_mut();
        pipe.reader = Some(cx.waker().clone());
        if world.is_cut(this.other, this.own) {
            return Poll::Pending;
        }
        if pipe.is_reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let Some((due, chunk)) = pipe.chunks.front_mut() else {
            return if pipe.is_finished { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        if *due > Instant::now() {
            let mut alarm = Box::pin(sleep_until(*due));
            if alarm.as_mut().poll(cx).is_pending() {
                this.alarm = Some(alarm);
                return Poll::Pending;
            }
        }
        let len = chunk.len().min(buf.remaining()).min(world.random.random_range(1..=9000));
        buf.put_slice(&chunk[..len]);
        chunk.drain(..len);
        if chunk.is_empty() {
            pipe.chunks.pop_front();
        }
        pipe.bytes -= len;
        world.heard.insert((this.other, this.own), Instant::now());
        pipe.writer.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let pipe = &mut *self.outgoing.borrow_mut();
        if pipe.is_reset && !self.world.borrow().is_cut(self.other, self.own) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if pipe.bytes >= CAPACITY {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let world = &mut *self.world.borrow_mut();
        let (chunk, len) = world.carry(bytes, CAPACITY - pipe.bytes);
        let due = Instant::now() + Duration::from_millis(world.random.random_range(0..30));
        let due = pipe.chunks.back().map_or(due, |(last, _)| due.max(*last));
        pipe.bytes += chunk.len();
        pipe.chunks.push_back((due, chunk));
        pipe.reader.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pipe = self.outgoing.borrow_mut();
        pipe.is_finished = true;
        pipe.wake();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    /// The system says that the connection has ended; where something was left unread, with a reset that may overtake
    /// what was sent.
    fn drop(&mut self) {
        let (mut incoming, mut outgoing) = (self.incoming.borrow_mut(), self.outgoing.borrow_mut());
        let world = &mut *self.world.borrow_mut();
        if world.silent.contains(&self.own) {
            return;
        }
        outgoing.is_finished = true;
        outgoing.wake();
        if !incoming.chunks.is_empty() && world.random.random() {
            outgoing.reset();
        }
        incoming.reset();
    }
}
