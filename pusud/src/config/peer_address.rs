//! The address of a relay as the settings have it: a name or an IP address, and a port.
//!
//! Does not resolve names: that is done anew whenever the relay is dialled.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Longest host name, in bytes (RFC 1035).
const HOST_BYTES_MAX: usize = 253;

/// Where a relay is to be reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerAddress {
    /// A name, or an IP address without brackets.
    pub host: Box<str>,
    /// The port for relays.
    pub port: u16,
}

impl PeerAddress {
    /// The IP address, where it is one and no name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Reads `host`, `host:port`, an IPv4 address with or without a port, `[IPv6]`, `[IPv6]:port` or a bare IPv6 address.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let expected = || format!("expected `host`, `host:port` or `[IPv6 address]:port`, found `{text}`");
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, behind) = rest.split_once(']').ok_or_else(expected)?;
            host.parse::<Ipv6Addr>().map_err(|_| expected())?;
            match behind {
                "" => (host, None),
                _ => (host, Some(behind.strip_prefix(':').ok_or_else(expected)?)),
            }
        } else if text.parse::<IpAddr>().is_ok() {
            (text, None)
        } else {
            match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };
        let is_host = |host: &str| {
            host.parse::<IpAddr>().is_ok()
                || host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        };
        if host.is_empty() || host.len() > HOST_BYTES_MAX || !is_host(host) {
            return Err(expected());
        }
        let port = match port {
            None => default_port,
            Some(port) => match port.parse() {
                Ok(0) | Err(_) => {
                    return Err(format!("expected a port from 1 to 65535 behind `{host}`, found `{port}`"));
                }
                Ok(port) => port,
            },
        };
        Ok(Self { host: host.into(), port })
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_one() {
        for (text, shown) in [
            ("relay-1", "relay-1:55001"),
            ("relay-1:7", "relay-1:7"),
            ("relay_1.example.org:7", "relay_1.example.org:7"),
            ("192.0.2.1", "192.0.2.1:55001"),
            ("192.0.2.1:7", "192.0.2.1:7"),
            ("[2001:db8::1]", "[2001:db8::1]:55001"),
            ("[2001:db8::1]:7", "[2001:db8::1]:7"),
            ("2001:db8::1", "[2001:db8::1]:55001"),
        ] {
            assert_eq!(PeerAddress::parse(text, 55001).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_none() {
        let long = "x".repeat(HOST_BYTES_MAX + 1);
        for text in
            ["", ":7", "a:", "a:0", "a:65536", "a:b", "a:-1", "a b", "[::1", "[a]:7", "[::1]7", "tcp://a", "a/b", &long]
        {
            assert!(PeerAddress::parse(text, 55001).is_err(), "{text}");
        }
    }
}
