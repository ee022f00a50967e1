//! A stream of bytes to a relay, whatever the way to it: TCP, TLS over TCP, or a Unix socket.

use super::connection_args::Target;
use super::relay_url::Way;
use pusud::tls::ClientStream;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// A stream that is connected.
pub(super) enum RelayStream {
    Tcp(TcpStream),
    Tls(ClientStream<TcpStream>),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl RelayStream {
    /// Connects to a relay, whose host is resolved now.
    pub(super) async fn open(target: &Target) -> io::Result<Self> {
        let socket = match &target.url.way {
            Way::Tcp { host, port, .. } => TcpStream::connect((&**host, *port)).await?,
            #[cfg(unix)]
            Way::Unix(path) => return UnixStream::connect(path).await.map(Self::Unix),
        };
        Self::over(target, socket).await
    }

    /// Connects to a relay whose host has these addresses.
    pub(super) async fn open_at(target: &Target, addresses: &[SocketAddr]) -> io::Result<Self> {
        match &target.url.way {
            Way::Tcp { .. } => Self::over(target, TcpStream::connect(addresses).await?).await,
            #[cfg(unix)]
            Way::Unix(_) => Self::open(target).await,
        }
    }

    async fn over(target: &Target, socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        match &target.tls {
            None => Ok(Self::Tcp(socket)),
            Some(tls) => tls.connect(socket).await.map(Self::Tls),
        }
    }

    /// Does something with the stream that it is.
    fn with<T>(self: Pin<&mut Self>, work: impl FnOnce(Pin<&mut dyn Stream>) -> T) -> T {
        match self.get_mut() {
            Self::Tcp(stream) => work(Pin::new(stream)),
            Self::Tls(stream) => work(Pin::new(stream)),
            #[cfg(unix)]
            Self::Unix(stream) => work(Pin::new(stream)),
        }
    }
}

/// Both directions.
trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

impl AsyncRead for RelayStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(cx, out))
    }
}

impl AsyncWrite for RelayStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(cx))
    }
}
