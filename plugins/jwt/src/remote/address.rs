//! Addresses of documents that are fetched: `https://` alone, whoever names them.
//!
//! **Invariant:** no error or log shows more of an address than host and port: a path or query may hold a secret.

use hyper::Uri;
use hyper::header::HeaderValue;

/// An address over TLS.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Address {
    /// A name or an address, without the brackets of the latter.
    pub(super) host: String,
    pub(super) port: u16,
    /// What stands in the header `Host`.
    pub(super) authority: HeaderValue,
    /// Path and query.
    pub(super) target: Uri,
}

const EXPECTED: &str = "expected a URL such as https://id.example.com/keys";

impl Address {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// It is none, or is not over TLS. Does not contain the URL.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| format!("{EXPECTED}, found something else"))?;
        if uri.scheme_str() != Some("https") {
            return Err(format!(
                "{EXPECTED}, found none with https://: whoever is on the way could put keys of their own in"
            ));
        }
        let authority = uri.authority().ok_or_else(|| format!("{EXPECTED}, found none with a host"))?;
        if authority.as_str().contains('@') {
            return Err(format!("{EXPECTED}, found one with a user name or password in it"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(format!("{EXPECTED}, found none with a host"));
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => Some(443),
            Some(rest) => rest.strip_prefix(':').and_then(|port| port.parse().ok()),
            None => None,
        };
        let port = port.ok_or_else(|| format!("{EXPECTED}, found a port that is none"))?;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            host: host.to_owned(),
            port,
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| EXPECTED)?,
            target: format!("{slash}{target}").parse().map_err(|_| EXPECTED)?,
        })
    }

    /// Where a redirect leads from here.
    ///
    /// # Errors
    /// To no address over TLS.
    pub(super) fn redirected(&self, location: &str) -> Result<Self, String> {
        let fault = |why: String| format!("redirects to another place, and there: {why}");
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("https://{rest}")).map_err(fault);
        }
        if location.starts_with('/') {
            let target = location.parse().map_err(|_| fault(format!("{EXPECTED}, found something else")))?;
            return Ok(Self { target, ..self.clone() });
        }
        Self::parse(location).map_err(fault)
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
    fn addresses_are_over_tls_and_errors_do_not_show_them() {
        let address = Address::parse("https://id.example.com/a?b").unwrap();
        assert_eq!((address.shown().as_str(), address.target.to_string().as_str()), ("id.example.com:443", "/a?b"));
        let address = Address::parse("HTTPS://[::1]:8443").unwrap();
        assert_eq!((address.host.as_str(), address.port, address.target.to_string().as_str()), ("::1", 8443, "/"));
        for url in [
            "",
            "secret",
            "http://id.example.com/secret",
            "https://",
            "https://user:secret@id.example.com/",
            "https://id.example.com:99999/secret",
            "https://id.example.com/se cret",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(error.contains("expected a URL") && !error.contains("secret"), "{url}: {error}");
        }
    }

    #[test]
    fn redirects_never_leave_tls() {
        let here = Address::parse("https://a.example.com/x").unwrap();
        for (location, host, target) in [
            ("/y?z", "a.example.com:443", "/y?z"),
            ("https://b.example.com:1/y", "b.example.com:1", "/y"),
            ("//c.example.com/y", "c.example.com:443", "/y"),
        ] {
            let there = here.redirected(location).unwrap();
            assert_eq!((there.shown().as_str(), there.target.to_string().as_str()), (host, target));
        }
        for location in ["http://a.example.com/x", "ftp://a/", "y", ""] {
            assert!(here.redirected(location).unwrap_err().contains("redirects to another place"), "{location}");
        }
    }
}
