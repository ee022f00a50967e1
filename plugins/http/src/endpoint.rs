//! `http_url`, taken apart into what a connection and a request need.
//!
//! **Invariant:** no error or log shows more of it than host and port: a path or query may hold a secret.

use hyper::Uri;
use hyper::header::HeaderValue;
use std::net::IpAddr;

/// Where the service is.
pub(crate) struct Endpoint {
    pub(crate) is_encrypted: bool,
    /// A name or an address, without the brackets of the latter.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What stands in the header `Host`.
    pub(crate) authority: HeaderValue,
    /// Path and query.
    pub(crate) target: Uri,
}

impl Endpoint {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// It is none, or has parts that are not for here. Does not contain the URL.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected a URL such as https://auth.example.com/pusu or http://127.0.0.1:8080/";
        let uri: Uri = url.parse().map_err(|_| format!("{EXPECTED}, found something else"))?;
        let is_encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("{EXPECTED}, found neither http:// nor https://")),
        };
        let authority = uri.authority().ok_or_else(|| format!("{EXPECTED}, found none with a host"))?;
        if authority.as_str().contains('@') {
            return Err(format!(
                "{EXPECTED}, found one with a user name or password in it; put them into `http_headers`, as \
                 `Authorization: Basic …`"
            ));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(format!("{EXPECTED}, found none with a host"));
        }
        let default = if is_encrypted { 443 } else { 80 };
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => Some(default),
            Some(rest) => rest.strip_prefix(':').and_then(|port| port.parse().ok()),
            None => None,
        };
        let port = port.ok_or_else(|| format!("{EXPECTED}, found a port that is none"))?;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            is_encrypted,
            host: host.to_owned(),
            port,
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| EXPECTED)?,
            target: format!("{slash}{target}").parse().map_err(|_| EXPECTED)?,
        })
    }

    /// Whether what is sent there stays on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The names of the parameters in the query.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        let query = self.target.query().unwrap_or_default();
        query.split('&').map(|parameter| parameter.split_once('=').map_or(parameter, |(name, _)| name))
    }

    /// Host and port, for errors and logs.
    pub(crate) fn shown(&self) -> String {
        format!("{}:{}", self.host.escape_debug(), self.port)
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
            let endpoint = Endpoint::parse(url).unwrap();
            let found = (endpoint.is_encrypted, endpoint.host.as_str(), endpoint.port);
            assert_eq!(found, (encrypted, host, port), "{url}");
            assert_eq!(
                (endpoint.authority.to_str().unwrap(), endpoint.target.to_string().as_str()),
                (authority, target)
            );
        }
    }

    #[test]
    fn other_urls_are_errors_that_do_not_show_them() {
        for url in [
            "",
            "secret",
            "/secret",
            "auth.example.com/secret",
            "ftp://auth.example.com/secret",
            "http://",
            "http:///secret",
            "http://user:secret@auth.example.com/",
            "http://:80/secret",
            "http://auth.example.com:secret/",
            "http://auth.example.com:99999/secret",
            "http://auth.example.com:/secret",
            "http://auth.example.com/se cret",
        ] {
            let error = Endpoint::parse(url).err().unwrap_or_else(|| panic!("{url} is taken"));
            assert!(error.contains("expected a URL") && !error.contains("secret"), "{url}: {error}");
        }
    }
}
