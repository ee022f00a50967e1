//! `http_url`, taken apart into what a connection and a request need.
//!
//! **Invariant:** no error or log shows more of it than host and port, or the socket's path: a path or query of the URL
//! may hold a secret.

use hyper::Uri;
use hyper::header::HeaderValue;
use shared_https::{NoUrl, Url};
use std::net::IpAddr;
use std::path::PathBuf;

/// What a URL for a Unix socket begins with.
const UNIX: &str = "unix:";
/// The longest path of a Unix socket that every system takes, in bytes: 103 on macOS and the BSDs, 107 on Linux.
const SOCKET_PATH_BYTES_MAX: usize = 103;

/// Where the service is.
pub(crate) struct Endpoint {
    pub(crate) is_encrypted: bool,
    pub(crate) place: Place,
    /// What stands in the header `Host`.
    pub(crate) authority: HeaderValue,
    /// Path and query.
    pub(crate) target: Uri,
}

/// What a connection is made to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp {
        /// A name or an address, without the brackets of the latter.
        host: String,
        port: u16,
    },
    /// A Unix socket, as it was written.
    Unix(PathBuf),
}

impl Endpoint {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// It is none, or has parts that are not for here. Does not contain the URL.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        if let Some(rest) = url.strip_prefix(UNIX) {
            return Self::unix(rest);
        }
        const EXPECTED: &str = "expected a URL such as https://auth.example.com/pusu, http://127.0.0.1:8080/ or \
                                unix:/run/auth.sock:/pusu";
        let found = Url::parse(url).map_err(|no| match no {
            NoUrl::Scheme => format!("{EXPECTED}, {no} nor unix:"),
            NoUrl::Credentials => {
                format!("{EXPECTED}, {no}; put them into `http_headers`, as `Authorization: Basic …`")
            }
            no => format!("{EXPECTED}, {no}"),
        })?;
        let Url { is_encrypted, host, port, authority, target } = found;
        Ok(Self { is_encrypted, place: Place::Tcp { host, port }, authority, target })
    }

    /// What stands behind `unix:`: the socket's path and, behind a colon, the path and query of the URL.
    fn unix(rest: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected unix: with the path of a socket and, behind a colon, the path to ask for, such as \
                                unix:/run/auth.sock:/pusu";
        if !cfg!(unix) {
            return Err("this system has no Unix sockets for this; use http://127.0.0.1:PORT/".to_owned());
        }
        if rest.starts_with("//") {
            return Err(format!("{EXPECTED}, found slashes in front of the path"));
        }
        // The first one: a query may have more of them (`?next=https://…`).
        let (socket, target) = match rest.find(":/") {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, "/"),
        };
        if socket.is_empty() || socket.contains('\0') {
            return Err(format!("{EXPECTED}, found no path of a socket"));
        }
        if socket.len() > SOCKET_PATH_BYTES_MAX {
            return Err(format!(
                "{EXPECTED}, found a path of {} bytes, and sockets take {SOCKET_PATH_BYTES_MAX}: put it into another folder",
                socket.len()
            ));
        }
        Ok(Self {
            is_encrypted: false,
            place: Place::Unix(socket.into()),
            authority: HeaderValue::from_static("localhost"),
            target: target.parse().map_err(|_| format!("{EXPECTED}, found something else behind the colon"))?,
        })
    }

    /// The name or address of the service's machine; of a Unix socket, this one.
    pub(crate) fn host(&self) -> &str {
        match &self.place {
            Place::Tcp { host, .. } => host,
            Place::Unix(_) => "localhost",
        }
    }

    /// Whether what is sent there stays on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match &self.place {
            Place::Tcp { host, .. } => {
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
            Place::Unix(_) => true,
        }
    }

    /// The names of the parameters in the query.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        let query = self.target.query().unwrap_or_default();
        query.split('&').map(|parameter| parameter.split_once('=').map_or(parameter, |(name, _)| name))
    }

    /// Host and port, or the socket, for errors and logs.
    pub(crate) fn shown(&self) -> String {
        match &self.place {
            Place::Tcp { host, port } => format!("{}:{port}", host.escape_debug()),
            Place::Unix(path) => format!("{UNIX}{}", path.display().to_string().escape_debug()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, encrypted, host, port) in [
            ("http://localhost", false, "localhost", 80),
            ("https://auth.example.com/pusu?a=b", true, "auth.example.com", 443),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            let place = Place::Tcp { host: host.to_owned(), port };
            assert_eq!((endpoint.is_encrypted, &endpoint.place), (encrypted, &place), "{url}");
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

    #[cfg(unix)]
    #[test]
    fn sockets_are_named_with_the_path_to_ask_for_behind_a_colon() {
        for (url, socket, target) in [
            ("unix:/run/auth.sock", "/run/auth.sock", "/"),
            ("unix:/run/auth.sock:/pusu?a=b", "/run/auth.sock", "/pusu?a=b"),
            ("unix:auth.sock:/", "auth.sock", "/"),
            ("unix:/run/a:b/auth.sock:/pusu?next=https://a", "/run/a:b/auth.sock", "/pusu?next=https://a"),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!((&endpoint.place, endpoint.target.to_string().as_str()), (&Place::Unix(socket.into()), target));
            assert!(endpoint.is_local() && !endpoint.is_encrypted && endpoint.authority == "localhost", "{url}");
            assert_eq!(endpoint.shown(), format!("unix:{socket}"));
        }
        let long = format!("unix:/{}", "x".repeat(SOCKET_PATH_BYTES_MAX));
        for (url, wanted) in [
            ("unix:", "no path of a socket"),
            ("unix::/secret", "no path of a socket"),
            ("unix:///run/auth.sock:/secret", "slashes in front"),
            ("unix:/run/auth.sock:/se cret", "behind the colon"),
            (&long, "found a path of 104 bytes"),
        ] {
            let error = Endpoint::parse(url).err().unwrap_or_else(|| panic!("{url} is taken"));
            assert!(error.contains(wanted) && !error.contains("secret"), "{url}: {error}");
        }
    }
}
