//! An encrypted connection between relays: the stream of a link, once both sides have shaken hands for TLS.
//!
//! Knows nothing of keys or frames: it hands bytes between a session and who reads and writes the link.

use crate::mesh::links::transport::{LinkReader, LinkStream};
use crate::tls::LinkSession;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The connection. Both directions of a session share its state, and one task reads and writes.
pub(crate) struct Encrypted<S>(RefCell<LinkSession<S>>);

impl<S> Encrypted<S> {
    /// Over this session.
    pub(crate) fn new(session: LinkSession<S>) -> Self {
        Self(RefCell::new(session))
    }
}

impl<S: LinkStream> LinkStream for Encrypted<S> {
    fn split(&mut self) -> (impl LinkReader, impl AsyncWrite + Unpin) {
        (Half(&self.0), Half(&self.0))
    }

    fn limit_sending(&self, is_limited: bool) -> io::Result<()> {
        self.0.borrow().stream().limit_sending(is_limited)
    }
}

impl<S: LinkStream> AsyncRead for Encrypted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.0.get_mut()).poll_read(cx, buf)
    }
}

impl<S: LinkStream> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.0.get_mut()).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.0.get_mut()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.0.get_mut()).poll_shutdown(cx)
    }
}

/// One direction. Nobody holds a borrow of the session between two polls.
struct Half<'a, S>(&'a RefCell<LinkSession<S>>);

impl<S: LinkStream> LinkReader for Half<'_, S> {
    fn limit_sending(&self, is_limited: bool) -> io::Result<()> {
        self.0.borrow().stream().limit_sending(is_limited)
    }

    fn bytes_heard(&self) -> u64 {
        self.0.borrow().bytes_read()
    }
}

impl<S: LinkStream> AsyncRead for Half<'_, S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_read(cx, buf)
    }
}

impl<S: LinkStream> AsyncWrite for Half<'_, S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_shutdown(cx)
    }
}
