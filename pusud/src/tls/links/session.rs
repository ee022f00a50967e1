//! The session of one link: bytes as the two relays write them, encrypted on their way.
//!
//! A read gives as much as there is room for, as one of a socket does. **Invariant:** what has come is given out before
//! the error or the end that follows it.

use super::Exported;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio_rustls::TlsStream;

/// What is read of the socket in one go, in bytes: rustls asks for 4 KiB at a time.
const SOCKET_READ_BYTES: usize = 16 * 1024;
/// What a session of which both sides are shaking hands takes at the most beside the socket, in bytes: what is read in one
/// go, a message that comes in pieces, and what rustls keeps.
pub const HANDSHAKE_BYTES_MAX: usize = SOCKET_READ_BYTES + 64 * 1024 + 16 * 1024;
/// What it takes at the most afterwards: what is read in one go, records that come and that were decrypted, and 64 KiB
/// of records that the socket has not taken.
pub const SESSION_BYTES_MAX: usize = SOCKET_READ_BYTES + 2 * 24 * 1024 + 80 * 1024;

/// The stream below a session.
pub(super) type Below<S> = BufReader<Counted<S>>;

/// What a session is made over.
pub(super) fn below<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Below<S> {
    BufReader::with_capacity(SOCKET_READ_BYTES, Counted { stream, read: 0 })
}

/// A stream that counts the bytes that come.
pub(super) struct Counted<S> {
    stream: S,
    read: u64,
}

/// A session.
pub struct LinkSession<S> {
    pub(super) tls: TlsStream<Below<S>>,
    exported: Exported,
    /// What a read has met behind bytes that were to be given out first.
    failed: Option<io::Error>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> LinkSession<S> {
    pub(super) fn new(tls: TlsStream<Below<S>>, exported: Result<Exported, rustls::Error>) -> io::Result<Self> {
        Ok(Self { tls, exported: exported.map_err(io::Error::other)?, failed: None })
    }

    /// What both ends export (RFC 9266): the same on both, and another one where somebody in between has a session with
    /// each.
    pub fn exported(&self) -> &Exported {
        &self.exported
    }

    /// The stream below.
    pub fn stream(&self) -> &S {
        &self.tls.get_ref().0.get_ref().stream
    }

    /// How many bytes have come over the stream below. It grows while a record comes in pieces.
    pub fn bytes_read(&self) -> u64 {
        self.tls.get_ref().0.get_ref().read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for LinkSession<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(error));
        }
        let start = buf.filled().len();
        // A record holds 16 KiB at the most.
        while buf.remaining() > 0 {
            let before = buf.filled().len();
            match Pin::new(&mut self.tls).poll_read(cx, buf) {
                Poll::Ready(Ok(())) if buf.filled().len() > before => {}
                Poll::Ready(Ok(())) => break,
                Poll::Ready(Err(error)) if before > start => {
                    self.failed = Some(error);
                    break;
                }
                Poll::Pending if before > start => break,
                other => return other,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LinkSession<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.read += (buf.filled().len() - before) as u64;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
