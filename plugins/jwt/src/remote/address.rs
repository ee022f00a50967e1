//! Addresses of documents that are fetched: `https://` alone, whoever names them.
//!
//! **Invariant:** no error or log shows more of an address than host and port: a path or query may hold a secret.

use shared_https::{NoUrl, Url};

/// An address over TLS.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Address(pub(super) Url);

const EXPECTED: &str = "expected a URL such as https://id.example.com/keys";

impl Address {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// It is none, or is not over TLS. Does not contain the URL.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        match Url::parse(url) {
            Ok(url) if url.is_encrypted => Ok(Self(url)),
            Ok(_) | Err(NoUrl::Scheme) => Err(format!(
                "{EXPECTED}, found none with https://: whoever is on the way could put keys of their own in"
            )),
            Err(no) => Err(format!("{EXPECTED}, {no}")),
        }
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
            return Ok(Self(Url { target, ..self.0.clone() }));
        }
        Self::parse(location).map_err(fault)
    }

    /// Host and port, for errors and logs.
    pub(crate) fn shown(&self) -> String {
        format!("{}:{}", self.0.host.escape_debug(), self.0.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_over_tls_and_errors_do_not_show_them() {
        let address = Address::parse("https://id.example.com/a?b").unwrap();
        assert_eq!((address.shown().as_str(), address.0.target.to_string().as_str()), ("id.example.com:443", "/a?b"));
        let address = Address::parse("HTTPS://[::1]:8443").unwrap();
        assert_eq!(
            (address.0.host.as_str(), address.0.port, address.0.target.to_string().as_str()),
            ("::1", 8443, "/")
        );
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
            assert_eq!((there.shown().as_str(), there.0.target.to_string().as_str()), (host, target));
        }
        for location in ["http://a.example.com/x", "ftp://a/", "y", ""] {
            assert!(here.redirected(location).unwrap_err().contains("redirects to another place"), "{location}");
        }
    }
}
