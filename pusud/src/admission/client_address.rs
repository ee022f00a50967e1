//! The address of a client: limits, the log and the authenticator go by it.

use crate::admission::address::readable;
use socket2::SockAddr;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The address of a client, or of a proxy in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAddress {
    /// An address of its own.
    Ip(SocketAddr),
    /// It came through a Unix socket, and nobody has said where it is.
    Unix,
}

impl ClientAddress {
    /// What limits by address count; `None` where they cannot.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(address.ip()),
            Self::Unix => None,
        }
    }
}

impl ClientAddress {
    /// The same without its port.
    pub fn host(self) -> Self {
        match self {
            Self::Ip(address) => Self::Ip(SocketAddr::new(address.ip(), 0)),
            Self::Unix => Self::Unix,
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A header of HTTP has said it, without a port.
            Self::Ip(address) if address.port() == 0 => address.ip().fmt(f),
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl From<SocketAddr> for ClientAddress {
    /// As people write it: where both families share a socket, an IPv4 client's comes as an IPv6 one.
    fn from(address: SocketAddr) -> Self {
        Self::Ip(readable(address))
    }
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        SocketAddr::new(address, 0).into()
    }
}

/// Who is at the other end of a socket, if it is of a kind that clients come through.
pub fn peer_of(address: SockAddr) -> Option<ClientAddress> {
    match address.as_socket() {
        Some(address) => Some(address.into()),
        None => address.is_unix().then_some(ClientAddress::Unix),
    }
}
