//! Health checks: whether a load balancer should send new clients here.

use super::{Answer, TEXT};

/// Where they ask.
const PATH: &str = "/healthz";
const HEADERS_MAX: usize = 64;

/// The health of a relay, as far as new clients go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// They are served.
    Serving,
    /// The relay stops.
    Draining,
    /// Nobody is authorized now: the authenticator cannot decide.
    Undecided,
}

impl Health {
    /// The answer to a health check.
    pub fn answer(self) -> Answer {
        let (status, word) = match self {
            Self::Serving => (200, "ok\n"),
            Self::Draining => (503, "draining\n"),
            Self::Undecided => (503, "the authenticator cannot decide\n"),
        };
        Answer::new(status, TEXT, word.as_bytes()).with("Cache-Control: no-store\r\n")
    }
}

/// Whether these bytes begin with a whole health check; and whether it wants the head of the answer alone. For connections
/// that are not let in, of which nothing else is understood.
pub(crate) fn health_check(received: &[u8]) -> Option<bool> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let is_whole = request.parse(received).is_ok_and(|status| status.is_complete());
    let path = request.path.filter(|_| is_whole)?.split('?').next();
    match (request.method, path) {
        (Some("GET"), Some(PATH)) => Some(false),
        (Some("HEAD"), Some(PATH)) => Some(true),
        _ => None,
    }
}

/// Whether these bytes are the beginning of one, which has not come whole.
pub(crate) fn may_become_health_check(received: &[u8]) -> bool {
    let begins = |line: &[u8]| {
        let len = line.len().min(received.len());
        received[..len] == line[..len]
    };
    ["GET", "HEAD"].iter().any(|method| begins(format!("{method} {PATH}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_check_is_known_among_other_requests() {
        assert!(!may_become_health_check(b"GET / HTTP/1.1") && !may_become_health_check(b"POST"));
        for (request, expected) in [
            ("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", Some(false)),
            ("HEAD /healthz?verbose HTTP/1.0\r\n\r\n", Some(true)),
            ("GET /healthz HTTP/1.1\r\nHost: a\r\n", None),
            ("POST /healthz HTTP/1.1\r\n\r\n", None),
            ("GET / HTTP/1.1\r\n\r\n", None),
            ("GET /healthzz HTTP/1.1\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(health_check(request.as_bytes()), expected, "{request}");
            let is_one = expected.is_some();
            assert!(!is_one || (0..request.len()).all(|len| may_become_health_check(&request.as_bytes()[..len])));
        }
    }
}
