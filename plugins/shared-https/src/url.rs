//! URLs of services, taken apart into what a connection and a request need.

use hyper::Uri;
use hyper::header::HeaderValue;
use std::fmt;

/// An `http://` or `https://` URL without a user's name.
#[derive(Clone, Debug, PartialEq)]
pub struct Url {
    /// It is `https://`.
    pub is_encrypted: bool,
    /// A name or an address, without the brackets of the latter.
    pub host: String,
    /// The port, which is that of the scheme where the URL has none.
    pub port: u16,
    /// What stands in the header `Host`.
    pub authority: HeaderValue,
    /// Path and query.
    pub target: Uri,
}

/// What was found in place of such a URL: `found one with …`, for behind a text that says what was expected. Does not contain
/// the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoUrl {
    /// It is no URL.
    Other,
    /// It is neither `http://` nor `https://`.
    Scheme,
    /// There is a user's name in it, and perhaps a password.
    Credentials,
    /// There is no host in it.
    Host,
    /// Its port is none.
    Port,
}

impl fmt::Display for NoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Other => "found something else",
            Self::Scheme => "found neither http:// nor https://",
            Self::Credentials => "found one with a user name or password in it",
            Self::Host => "found none with a host",
            Self::Port => "found a port that is none",
        })
    }
}

impl Url {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// It is none, or has parts that are not for here.
    pub fn parse(url: &str) -> Result<Self, NoUrl> {
        let uri: Uri = url.parse().map_err(|_| NoUrl::Other)?;
        let (is_encrypted, default) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(NoUrl::Scheme),
        };
        let authority = uri.authority().ok_or(NoUrl::Host)?;
        if authority.as_str().contains('@') {
            return Err(NoUrl::Credentials);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(NoUrl::Host);
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => Some(default),
            Some(rest) => rest.strip_prefix(':').and_then(|port| port.parse().ok()),
            None => None,
        };
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            is_encrypted,
            host: host.to_owned(),
            port: port.ok_or(NoUrl::Port)?,
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| NoUrl::Other)?,
            target: format!("{slash}{target}").parse().map_err(|_| NoUrl::Other)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, encrypted, host, port, authority, target) in [
            ("http://localhost", false, "localhost", 80, "localhost", "/"),
            ("https://auth.example.com/pusu?a=b", true, "auth.example.com", 443, "auth.example.com", "/pusu?a=b"),
            ("http://127.0.0.1:8080/", false, "127.0.0.1", 8080, "127.0.0.1:8080", "/"),
            ("HTTPS://[::1]:8443/x", true, "::1", 8443, "[::1]:8443", "/x"),
            ("http://a?b", false, "a", 80, "a", "/?b"),
        ] {
            let found = Url::parse(url).unwrap();
            assert_eq!((found.is_encrypted, found.host.as_str(), found.port), (encrypted, host, port), "{url}");
            assert_eq!((found.authority.to_str().unwrap(), found.target.to_string().as_str()), (authority, target));
        }
    }

    #[test]
    fn what_else_was_found_is_said() {
        for (url, expected) in [
            ("", NoUrl::Other),
            ("secret", NoUrl::Scheme),
            ("/secret", NoUrl::Scheme),
            ("ftp://auth.example.com/secret", NoUrl::Scheme),
            ("http://user:secret@auth.example.com/", NoUrl::Credentials),
            ("http://auth.example.com:99999/secret", NoUrl::Port),
            ("http://auth.example.com:/secret", NoUrl::Port),
            ("http://auth.example.com/se cret", NoUrl::Other),
        ] {
            assert_eq!(Url::parse(url), Err(expected), "{url}");
        }
    }
}
