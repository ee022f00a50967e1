//! The names by which the port may be asked for, and the pages that may ask.
//!
//! A stranger's page can have its own name lead to this machine (DNS rebinding), and its visitors' browsers then take this
//! relay for that page. So only the relay's own names are answered; an address of IP is nobody's name.

use crate::config::Config;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, Request, StatusCode};
use std::net::IpAddr;

/// The relay's names.
pub(super) struct Names(Vec<String>);

/// A refusal, with the reason and the way out.
pub(super) type Refused = (StatusCode, String);

impl Names {
    /// Those that the settings say, the relay's own, and this machine's.
    pub(super) fn of(config: &Config) -> Self {
        let own = ["localhost".to_owned(), config.name.to_ascii_lowercase()];
        Self(own.into_iter().chain(config.operations_hosts.iter().cloned()).collect())
    }

    /// Whether a request may be answered, by where it is for and by which page has sent it.
    ///
    /// # Errors
    /// It may not.
    pub(super) fn check<B>(&self, request: &Request<B>, is_interface: bool) -> Result<(), Refused> {
        let headers = request.headers();
        let host = self.host(request)?;
        if let Some(origin) = one(headers, header::ORIGIN)? {
            let asked = origin.split_once("://").map(|(_, authority)| authority);
            if asked.is_none_or(|asked| !asked.eq_ignore_ascii_case(host)) {
                return Err((
                    StatusCode::FORBIDDEN,
                    "this request comes from a page of somebody else's (Origin)".into(),
                ));
            }
        }
        let site = one(headers, HeaderName::from_static("sec-fetch-site"))?.unwrap_or("none");
        let is = |name: &'static str, value: &str| {
            headers.get(HeaderName::from_static(name)).is_some_and(|found| found == value)
        };
        // Following a link is no request of the page that has it.
        let is_visit =
            *request.method() == Method::GET && is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document");
        if matches!(site, "same-origin" | "none") || (is_visit && !is_interface) {
            return Ok(());
        }
        Err((StatusCode::FORBIDDEN, "this request comes from a page of somebody else's (Sec-Fetch-Site)".into()))
    }

    fn host<'a, B>(&self, request: &'a Request<B>) -> Result<&'a str, Refused> {
        if request.uri().authority().is_some() {
            return Err((StatusCode::BAD_REQUEST, "expected a path as target: this is no proxy".into()));
        }
        let host = one(request.headers(), header::HOST)?;
        let host = host.ok_or_else(|| (StatusCode::BAD_REQUEST, "the header Host is missing".to_owned()))?;
        let is_known = name_in(host).is_some_and(|name| self.knows(&name));
        if !is_known {
            return Err((
                StatusCode::MISDIRECTED_REQUEST,
                "this relay has no such name: ask for it by its address, or add the name to `operations_hosts` in its settings"
                    .into(),
            ));
        }
        Ok(host)
    }

    fn knows(&self, name: &str) -> bool {
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        bare.parse::<IpAddr>().is_ok() || self.0.iter().any(|known| known == name)
    }
}

/// The name in a host with or without a port, in lower case; `None`: it is no host.
fn name_in(host: &str) -> Option<String> {
    let end = match host.starts_with('[') {
        true => host.find(']')? + 1,
        false => host.find(':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at(end);
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (is_port && !name.is_empty()).then(|| name.to_ascii_lowercase())
}

/// The value of a header that may be there once.
fn one(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, Refused> {
    let wrong = || (StatusCode::BAD_REQUEST, format!("the header {name} is there twice, or is no text"));
    let mut values = headers.get_all(&name).iter();
    let first = values.next().map(|value| value.to_str().map_err(|_| wrong())).transpose()?;
    if values.next().is_some() { Err(wrong()) } else { Ok(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, headers: &[(&str, &str)], is_interface: bool) -> u16 {
        let names = Names(vec!["localhost".into(), "relay.example".into()]);
        let mut request = Request::get(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        names.check(&request.body(()).unwrap(), is_interface).map_or_else(|(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn only_own_names_are_answered() {
        for (host, expected) in [
            ("localhost", 200),
            ("LOCALHOST:8080", 200),
            ("relay.example:55002", 200),
            ("127.0.0.1", 200),
            ("10.1.2.3:55002", 200),
            ("[::1]:55002", 200),
            ("[::1]", 200),
            ("evil.example", 421),
            ("localhost.evil.example", 421),
            ("localhost:evil", 421),
            ("[::1", 421),
            ("", 421),
        ] {
            assert_eq!(check("/", &[("host", host)], false), expected, "{host}");
        }
        assert_eq!(check("/", &[], false), 400);
        assert_eq!(check("/", &[("host", "localhost"), ("host", "evil.example")], false), 400);
        assert_eq!(check("http://evil.example/", &[("host", "localhost")], false), 400);
    }

    #[test]
    fn pages_of_others_may_not_ask() {
        let host = ("host", "localhost:1");
        for (origin, expected) in [
            ("http://localhost:1", 200),
            ("https://localhost:1", 200),
            ("http://localhost:2", 403),
            ("http://evil.example", 403),
            ("null", 403),
        ] {
            assert_eq!(check("/", &[host, ("origin", origin)], true), expected, "{origin}");
        }
        for (site, is_interface, expected) in [
            ("same-origin", true, 200),
            ("none", true, 200),
            ("same-site", true, 403),
            ("cross-site", true, 403),
            ("cross-site", false, 403),
        ] {
            assert_eq!(check("/", &[host, ("sec-fetch-site", site)], is_interface), expected, "{site}");
        }
        let visit =
            [host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert_eq!((check("/", &visit, false), check("/api/v1/status", &visit, true)), (200, 403));
    }
}
