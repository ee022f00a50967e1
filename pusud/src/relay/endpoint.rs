//! The endpoint of a listener: its bound socket, and who connects to it.

use crate::admission::{self, ClientAddress};
use crate::config::{self, Endpoint};
use crate::system::ListeningSocket;
use anyhow::Context as _;
use std::io;
use std::net::TcpStream;

#[cfg(unix)]
use super::unix_socket;

/// Binds what the settings say; with the socket comes its address, with the real port.
///
/// # Errors
/// Says which setting to change where that fails.
pub(super) fn bind(endpoint: &Endpoint) -> anyhow::Result<(ListeningSocket, String)> {
    match endpoint {
        Endpoint::Tcp(address) => {
            let socket = ListeningSocket::Tcp(admission::CLIENTS.bind(*address)?);
            let address = local_address(&socket)?;
            Ok((socket, address))
        }
        #[cfg(unix)]
        Endpoint::Unix(socket) => Ok((ListeningSocket::Unix(unix_socket::bind(socket)?), endpoint.to_string())),
        #[cfg(not(unix))]
        Endpoint::Unix(_) => anyhow::bail!("this system has no Unix sockets for clients"),
    }
}

/// Checks a socket that the service manager has handed over for a listener; its address, with the real port.
///
/// # Errors
/// It is of the other kind: what its listener takes for granted of its clients would be wrong.
pub(super) fn take_over(name: &str, endpoint: &Endpoint, socket: &ListeningSocket) -> anyhow::Result<String> {
    let found = match socket {
        ListeningSocket::Tcp(_) => "a TCP socket",
        #[cfg(unix)]
        ListeningSocket::Unix(_) => "a Unix socket",
    };
    let (has, expected) = match endpoint {
        Endpoint::Tcp(_) => ("a port", "a TCP socket"),
        Endpoint::Unix(_) => ("a path", "a Unix socket"),
    };
    let address = local_address(socket)?;
    anyhow::ensure!(
        found == expected,
        "the service manager hands {found} over ({address}) for the listener {name:?}, which has {has} in the settings: expected \
         {expected} (ListenStream= and FileDescriptorName= in the socket unit)"
    );
    Ok(address)
}

/// Where a socket is bound, with the real port.
fn local_address(socket: &ListeningSocket) -> anyhow::Result<String> {
    const NO_ADDRESS: &str = "the bound socket has no address";
    Ok(match socket {
        ListeningSocket::Tcp(socket) => socket.local_addr().context(NO_ADDRESS)?.to_string(),
        #[cfg(unix)]
        ListeningSocket::Unix(socket) => {
            let address = socket.local_addr().context(NO_ADDRESS)?;
            let path = address.as_pathname().map_or_else(|| "?".into(), |path| path.display().to_string());
            format!("unix:{path}")
        }
    })
}

/// A bound socket in a runtime.
pub(super) enum Accepting {
    Tcp(tokio::net::TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

impl Accepting {
    /// The same socket in this runtime.
    pub(super) fn on(socket: &ListeningSocket) -> io::Result<Self> {
        Ok(match socket {
            ListeningSocket::Tcp(socket) => Self::Tcp(tokio::net::TcpListener::from_std(socket.try_clone()?)?),
            #[cfg(unix)]
            ListeningSocket::Unix(socket) => Self::Unix(tokio::net::UnixListener::from_std(socket.try_clone()?)?),
        })
    }

    /// The next connection, with who has made it. Nothing is lost where it is dropped.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, ClientAddress)> {
        match self {
            Self::Tcp(socket) => {
                let (socket, peer) = socket.accept().await?;
                Ok((socket.into_std()?, peer.into()))
            }
            #[cfg(unix)]
            Self::Unix(socket) => Ok((unix_socket::as_stream(socket.accept().await?.0)?, ClientAddress::Unix)),
        }
    }
}

/// Whether the settings name addresses that this machine has; ports are left alone.
pub(super) fn check(listener: &config::ListenerConfig) -> anyhow::Result<()> {
    match &listener.endpoint {
        Endpoint::Tcp(address) => admission::CLIENTS.bind((address.ip(), 0).into()).map(drop),
        #[cfg(unix)]
        Endpoint::Unix(socket) => unix_socket::check(socket),
        #[cfg(not(unix))]
        Endpoint::Unix(_) => Ok(()),
    }
}
