//! The address of a NATS server as it is dialled, whether the settings have it or a server has named it.
//!
//! Does not resolve names: that is done anew whenever the server is dialled. **Invariant:** nothing secret is in it.

use crate::config::{NatsAddress, PeerAddress};
use std::fmt;

/// The port of NATS servers for clients.
const DEFAULT_PORT: u16 = 4222;
/// The most of a text that an error repeats, in characters.
const SHOWN_CHARS_MAX: usize = 100;

/// Where a NATS server is to be reached, and whether TLS is required there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ServerAddress {
    place: PeerAddress,
    requires_tls: bool,
}

impl ServerAddress {
    /// That of the settings; `requires_tls`: nothing is said there without it.
    pub(crate) fn of(address: &NatsAddress, requires_tls: bool) -> Self {
        Self { place: PeerAddress { host: address.host.clone(), port: address.port }, requires_tls }
    }

    /// Reads one of the addresses that a server names in INFO (`connect_urls`), which are `host:port`. It requires TLS if
    /// the address does by which that server was reached.
    ///
    /// # Errors
    /// It is none: what was expected.
    pub(crate) fn advertised(text: &str, requires_tls: bool) -> Result<Self, String> {
        // A bare IPv6 address is none here: its last group could be a port.
        if !text.starts_with('[') && text.matches(':').count() > 1 {
            let shown: String = text.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
            return Err(format!("expected an IPv6 address in brackets, found `{shown}`"));
        }
        Ok(Self { place: PeerAddress::parse(text, DEFAULT_PORT)?, requires_tls })
    }

    /// As the settings have it.
    #[cfg(test)]
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        NatsAddress::parse(text).map(|address| Self::of(&address, address.is_tls))
    }

    /// A name, or an IP address without brackets: the name that the server's certificate has to be for.
    pub(crate) fn host(&self) -> &str {
        &self.place.host
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.place.port
    }

    /// Whether nothing is said there without TLS.
    pub(crate) fn requires_tls(&self) -> bool {
        self.requires_tls
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.requires_tls { "tls" } else { "nats" }, self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sources_give_the_same() {
        for (text, shown) in [
            ("nats://a", "nats://a:4222"),
            ("tls://nats_1.example.org:7", "tls://nats_1.example.org:7"),
            ("tls://[2001:db8::1]", "tls://[2001:db8::1]:4222"),
            ("nats://192.0.2.1", "nats://192.0.2.1:4222"),
        ] {
            let address = ServerAddress::parse(text).unwrap();
            assert_eq!((address.to_string(), address.requires_tls()), (shown.to_owned(), text.starts_with("tls")));
            let named = shown.split_once("://").unwrap().1;
            assert_eq!(ServerAddress::advertised(named, address.requires_tls()).unwrap(), address);
        }
        assert_eq!(ServerAddress::advertised("[::1]:7", true).unwrap().host(), "::1");
    }

    #[test]
    fn names_that_are_none_are_errors() {
        for text in ["", "::1:4222", "a:b", "a:0", "a b", "a:70000"] {
            assert!(ServerAddress::advertised(text, false).is_err(), "{text}");
        }
    }
}
