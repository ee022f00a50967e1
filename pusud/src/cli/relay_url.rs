//! The URL of a relay: `ws://`, `wss://` with TLS, `unix:` and a socket of this machine, or the first two as HTTP.

use anyhow::{Context as _, bail, ensure};
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;
use tokio_tungstenite::tungstenite::http::Uri;

/// The ports of RFC 6455 (section 3), where the URL has none; HTTP has the same.
const WS_PORT: u16 = 80;
const WSS_PORT: u16 = 443;

/// Where a relay is, and how it is reached.
pub(super) struct RelayUrl {
    pub(super) way: Way,
    /// What the request for the upgrade asks for.
    pub(super) request: Uri,
    /// Whether it says HTTP, rather than WebSocket or nothing.
    pub(super) is_http: bool,
    /// As it was given, for messages.
    pub(super) name: String,
}

/// The way to a relay.
pub(super) enum Way {
    /// Over TCP, with TLS or without.
    Tcp { host: String, port: u16, tls: bool },
    /// Through a socket in the file system.
    #[cfg(unix)]
    Unix(PathBuf),
}

impl RelayUrl {
    /// Reads what `--url` says.
    ///
    /// # Errors
    /// It is none that can be connected to.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            let request = Uri::from_static("ws://localhost/");
            return Ok(Self { way: unix(path)?, request, is_http: false, name: text.to_owned() });
        }
        let url: Option<Uri> = text.parse().ok();
        let (tls, is_http) = match url.as_ref().and_then(Uri::scheme_str) {
            Some("ws") => (false, false),
            Some("wss") => (true, false),
            Some("http") => (false, true),
            Some("https") => (true, true),
            _ => bail!(
                "--url: expected ws://HOST:PORT such as ws://127.0.0.1:55000, wss://HOST:PORT for TLS, unix:PATH, or \
                 for HTTP http://HOST:PORT or https://HOST:PORT, found {text:?}"
            ),
        };
        let default = if tls { WSS_PORT } else { WS_PORT };
        let request = url.and_then(|url| with_scheme(url, if tls { "wss" } else { "ws" }));
        let request = request.with_context(|| format!("--url: {text:?} is no URL"))?;
        let host = request.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        ensure!(!host.is_empty(), "--url: no host in {text:?}");
        let port = request.port_u16().unwrap_or(default);
        Ok(Self { way: Way::Tcp { host, port, tls }, request, is_http, name: text.to_owned() })
    }

    /// The host that TLS is to be spoken with; `None`: it is not.
    pub(super) fn tls_host(&self) -> Option<&str> {
        match &self.way {
            Way::Tcp { host, tls: true, .. } => Some(host),
            _ => None,
        }
    }

    /// The addresses of its host, once for many connections; none where it has no host.
    ///
    /// # Errors
    /// The host cannot be resolved.
    pub(super) async fn addresses(&self) -> anyhow::Result<Vec<SocketAddr>> {
        let (host, port) = match &self.way {
            Way::Tcp { host, port, .. } => (host, *port),
            #[cfg(unix)]
            Way::Unix(_) => return Ok(Vec::new()),
        };
        let found = tokio::net::lookup_host((&**host, port)).await;
        let addresses: Vec<_> = found.with_context(|| format!("--url: cannot resolve {host:?}"))?.collect();
        ensure!(!addresses.is_empty(), "--url: {host:?} has no address");
        Ok(addresses)
    }
}

fn with_scheme(url: Uri, scheme: &str) -> Option<Uri> {
    let mut parts = url.into_parts();
    parts.scheme = scheme.parse().ok();
    Uri::from_parts(parts).ok()
}

#[cfg(unix)]
fn unix(path: &str) -> anyhow::Result<Way> {
    ensure!(
        !path.is_empty(),
        "--url: expected the path of a socket, such as unix:/run/pusud/clients.sock, found \"unix:\""
    );
    Ok(Way::Unix(path.into()))
}

#[cfg(not(unix))]
fn unix(path: &str) -> anyhow::Result<Way> {
    bail!("--url unix:{path}: sockets in the file system are there on Unix alone; use ws:// or wss:// here")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(text: &str) -> (String, u16, bool) {
        match RelayUrl::parse(text).unwrap().way {
            Way::Tcp { host, port, tls } => (host, port, tls),
            #[cfg(unix)]
            Way::Unix(path) => panic!("{text} is the path {}", path.display()),
        }
    }

    #[test]
    fn hosts_ports_and_tls() {
        for (text, host, port, tls) in [
            ("ws://127.0.0.1:55000", "127.0.0.1", 55000, false),
            ("ws://relay.example.com", "relay.example.com", 80, false),
            ("ws://[::1]:1/path", "::1", 1, false),
            ("wss://relay.example.com", "relay.example.com", 443, true),
            ("wss://relay.example.com:8443/a?b=c", "relay.example.com", 8443, true),
            ("wss://[2001:db8::1]", "2001:db8::1", 443, true),
            ("http://127.0.0.1:55000", "127.0.0.1", 55000, false),
            ("https://relay.example.com/pusu", "relay.example.com", 443, true),
        ] {
            assert_eq!(tcp(text), (host.to_owned(), port, tls), "{text}");
        }
        let url = RelayUrl::parse("wss://a:8443/b?c").unwrap();
        assert_eq!((url.request.path(), url.tls_host(), &*url.name), ("/b", Some("a"), "wss://a:8443/b?c"));
        assert_eq!(RelayUrl::parse("ws://a").unwrap().tls_host(), None);
        for (text, request, is_http) in
            [("https://a:1/b?c", "wss://a:1/b?c", true), ("http://a", "ws://a/", true), ("ws://a", "ws://a/", false)]
        {
            let url = RelayUrl::parse(text).unwrap();
            assert_eq!((url.request.to_string().as_str(), url.is_http), (request, is_http), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn paths_of_sockets() {
        for (text, expected) in [("unix:/run/a b.sock", "/run/a b.sock"), ("unix:a.sock", "a.sock")] {
            let Way::Unix(path) = RelayUrl::parse(text).unwrap().way else { panic!("{text} has no path") };
            assert_eq!(path, PathBuf::from(expected));
        }
    }

    #[test]
    fn whatever_is_none_is_said_with_what_would_be() {
        for bad in ["ftp://a", "localhost:55000", "", "wss:", "ws://", "http://", "unix:", "wss://a b"] {
            let error = RelayUrl::parse(bad).err().unwrap_or_else(|| panic!("{bad:?} was taken")).to_string();
            assert!(error.starts_with("--url"), "{bad:?} gave: {error}");
        }
        let error = RelayUrl::parse("ftp://a").err().unwrap().to_string();
        assert!(["ws://HOST:PORT", "wss://HOST:PORT", "unix:PATH"].iter().all(|way| error.contains(way)), "{error}");
    }
}
