//! The transport between relays: TCP, or over whatever a simulation puts in its place.
//!
//! Resolves, connects, accepts and sets options of sockets. Knows nothing of what goes through them.

use crate::admission::readable;
use crate::config::PeerAddress;
use crate::mesh::links::tcp_options;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::tcp::ReadHalf;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::time::timeout;

/// How long resolving a name and connecting to one address may take, each.
const DIAL_MAX: Duration = Duration::from_secs(3);

/// A way to other relays.
pub(crate) trait Transport: 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;

    /// Connects to a relay, and says where it was found. `resolved` is told all addresses that it may have, before.
    fn dial(
        &self,
        peer: &PeerAddress,
        resolved: impl FnOnce(Vec<IpAddr>),
    ) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>>;

    /// Waits for a relay that connects.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>>;

    /// The two directions of a connection.
    fn split(stream: &mut Self::Stream) -> (impl LinkReader, impl AsyncWrite + Unpin);
}

/// What comes over a connection.
pub(crate) trait LinkReader: AsyncRead + Unpin {
    /// Whether the system is to end the connection when what is sent over it is not acknowledged in time.
    ///
    /// # Errors
    /// The connection is broken.
    fn limit_sending(&self, is_limited: bool) -> io::Result<()>;
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

    /// Every address of the name is tried, in the order in which the system gives them.
    async fn dial(
        &self,
        peer: &PeerAddress,
        resolved: impl FnOnce(Vec<IpAddr>),
    ) -> io::Result<(TcpStream, SocketAddr)> {
        let addresses: Vec<_> = timeout(DIAL_MAX, lookup_host((&*peer.host, peer.port)))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "resolving the name takes too long"))??
            .collect();
        resolved(addresses.iter().map(SocketAddr::ip).collect());
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match timeout(DIAL_MAX, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    tcp_options::set(&stream)?;
                    return Ok((stream, address));
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "no answer"),
            }
        }
        Err(last)
    }

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, remote) = self.listener.accept().await?;
        tcp_options::set(&stream)?;
        Ok((stream, readable(remote)))
    }

    fn split(stream: &mut TcpStream) -> (impl LinkReader, impl AsyncWrite + Unpin) {
        stream.split()
    }
}
