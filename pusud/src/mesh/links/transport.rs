//! The transport between relays: TCP, or over whatever a simulation puts in its place.
//!
//! Resolves, connects, accepts and sets options of sockets. Knows nothing of what goes through them.

use crate::admission::readable;
use crate::config::PeerAddress;
use crate::mesh::links::tcp_options;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::tcp::ReadHalf;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::time::timeout;

/// How long connecting to one address may take.
const DIAL_MAX: Duration = Duration::from_secs(3);

/// A way to other relays.
pub(crate) trait Transport: 'static {
    /// A connection.
    type Stream: LinkStream;

    /// Asks for all addresses of a relay. May take for ever, and then holds up nothing but itself.
    fn resolve(&self, peer: &PeerAddress) -> impl Future<Output = io::Result<Vec<SocketAddr>>>;

    /// Connects to an address.
    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>>;

    /// Waits for a relay that connects.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>>;
}

/// A connection, encrypted or not.
pub(crate) trait LinkStream: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Its two directions, for one task that reads and writes.
    fn split(&mut self) -> (impl LinkReader, impl AsyncWrite + Unpin);

    /// As [`LinkReader::limit_sending`].
    ///
    /// # Errors
    /// The connection is broken.
    fn limit_sending(&self, is_limited: bool) -> io::Result<()>;
}

/// What comes over a connection.
pub(crate) trait LinkReader: AsyncRead + Unpin {
    /// Whether the system is to end the connection when what is sent over it is not acknowledged in time.
    ///
    /// # Errors
    /// The connection is broken.
    fn limit_sending(&self, is_limited: bool) -> io::Result<()>;

    /// How many bytes have come that may not have been given out, as those of half a record. It is compared with itself.
    fn bytes_heard(&self) -> u64 {
        0
    }
}

impl LinkStream for TcpStream {
    fn split(&mut self) -> (impl LinkReader, impl AsyncWrite + Unpin) {
        self.split()
    }

    fn limit_sending(&self, is_limited: bool) -> io::Result<()> {
        tcp_options::limit_sending(self, is_limited)
    }
}

impl LinkReader for ReadHalf<'_> {
    fn limit_sending(&self, is_limited: bool) -> io::Result<()> {
        tcp_options::limit_sending(self.as_ref(), is_limited)
    }
}

/// TCP.
pub(crate) struct Tcp {
    listener: TcpListener,
}

impl Tcp {
    /// Takes over a listener, inside a runtime.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn new(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { listener: TcpListener::from_std(listener)? })
    }
}

impl Transport for Tcp {
    type Stream = TcpStream;

    /// The system's resolver (getaddrinfo) blocks, so it is asked on a thread of the runtime's own.
    async fn resolve(&self, peer: &PeerAddress) -> io::Result<Vec<SocketAddr>> {
        Ok(lookup_host((&*peer.host, peer.port)).await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        match timeout(DIAL_MAX, TcpStream::connect(address)).await {
            Ok(stream) => {
                let stream = stream?;
                tcp_options::set(&stream)?;
                Ok(stream)
            }
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")),
        }
    }

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, remote) = self.listener.accept().await?;
        tcp_options::set(&stream)?;
        Ok((stream, readable(remote)))
    }
}
