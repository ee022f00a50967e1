//! The address of a NATS server as operators and servers write it.
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
pub struct ServerAddress {
    place: PeerAddress,
    requires_tls: bool,
}

/// The reason why a text is no address of a NATS server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is a user or a token in it. Neither is repeated.
    #[error(
        "expected `nats://HOST:4222` or `tls://HOST:4222`, found one with a user or a token before `@`: write them as \
         `nats.user` and `nats.password`, or as `nats.token`"
    )]
    UserInfo,
    /// It begins with something else.
    #[error("expected `nats://HOST:4222` or `tls://HOST:4222`, found `{0}`{1}")]
    Scheme(String, &'static str),
    /// There is something behind the port.
    #[error("expected nothing behind the port of `nats://HOST:4222`, found `{0}`")]
    Path(String),
    /// The host or the port.
    #[error("{0}")]
    Place(String),
}

impl ServerAddress {
    /// Reads `nats://host`, `nats://host:port`, the same with `tls://`, with IPv6 addresses in brackets. One `/` at the end
    /// is nothing. The port is 4222 where there is none.
    ///
    /// # Errors
    /// Says what was expected. Nothing of a user or a token is in it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        // Before all others: no error may repeat a password.
        if text.contains('@') {
            return Err(AddressError::UserInfo);
        }
        let (requires_tls, rest) = match text.split_once("://") {
            Some(("nats", rest)) => (false, rest),
            Some(("tls", rest)) => (true, rest),
            Some(("ws" | "wss", _)) => {
                return Err(AddressError::Scheme(shown(text), ": NATS over WebSocket is not spoken"));
            }
            _ => return Err(AddressError::Scheme(shown(text), "")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if let Some(at) = rest.find(['/', '?', '#']) {
            return Err(AddressError::Path(shown(&rest[at..])));
        }
        Ok(Self { place: place(rest)?, requires_tls })
    }

    /// That of the settings; `requires_tls`: nothing is said there without it.
    pub fn of(address: &NatsAddress, requires_tls: bool) -> Self {
        Self { place: PeerAddress { host: address.host.clone(), port: address.port }, requires_tls }
    }

    /// Reads one of the addresses that a server names in INFO (`connect_urls`), which are `host:port`. It requires TLS if
    /// the address does by which that server was reached.
    ///
    /// # Errors
    /// It is none.
    pub fn advertised(text: &str, requires_tls: bool) -> Result<Self, AddressError> {
        Ok(Self { place: place(text)?, requires_tls })
    }

    /// A name, or an IP address without brackets: the name that the server's certificate has to be for.
    pub fn host(&self) -> &str {
        &self.place.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.place.port
    }

    /// Whether nothing is said there without TLS.
    pub fn requires_tls(&self) -> bool {
        self.requires_tls
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.requires_tls { "tls" } else { "nats" }, self.place)
    }
}

fn place(text: &str) -> Result<PeerAddress, AddressError> {
    // A bare IPv6 address is none in a URL: its last group could be a port.
    if !text.starts_with('[') && text.matches(':').count() > 1 {
        return Err(AddressError::Place(format!("expected an IPv6 address in brackets, found `{}`", shown(text))));
    }
    PeerAddress::parse(text, DEFAULT_PORT).map_err(AddressError::Place)
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_one() {
        for (text, shown) in [
            ("nats://a", "nats://a:4222"),
            ("nats://a:7/", "nats://a:7"),
            ("tls://nats_1.example.org:7", "tls://nats_1.example.org:7"),
            ("tls://[2001:db8::1]", "tls://[2001:db8::1]:4222"),
            ("nats://[::1]:7", "nats://[::1]:7"),
            ("nats://192.0.2.1", "nats://192.0.2.1:4222"),
        ] {
            let address = ServerAddress::parse(text).unwrap();
            assert_eq!((address.to_string(), address.requires_tls()), (shown.to_owned(), text.starts_with("tls")));
        }
        assert_eq!(ServerAddress::parse("nats://[::1]:7").unwrap().host(), "::1");
        assert_eq!(ServerAddress::advertised("[::1]:7", true).unwrap().to_string(), "tls://[::1]:7");
    }

    #[test]
    fn all_others_are_errors_that_say_what_was_expected() {
        for (text, expected) in [
            ("", "expected `nats://HOST:4222`"),
            ("a:4222", "found `a:4222`"),
            ("http://a", "found `http://a`"),
            ("wss://a", "NATS over WebSocket is not spoken"),
            ("nats://", "expected `host`"),
            ("nats://a:0", "a port from 1 to 65535"),
            ("nats://a:70000", "a port from 1 to 65535"),
            ("nats://a/b", "nothing behind the port of `nats://HOST:4222`, found `/b`"),
            ("nats://a?b", "found `?b`"),
            ("nats://::1", "an IPv6 address in brackets"),
            ("nats://a b", "expected `host`"),
        ] {
            let error = ServerAddress::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn secrets_in_a_url_are_refused_and_not_repeated() {
        for text in ["nats://u:hunter2@a:4222", "tls://hunter2@a", "hunter2@a", "http://u:hunter2@a"] {
            let error = ServerAddress::parse(text).unwrap_err();
            assert!(error.to_string().contains("`nats.password`") && !format!("{error:?} {error}").contains("hunter2"));
        }
    }
}
