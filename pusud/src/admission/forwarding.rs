//! Forwarding: whose word about a client's address is taken at one of the places where clients connect.

use super::{ClientAddress, Networks};
use std::fmt;
use std::net::IpAddr;

/// The proxies that are trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forwarding {
    /// Proxies by their address.
    pub networks: Networks,
    /// Whoever may connect to the Unix socket, which its owner and its mode decide.
    pub unix: bool,
}

impl Forwarding {
    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Whether whoever is here may say where a client is.
    pub fn trusts(&self, peer: ClientAddress) -> bool {
        match peer {
            ClientAddress::Ip(address) => self.trusts_ip(address.ip()),
            ClientAddress::Unix => self.unix,
        }
    }

    /// The same, of an address.
    pub fn trusts_ip(&self, address: IpAddr) -> bool {
        self.networks.contains(address)
    }
}

/// As it may be written in the settings.
impl fmt::Display for Forwarding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comma = if self.unix && !self.networks.is_empty() { ", " } else { "" };
        write!(f, "{}{comma}{}", if self.unix { "unix" } else { "" }, self.networks)
    }
}
