//! The stream under tungstenite: reads come from the client's socket, writes go to its outbox.
//!
//! So whatever tungstenite answers by itself (pongs, the echo of a close frame) queues behind what is on its way, and
//! control frames can never cut a half-written publication.

use crate::frame::Frames;
use crate::hub::Hub;
use crate::outbox::Outbox;
use crate::read_buffer::ReadBuffer;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One client's stream.
pub struct Wire {
    hub: Rc<Hub>,
    outbox: Rc<Outbox>,
    buffer: Rc<ReadBuffer>,
    /// Read from the socket and not yet asked for. A client that sends nothing owns no memory here.
    unread: Vec<u8>,
    unread_at: usize,
}

impl Wire {
    /// The stream of the client that `outbox` belongs to; `unread` are bytes that came in before.
    pub fn new(hub: Rc<Hub>, outbox: Rc<Outbox>, buffer: Rc<ReadBuffer>, unread: Vec<u8>) -> Self {
        Self { hub, outbox, buffer, unread, unread_at: 0 }
    }

    fn take_unread(&mut self, into: &mut ReadBuf<'_>) {
        let unread = &self.unread[self.unread_at..];
        let taken = unread.len().min(into.remaining());
        into.put_slice(&unread[..taken]);
        self.unread_at += taken;
        if self.unread_at == self.unread.len() {
            self.unread = Vec::new();
            self.unread_at = 0;
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if !wire.unread.is_empty() {
            wire.take_unread(into);
            return Poll::Ready(Ok(()));
        }
        loop {
            let read = wire.buffer.read(wire.outbox.socket(), |bytes| {
                let taken = bytes.len().min(into.remaining());
                into.put_slice(&bytes[..taken]);
                wire.unread.extend_from_slice(&bytes[taken..]);
            });
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(wire.outbox.socket().poll_read_ready(cx))?;
                }
                other => return Poll::Ready(other),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.hub.send(&self.outbox, Frames::from(bytes));
        Poll::Ready(Ok(bytes.len()))
    }

    /// What was written is in the outbox, and the hub flushes that.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outbox.finish();
        Poll::Ready(Ok(()))
    }
}
