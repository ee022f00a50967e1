//! A stream that lets its reader have one frame at a time, for as long as tungstenite speaks over it.
//!
//! A listener connects, authorizes and subscribes through the same code as the other commands, and is then read by
//! code of its own. **Invariant:** what arrived behind the last frame that tungstenite has taken is not inside of
//! tungstenite, but comes out of [`FrameByFrame::into_parts`].

use super::frames;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes read from the kernel at a time: more than all that a relay says before the first publication.
const READ_BYTES: usize = 1024;
/// No answer to an upgrade is longer.
const HTTP_HEAD_BYTES_MAX: usize = 64 * 1024;

/// A stream under tungstenite.
pub(super) struct FrameByFrame<S> {
    stream: S,
    /// What has arrived and not been handed out.
    ahead: Vec<u8>,
    /// How many bytes belong to what is being handed out; 0 between two frames.
    current: u64,
    /// Whether the answer to the upgrade has been handed out, so that frames follow.
    upgraded: bool,
}

impl<S> FrameByFrame<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, ahead: Vec::new(), current: 0, upgraded: false }
    }

    /// The stream, and what has arrived on it and not been read.
    pub(super) fn into_parts(self) -> (S, Vec<u8>) {
        (self.stream, self.ahead)
    }

    /// How much of `ahead` may be handed out now.
    fn allowed(&mut self) -> io::Result<usize> {
        if self.current == 0 {
            self.current = if self.upgraded {
                let frame = frames::parse(&self.ahead).map_err(io::Error::other)?;
                frame.map_or(0, |(_, start, payload_len)| start as u64 + payload_len)
            } else {
                let end = self.ahead.windows(4).position(|window| window == b"\r\n\r\n");
                self.upgraded = end.is_some();
                end.map_or(0, |end| end as u64 + 4)
            };
        }
        if self.current == 0 && self.ahead.len() > HTTP_HEAD_BYTES_MAX {
            return Err(io::Error::other("expected the answer to an upgrade, found something without end"));
        }
        Ok(usize::try_from(self.current).unwrap_or(usize::MAX).min(self.ahead.len()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FrameByFrame<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let allowed = self.allowed()?.min(out.remaining());
            if allowed > 0 {
                out.put_slice(&self.ahead[..allowed]);
                self.ahead.drain(..allowed);
                self.current -= allowed as u64;
                return Poll::Ready(Ok(()));
            }
            let mut chunk = [0; READ_BYTES];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.ahead.extend_from_slice(chunk.filled());
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FrameByFrame<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::{accept_async, client_async};

    #[tokio::test]
    async fn what_follows_the_last_frame_is_not_lost() {
        let acceptor = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = acceptor.local_addr().unwrap();
        let server = async {
            let mut socket = accept_async(acceptor.accept().await.unwrap().0).await.unwrap();
            // All of it leaves in one segment: two frames, and the beginning of a third one.
            socket.feed(Message::text("first")).await.unwrap();
            socket.feed(Message::text("second")).await.unwrap();
            socket.flush().await.unwrap();
            socket.get_mut().write_all(&[0x81]).await.unwrap();
            socket.next().await
        };
        let client = async {
            let stream = FrameByFrame::new(TcpStream::connect(address).await.unwrap());
            let (mut socket, _) = client_async(format!("ws://{address}/"), stream).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("first"));
            let (mut stream, mut rest) = socket.into_inner().into_parts();
            let expected = b"\x81\x06second\x81";
            while rest.len() < expected.len() {
                tokio::io::AsyncReadExt::read_buf(&mut stream, &mut rest).await.unwrap();
            }
            assert_eq!(rest, expected);
        };
        tokio::join!(server, client);
    }
}
