//! Origins of web pages (RFC 6454), as browsers send them with an upgrade.
//!
//! **Invariant:** two origins are equal exactly if scheme, host and port are, however they were written.

use std::fmt;
use tokio_tungstenite::tungstenite::http::Uri;

/// What browsers send for pages that have no origin of their own: files, and frames in a sandbox.
const OPAQUE: &str = "null";

/// Where a web page comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    /// Empty for [`OPAQUE`].
    host: String,
    /// `None`: the scheme has no default and none was given.
    port: Option<u16>,
}

impl Origin {
    /// Reads `scheme://host`, `scheme://host:port` or `null`; `None` if it is none of these. A path, even `/`, is no
    /// part of an origin, nor is a name and password.
    pub fn parse(text: &str) -> Option<Self> {
        if text == OPAQUE {
            return Some(Self { scheme: OPAQUE.into(), host: String::new(), port: None });
        }
        let (_, authority) = text.split_once("://")?;
        if authority.contains(['/', '?', '#', '@']) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        let port = match uri.port() {
            Some(port) => Some(port.as_u16()),
            // A colon with nothing, or with no number, behind it.
            None if authority.len() > host.len() => return None,
            None => default_port(&scheme),
        };
        Some(Self { scheme, host, port })
    }

    /// Whether its host is a name, of labels that are not empty, and no IP address.
    pub(super) fn has_host_name(&self) -> bool {
        let mut labels = self.host.split('.');
        labels.all(|label| !label.is_empty())
            && !self.host.starts_with('[')
            && !self.host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// Whether its host is a name below that of `other`, by one label or more, and all else is equal.
    pub(super) fn is_below(&self, other: &Self) -> bool {
        let above = self.host.strip_suffix(&other.host).and_then(|rest| rest.strip_suffix('.'));
        (&self.scheme, self.port) == (&other.scheme, other.port)
            && above.is_some_and(|labels| labels.split('.').all(|label| !label.is_empty()))
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.is_empty() {
            return f.write_str(OPAQUE);
        }
        write!(f, "{}://{}", self.scheme, self.host)?;
        match self.port {
            Some(port) if self.port != default_port(&self.scheme) => write!(f, ":{port}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_is_what_has_scheme_host_and_port_in_common() {
        let origin = |text: &str| Origin::parse(text).unwrap_or_else(|| panic!("{text}"));
        for (one, other, equal) in [
            ("https://example.com", "https://example.com:443", true),
            ("http://example.com:80", "http://example.com", true),
            ("HTTPS://Example.COM", "https://example.com", true),
            ("http://[::1]:8080", "http://[::1]:8080", true),
            ("null", "null", true),
            ("app://page", "app://page", true),
            ("https://example.com", "http://example.com", false),
            ("https://example.com", "https://example.com:8443", false),
            ("https://example.com", "https://www.example.com", false),
            ("https://example.com", "https://example.com.evil.example", false),
            ("https://example.com", "null", false),
        ] {
            assert_eq!(origin(one) == origin(other), equal, "{one} and {other}");
        }
    }

    #[test]
    fn what_is_no_origin_is_none() {
        for text in [
            "",
            "*",
            "example.com",
            "example.com:80",
            "https://",
            "https://:80",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://user@a",
            "https://a:",
            "https://a:x",
            "https://a:70000",
            "https://a https://b",
            "https://a, https://b",
            "https://b\u{fc}cher.example",
            "NULL",
        ] {
            assert_eq!(Origin::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn is_shown_as_it_is_written() {
        for text in ["https://example.com", "http://example.com:8080", "http://[::1]:1", "null", "app://page"] {
            assert_eq!(Origin::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Origin::parse("HTTP://A:80").unwrap().to_string(), "http://a");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(text in "(https?|ws)://[a-z0-9.-]{1,20}(:[0-9]{1,5})?|\\PC{0,30}") {
            if let Some(origin) = Origin::parse(&text) {
                prop_assert_eq!(Origin::parse(&origin.to_string()), Some(origin));
            }
        }
    }
}
