//! The address of a NATS server as the settings have it: whether TLS is meant, a name or an IP address, and a port.
//!
//! Does not resolve names: that is done anew whenever the server is dialled.
//! **Invariant:** no message shows a text with an `@`: what stands before it may be a password.

use super::peer_address::PeerAddress;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Where NATS servers listen unless the address says otherwise.
const PORT: u16 = 4222;
/// The most of a text that an error repeats, in characters.
const SHOWN_CHARS_MAX: usize = 300;
const EXPECTED: &str = "`nats://host`, `nats://host:port` or the same with `tls://`, an IPv6 address in brackets";

/// Where a NATS server is to be reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NatsAddress {
    /// A name in small letters, or an IP address without brackets.
    pub host: Box<str>,
    /// Its port, from 1 on.
    pub port: u16,
    /// It was written with `tls://`.
    pub is_tls: bool,
}

impl NatsAddress {
    /// The IP address, where it is one and no name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Whether the server runs on this machine: what is sent there passes no network.
    pub fn is_local(&self) -> bool {
        self.ip().map_or(&*self.host == "localhost", |ip| ip.to_canonical().is_loopback())
    }

    /// Whether both are the same server, however it is spoken to.
    pub fn is_same_server(&self, other: &Self) -> bool {
        (&self.host, self.port) == (&other.host, other.port)
    }

    /// Reads `nats://host`, `nats://host:port`, `nats://[IPv6]`, `nats://[IPv6]:port`, and the same with `tls://`. One `/` at
    /// the end is nothing.
    ///
    /// # Errors
    /// Says what was expected, what was found, and where a user's name and password belong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains('@') {
            return Err(
                "a user's name, password or token stands in the address (not shown): write `user` and `password`, or \
                 `token`, below `nats`, and the address without them"
                    .to_owned(),
            );
        }
        let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
        let expected = || format!("expected {EXPECTED}, found `{shown}`");
        let (scheme, rest) = text.split_once("://").ok_or_else(expected)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "nats" => false,
            "tls" => true,
            "ws" | "wss" => {
                return Err(format!(
                    "NATS over WebSocket is not spoken: expected {EXPECTED}, with the port for clients, found `{shown}`"
                ));
            }
            _ => return Err(expected()),
        };
        // Where it has a port behind it, it cannot be told from a part of the address.
        if rest.parse::<Ipv6Addr>().is_ok() {
            return Err(expected());
        }
        let PeerAddress { host, port } = PeerAddress::parse(rest, PORT).map_err(|_| match rest.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && !host.contains(':') && !port.is_empty() => {
                format!("expected {EXPECTED}, with a port from 1 to 65535, found `{shown}`")
            }
            _ => expected(),
        })?;
        // One spelling, so that a server that stands there twice is seen.
        let host = host.parse().map_or_else(|_| host.to_ascii_lowercase(), |ip: IpAddr| ip.to_string());
        Ok(Self { host: host.into(), port, is_tls })
    }
}

/// As the settings write it, with the port.
impl fmt::Display for NatsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "tls" } else { "nats" };
        write!(f, "{scheme}://{}", PeerAddress { host: self.host.clone(), port: self.port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_one() {
        for (text, shown, is_local) in [
            ("nats://nats-1", "nats://nats-1:4222", false),
            ("nats://NATS-1.Example:7", "nats://nats-1.example:7", false),
            ("tls://192.0.2.1", "tls://192.0.2.1:4222", false),
            ("TLS://[2001:DB8:0::1]", "tls://[2001:db8::1]:4222", false),
            ("tls://[2001:db8::1]:7", "tls://[2001:db8::1]:7", false),
            ("nats://a:7/", "nats://a:7", false),
            ("nats://localhost", "nats://localhost:4222", true),
            ("nats://127.0.0.2", "nats://127.0.0.2:4222", true),
            ("nats://[::1]", "nats://[::1]:4222", true),
            ("nats://[::ffff:127.0.0.1]", "nats://[::ffff:127.0.0.1]:4222", true),
        ] {
            let address = NatsAddress::parse(text).unwrap();
            assert_eq!((address.to_string().as_str(), address.is_local()), (shown, is_local), "{text}");
            assert_eq!(NatsAddress::parse(shown).unwrap(), address);
        }
        let parse = |text| NatsAddress::parse(text).unwrap();
        assert!(parse("nats://A").is_same_server(&parse("tls://a:4222")));
        assert!(!parse("nats://a").is_same_server(&parse("nats://a:4223")));
    }

    #[test]
    fn what_is_none() {
        let long = format!("nats://{}", "x".repeat(254));
        for text in [
            "",
            "a",
            "a:4222",
            "nats://",
            "nats://:7",
            "nats:a",
            "nats://a b",
            "nats://a//",
            "nats://a/b",
            "nats://a?b",
            "nats://[::1",
            "nats://[a]:7",
            "nats://::1",
            "nats://::1:7",
            "http://a",
            "nats://a,b",
            "nats://a,nats://b",
            "nats://é",
            &long,
        ] {
            let error = NatsAddress::parse(text).unwrap_err();
            assert!(
                error.starts_with("expected `nats://host`") && error.ends_with(&format!("found `{text}`")),
                "{error}"
            );
        }
        for text in ["nats://a:0", "nats://a:65536", "tls://a:b", "tls://a:-1"] {
            let error = NatsAddress::parse(text).unwrap_err();
            assert!(error.contains("with a port from 1 to 65535"), "{error}");
        }
        assert!(NatsAddress::parse("wss://a").unwrap_err().contains("NATS over WebSocket is not spoken"));
    }

    #[test]
    fn what_may_be_a_password_is_not_shown() {
        for text in ["nats://user:s3cret@a", "tls://s3cret@a:7", "s3cret@a", "ws://s3cret@a", "nats://a@s3cret"] {
            let error = NatsAddress::parse(text).unwrap_err();
            assert!(error.contains("write `user` and `password`, or `token`, below `nats`"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
